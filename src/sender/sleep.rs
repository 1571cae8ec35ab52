//! What the sender sleeps for and until when: the end of each turn of its loop.
//!
//! In: what the turn has left. Out: nothing; the next turn looks at what has changed. Z1: the sleeper is woken by the queue, which knows
//! for what before the sender sleeps, by a timer, or by a request that lands. None of these is decided here.

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
        let patience = self.patience();
        let nap = if self.ready.is_some() { self.nap_before_relief(patience) } else { self.nap(&look) };
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
                // Not armed: this is only a look at the flights.
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
        if look.sealed || self.shared.queue.is_closed() {
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

    /// Until when the queue may fill while every request waits, so that no caller has to wake us before it is nearly full.
    fn nap_before_relief(&self, patience: Stamp) -> Stamp {
        if patience != Stamp::NEVER {
            return Stamp::NEVER;
        }
        let (limits, queue) = (&self.limits, &self.shared.queue);
        let batches = |(events, bytes): (u64, u64)| {
            (events as f64 / limits.events_max as f64).min(bytes as f64 / limits.bytes_max as f64)
        };
        if batches(queue.relief_margin()) < 1.0 {
            // Callers would meet a full queue if we were late.
            return Stamp::NEVER;
        }
        let nap = self.pace.nap_before_relief(batches(queue.until_relief()));
        nap.map_or(Stamp::NEVER, |nap| self.shared.now().after(nap))
    }

    /// Tells the queue what should wake us. `false`: it is there already.
    fn arm(&self, look: &Look, nap: Stamp, patience: Stamp) -> bool {
        let queue = &self.shared.queue;
        let limits = self.fitted_limits();
        let (events, bytes) = self.filling.as_ref().map_or((0, 0), |batch| (batch.len(), batch.text_len()));
        let (waiting, bytes) = (events + look.events, bytes + look.bytes);
        // The batch may have begun before batches became smaller, and so hold more than enough.
        let charged = |enough: usize| look.held_bytes + enough.saturating_sub(bytes).max(1);
        match waiting {
            // A flight will land, or the timer will say that none does: until then no new event matters.
            _ if patience != Stamp::NEVER => true,
            // Only a flight that lands can help, or a queue so full that it must be relieved.
            _ if self.ready.is_some() && nap == Stamp::NEVER => queue.arm_for_relief(),
            _ if self.ready.is_some() => queue.arm_for_late_relief(),
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

    /// When the filling batch is old enough, or wanted for a probe; never while another batch is ready.
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

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use crate::sync::Arc;
    use crate::transport::{Posting, Request, Transport};
    use crate::{Builder, Mode};
    use std::time::Duration;

    struct Hangs;

    impl Transport for Hangs {
        fn post(&mut self, request: Request) -> Posting {
            Box::pin(async {
                let _request = request;
                std::future::pending().await
            })
        }
    }

    struct Nowhere;

    impl crate::SpillSink for Nowhere {
        fn write(&self, _: &crate::spill::Record<'_>) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// In two seconds of 20 events a millisecond, after one second of the same in which the queue becomes nearly full.
    struct Load {
        /// Calls that woke the sender.
        rung: u32,
        /// Chunks that callers sealed.
        sealed: u64,
        /// Events held at the end.
        held: u64,
    }

    async fn steady_load_while_every_post_hangs(queue_events_max: usize) -> Load {
        let builder =
            Builder::new("http://127.0.0.1:9/").transport(Hangs).post_timeout(Duration::from_secs(60));
        let builder = builder.spill_sink(Nowhere).spill_fallback(Nowhere).queue_events_max(queue_events_max);
        let (client, sender) = builder.build_with_sender().unwrap();
        let shared = Arc::clone(&sender.shared);
        let running = tokio::spawn(sender.run());
        let (mut rung, mut sealed) = (0, 0);
        for millisecond in 0..3_000 {
            if millisecond == 1_000 {
                (rung, sealed) = (0, shared.queue.sealed());
            }
            for nth in 0..20 {
                let asleep = shared.queue.is_armed();
                client.emit(&(millisecond, nth));
                rung += u32::from(asleep && !shared.queue.is_armed());
            }
            // The pace, on a paused clock.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let load =
            Load { rung, sealed: shared.queue.sealed() - sealed, held: 60_000 - client.stats().spilled };
        client.set_mode(Mode::Off);
        let stats = client.shutdown(Duration::from_secs(1)).await;
        assert_eq!((stats.emitted, stats.spilled, stats.lost, stats.pending), (60_000, 60_000, 0, 0));
        running.await.unwrap();
        load
    }

    #[tokio::test(start_paused = true)]
    async fn while_every_post_hangs_under_a_steady_load_no_call_wakes_the_sender_and_chunks_are_filled() {
        let Load { rung, sealed, held } = steady_load_while_every_post_hangs(8_192).await;
        assert_eq!(rung, 0);
        // 40,000 events in chunks of 500.
        assert!((79..=81).contains(&sealed), "{sealed}");
        // Relieved by the sender, none refused: the queue stays between six and seven eighths full, and there are four requests.
        assert!((6_144..7_168 + 2_500).contains(&held), "{held}");
    }

    /// Between six and seven eighths of this queue there is room for a quarter of a batch.
    #[tokio::test(start_paused = true)]
    async fn calls_wake_a_sender_whose_queue_is_too_small_for_a_nap_while_every_post_hangs() {
        let Load { rung, .. } = steady_load_while_every_post_hangs(1_000).await;
        assert!(rung > 0);
    }
}
