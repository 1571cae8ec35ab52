//! What callers, the sender and the log's thread share: the queue, the ledger, the way to the log, the settings.
//!
//! In: the parts of a client, from `start`. Out: snapshots of them, as [`Stats`].
//! Deliberately not here: what is done with them. See `client.rs` (emit), `settle.rs`, `flush.rs`, `shutdown.rs`, `sender.rs`.

mod endpoint;

use crate::clock::{Clock, Stamp};
use crate::closing::Closing;
use crate::common::Common;
use crate::config::Config;
use crate::encode::Encoder;
use crate::ledger::{Ledger, Totals};
use crate::mode::ModeSwitch;
use crate::notice::Notices;
use crate::observer::Observer;
use crate::process::Process;
use crate::queue::Queue;
use crate::spill::Spill;
use crate::spill::log_queue::LogQueue;
use crate::stats::{Around, Stats};
use crate::sync::plain::AtomicU64;
use crate::sync::{Arc, Padded};
use crate::transport::http::Headers;
use crate::waits::Board;
use endpoint::EndpointStatus;

pub(crate) struct Shared {
    /// The process in which its sender runs.
    pub(crate) process: Process,
    pub(crate) mode: ModeSwitch,
    pub(crate) config: Config,
    pub(crate) memory_bound: usize,
    pub(crate) clock: Clock,
    pub(crate) encoder: Encoder,
    /// What all events have in common.
    pub(crate) common: Arc<Common>,
    pub(crate) queue: Queue,
    pub(crate) ledger: Ledger,
    pub(crate) spill: Spill,
    /// Events that go to the log.
    pub(crate) log: Arc<LogQueue>,
    /// Notices: the same queue, unless events go to a sink.
    pub(crate) notice_log: Arc<LogQueue>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    /// The headers of our own HTTP transport.
    pub(crate) headers: Option<Arc<Headers>>,
    /// Padded: the sender writes it in each turn, and callers read what would be next to it.
    pub(crate) endpoint: Padded<EndpointStatus>,
    pub(crate) board: Arc<Board>,
    pub(crate) closing: Closing,
    /// 1 once the sender has ended and only what is on its way to the log can be pending.
    pub(crate) end_wanted: AtomicU64,
}

impl Shared {
    pub(crate) fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// The ledger at this moment.
    pub(crate) fn totals(&self) -> Totals {
        self.ledger.totals(|| self.queue.emitted())
    }

    /// Whether nothing is pending, once the queue is drained.
    pub(crate) fn is_settled(&self) -> bool {
        self.totals().pending == 0
    }

    pub(crate) fn stats(&self) -> Stats {
        // The bytes first: an event settled in between shows as pending bytes without events, not the reverse.
        let pending_bytes = self.queue.held_bytes();
        let totals = self.totals();
        let stalled = self.log.stalled();
        let endpoint = &self.endpoint.0;
        let around = Around {
            pending_bytes,
            queue_events: self.queue.len(),
            endpoint: endpoint.state(),
            outage_lasts: endpoint.outage_lasts(self.now()),
            last_delivery: endpoint.last_delivery(),
            log_stalls: stalled.stalls,
            log_stalled: stalled.lasted,
            log_write_lasts: stalled.write_lasts,
            ..self.settings()
        };
        Stats::new(&totals, &around)
    }

    /// The stats of a child's client that has emitted nothing. Takes no lock and reads only single words.
    pub(crate) fn unused(&self) -> Stats {
        Stats::new(&Totals::default(), &self.settings())
    }

    fn settings(&self) -> Around {
        Around {
            queue_events_max: self.queue.events_max(),
            queue_bytes_max: usize::try_from(self.queue.budget_bytes()).unwrap_or(usize::MAX),
            memory_bound: self.memory_bound,
            mode: self.mode.get(),
            ..Around::default()
        }
    }
}
