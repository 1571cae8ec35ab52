//! What the sender sleeps for and until when: the end of each turn of its loop.
//!
//! In: what the turn has left. Out: nothing; the next turn sees for itself what has changed. Z1: what should wake the sleeper is
//! told to the queue before it sleeps, or is a timer, or a request that lands; none of them is decided here.

use super::gap::Gapped;
use super::{Progress, Sender};
use crate::clock::Stamp;
use crate::limits::RELIEF_PATIENCE;
use crate::queue::Look;
use crate::sync::{pause, yield_now};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

impl Sender {
    /// Sleeps until there is something to do: an event, a landed flight, a timer, a ring.
    pub(super) async fn wait(&mut self, progress: Progress) {
        let look = self.look();
        let (nap, patience) = (self.nap(&look), self.patience());
        let armed = progress == Progress::None && self.arm(&look, nap, patience);
        let until = if armed { self.next_timer(&look).min(nap).min(patience) } else { Stamp(0) };
        if !armed {
            // T2.
            pause().await;
        }
        if progress == Progress::None && !armed && self.shared.queue.awaits_push() {
            // A caller is between its announcement and its push; it may need this very core.
            yield_now();
        }
        let landed = {
            let clock = self.shared.clock;
            let queue = &self.shared.queue;
            let flights = &mut self.flights;
            let (mut woken, mut timer) = (pin!(queue.woken()), pin!(clock.sleep_until(until)));
            poll_fn(|cx| {
                if let Poll::Ready(landed) = flights.poll_landed(cx) {
                    return Poll::Ready(Some(landed));
                }
                // Not armed: it was only a look at the flights.
                if !armed || woken.as_mut().poll(cx).is_ready() || timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                Poll::Pending
            })
            .await
        };
        if armed {
            self.shared.queue.disarm();
        }
        self.heed_gap(if armed { until } else { Stamp::NEVER });
        if let Some((flight, answer)) = landed {
            self.land(flight, answer);
        }
    }

    /// Connections that were open before a gap in time are older than they seem.
    fn heed_gap(&mut self, due: Stamp) {
        let suspended = self.shared.clock.suspended();
        if self.gap.look(self.shared.now(), suspended, due) == Gapped::Yes {
            self.transport.connections_are_stale();
        }
    }

    /// Until when a steady stream of events may gather; never, if each of them should wake us or none can.
    fn nap(&self, look: &Look) -> Stamp {
        if self.ready.is_some() || look.sealed || self.shared.queue.is_closed() {
            return Stamp::NEVER;
        }
        let now = self.shared.now();
        // The event that makes the next probe must not wait.
        let probe_at = self.probe_at().unwrap_or(Stamp::NEVER);
        let limits = self.fitted_limits();
        let waiting = limits.share(look.events, look.bytes);
        let filled = waiting + self.filling.as_ref().map_or(0.0, |batch| batch.share(&limits));
        match self.pace.nap(filled) {
            Some(nap) if now < probe_at => now.after(nap).min(probe_at),
            _ => Stamp::NEVER,
        }
    }

    /// Tells the queue what should wake us. `false`: it is there already.
    fn arm(&self, look: &Look, nap: Stamp, patience: Stamp) -> bool {
        let queue = &self.shared.queue;
        let limits = self.fitted_limits();
        let (events, bytes) = self.filling.as_ref().map_or((0, 0), |batch| (batch.len(), batch.text_len()));
        let (waiting, bytes) = (events + look.events, bytes + look.bytes);
        // It may have been begun before batches became smaller.
        let charged = |enough: usize| look.held_bytes + enough.saturating_sub(bytes).max(1);
        match waiting {
            // A flight will land, or the timer will say that none does: until then no new event matters.
            _ if patience != Stamp::NEVER => true,
            // Only a flight that lands can help, or a queue so full that it must be relieved.
            _ if self.ready.is_some() => queue.arm_for_relief(),
            _ if nap != Stamp::NEVER => queue.arm_for_nap(charged(queue.batch_bytes())),
            0 => queue.arm_for_any(),
            _ => {
                let room = limits.bytes_max.saturating_sub(limits.body(waiting, 0)).min(queue.batch_bytes());
                queue.arm_for_batch(limits.events_max.saturating_sub(events).max(1), charged(room))
            }
        }
    }

    /// The next moment at which there is something to do. A moment that has passed during this turn counts: it ends the sleep at
    /// once.
    fn next_timer(&self, look: &Look) -> Stamp {
        let (spill_at, abort_at) = self.closing_times();
        let queued = look.events > 0;
        [
            self.filling_until(look),
            self.telling.next_at(),
            if self.ready.is_some() { self.hung_at(self.shared.now()) } else { Stamp::NEVER },
            if queued || self.ready.is_some() || self.filling.is_some() { spill_at } else { Stamp::NEVER },
            if self.flights.is_empty() { Stamp::NEVER } else { abort_at },
            self.flights.late_at(),
        ]
        .into_iter()
        .min()
        .unwrap_or(Stamp::NEVER)
    }

    /// Until when the ready batch waits for a request to land, whatever the queue says; never, if that time has passed.
    fn patience(&self) -> Stamp {
        let until = self.moved_at.after(RELIEF_PATIENCE);
        if self.ready.is_some() && self.shared.now() < until { until } else { Stamp::NEVER }
    }

    /// When the filling batch is old enough, or wanted for a probe, if nothing stands in its way.
    fn filling_until(&self, look: &Look) -> Stamp {
        match self.begun_at(look) {
            Stamp::NEVER => Stamp::NEVER,
            _ if self.ready.is_some() => Stamp::NEVER,
            begun_at => {
                let age = begun_at.after(self.shared.config.batch_age_max);
                self.probe_at().map_or(age, |probe_at| age.min(probe_at))
            }
        }
    }
}
