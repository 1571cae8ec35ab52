//! The clients' appetite: lowered on a crossing and raised again afterwards.
//!
//! In: clients, and what to do with them. AP1: a client whose setting was changed in the meantime is left alone.

use super::settings::Appetite;
use crate::Client;
use crate::Mode;
use crate::QueueShare;

/// The clients of a watch.
pub(super) struct Clients {
    pub(super) all: Vec<Client>,
    appetite: Appetite,
    /// Clients whose appetite was lowered and must be raised again.
    lowered: Vec<bool>,
}

impl Clients {
    pub(super) fn new(clients: Vec<Client>, appetite: Appetite) -> Clients {
        Clients { lowered: vec![false; clients.len()], all: clients, appetite }
    }

    pub(super) fn lower(&mut self) {
        for (client, lowered) in self.all.iter().zip(&mut self.lowered) {
            match self.appetite {
                Appetite::LogOnly if client.mode() == Mode::On => client.set_mode(Mode::LogOnly),
                Appetite::QueueShare(share) if client.queue_share() == QueueShare::Whole => {
                    client.set_queue_share(share)
                }
                _ => continue,
            }
            *lowered = true;
        }
    }

    /// Restores the previous appetite (AP1).
    pub(super) fn raise(&mut self) {
        for (client, lowered) in self.all.iter().zip(&mut self.lowered) {
            match self.appetite {
                _ if !std::mem::take(lowered) => {}
                Appetite::LogOnly if client.mode() == Mode::LogOnly => client.set_mode(Mode::On),
                Appetite::QueueShare(share) if client.queue_share() == share => {
                    client.set_queue_share(QueueShare::Whole)
                }
                _ => {}
            }
        }
    }
}
