//! The actors on the client: emitters, one that switches the mode, one that flushes, and one that only observes.

use crate::books::Books;
use crate::hooks::{Event, Manner, planned_panic};
use crate::plan::{Hooks, Log, Plan, log_uniform};
use fastrand::Rng;
use overspill::{Client, Mode};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// One life of one client, from its users' side.
pub struct Cast<'a> {
    pub client: &'a Client,
    pub books: &'a Books,
    pub plan: &'a Plan,
    pub began: Instant,
    /// Whether the sender still runs.
    pub calm: bool,
}

impl Cast<'_> {
    fn step(&self) {
        self.books.check(self.client, self.plan);
    }

    /// Emits one event of any kind.
    fn emit_any(&self, rng: &mut Rng) {
        let most = self.plan.event_bytes_max;
        let bytes = match rng.u32(..40) {
            0 => rng.usize(..5 * most),
            1..=4 => rng.usize(..most),
            _ => rng.usize(..200.min(most)),
        };
        let id = self.books.next_id();
        let padding = "\u{2028}x\n".repeat(bytes / 3);
        let (client, books) = (self.client, self.books);
        let nested = |client: &Client| {
            let id = books.next_id();
            books.emitted(id, client.emit(&Event { id, padding: "nested", manner: Manner::Good }));
        };
        let manner = match rng.u32(..60) {
            0 => Manner::Fails,
            1 => Manner::Panics,
            2 => Manner::Emits(client, &nested),
            _ => Manner::Good,
        };
        let event = Event { id, padding: &padding, manner };
        let how = match rng.u32(..50) {
            // A panic of the caller's closure is the caller's own: nothing is emitted.
            0 => {
                let made = Cell::new(false);
                let emit = || {
                    client.emit_with(|| -> u64 {
                        made.set(true);
                        planned_panic()
                    })
                };
                assert!(catch_unwind(AssertUnwindSafe(emit)).is_err() == made.get());
                return self.step();
            }
            1..=5 => client.emit_with(|| event),
            _ => client.emit(&event),
        };
        books.emitted(id, how);
        self.step();
    }

    pub async fn emit(&self, mut rng: Rng, events: usize) {
        let pause = self.plan.horizon / events.max(1) as u32;
        let mut left = events;
        while left > 0 {
            let burst = if rng.u32(..10) == 0 { left.min(1 + rng.usize(..60)) } else { 1 };
            for _ in 0..burst {
                self.emit_any(&mut rng);
            }
            left -= burst;
            // The pace, drawn from the seed; all time here is simulated.
            sleep(2 * pause.mul_f64(rng.f64()) * burst as u32).await;
        }
    }

    pub async fn switch_modes(&self, mut rng: Rng) {
        for _ in 0..rng.u32(..12) {
            // Until the next event of this actor.
            sleep(self.plan.horizon.mul_f64(rng.f64() / 6.0)).await;
            self.client.set_mode([Mode::On, Mode::On, Mode::LogOnly, Mode::Off][rng.usize(..4)]);
            self.step();
        }
        self.client.set_mode(Mode::On);
    }

    /// A flush changes nothing, and promises that what was emitted before it is settled. If it is dropped in the middle it
    /// promises nothing and breaks nothing.
    pub async fn flush(&self, mut rng: Rng) {
        for _ in 0..rng.u32(..8) {
            // Until the next event of this actor.
            sleep(self.plan.horizon.mul_f64(rng.f64() / 4.0)).await;
            let before = self.books.kept();
            let patience = log_uniform(&mut rng, Duration::from_micros(10), Duration::from_secs(60));
            let flushed = timeout(patience, self.client.flush(Duration::from_secs(60))).await;
            if matches!(flushed, Ok(Ok(()))) && self.plan.log != Log::Lossy {
                assert!(self.books.have(&before), "flushed but not settled: {}", self.client.stats());
            }
            self.step();
        }
    }

    /// Reads the stats at random times.
    pub async fn look(&self, mut rng: Rng) {
        for _ in 0..50 {
            // Until the next event of this actor.
            sleep(self.plan.horizon.mul_f64(rng.f64() / 25.0)).await;
            self.step();
        }
    }

    /// Fine weather: the client must find that the endpoint is back with nothing but the events that arrive, and deliver again.
    pub async fn recover(&self) {
        if !self.calm || self.plan.hooks == Hooks::Panicking {
            return;
        }
        // The end of the run.
        sleep_until(self.began + self.plan.horizon).await;
        // Two probes at their longest interval, the longest Retry-After, the longest tarpit.
        let long_enough = 2 * self.plan.probe_interval_max + Duration::from_secs(20 + 22);
        let mut id = 0;
        for _ in 0..=long_enough.as_secs() {
            id = self.books.next_id();
            let event = Event { id, padding: "", manner: Manner::Good };
            self.books.emitted(id, self.client.emit(&event));
            // The pace.
            sleep(Duration::from_secs(1)).await;
            self.step();
        }
        self.client.flush(Duration::from_secs(60)).await.expect("a flush in fine weather");
        let stats = self.client.stats();
        assert_eq!(stats.endpoint, overspill::EndpointState::Healthy, "{stats}");
        assert!(self.books.took(id), "the last event, in fine weather: {stats}");
    }
}
