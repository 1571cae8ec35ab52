//! What callers and the sender share: the ledger and the queue ([`Settler`]), the mode, the flush requests, the end.

use crate::clock::Stamp;
use crate::config::Config;
use crate::ledger::Totals;
use crate::mode::ModeSwitch;
use crate::process::Process;
use crate::settle::Settler;
use crate::stats::{Around, EndpointState, Stats};
use crate::sync::Arc;
use crate::sync::plain::{AtomicU8, AtomicU64, Ordering};
use crate::transport::http::Headers;
use crate::waits::{Board, Goal, Reached};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) struct Shared {
    pub(crate) settler: Arc<Settler>,
    /// Where its sender runs.
    pub(crate) process: Process,
    pub(crate) mode: ModeSwitch,
    pub(crate) config: Config,
    pub(crate) memory_bound: usize,
    /// The figures of our own transport.
    pub(crate) headers: Option<Arc<Headers>>,
    pub(crate) board: Arc<Board>,
    /// The number of the last flush requested.
    flushes_asked: AtomicU64,
    endpoint: AtomicU8,
    /// When the outage began, plus one; 0 if there is none.
    out_since: AtomicU64,
    /// The wall-clock time of the last delivery, in milliseconds; 0 if there was none.
    delivered_at: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        settler: Settler,
        process: Process,
        config: Config,
        memory_bound: usize,
        mode: ModeSwitch,
        headers: Option<Arc<Headers>>,
    ) -> Shared {
        let settler = Arc::new(settler);
        for log in [&settler.log, &settler.notice_log] {
            let writer = Arc::downgrade(&settler);
            log.is_written_by(writer);
        }
        Shared {
            board: Arc::clone(&settler.board),
            settler,
            process,
            mode,
            config,
            memory_bound,
            headers,
            flushes_asked: AtomicU64::new(0),
            endpoint: AtomicU8::new(EndpointState::Healthy as u8),
            out_since: AtomicU64::new(0),
            delivered_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        self.settler.clock.now()
    }

    pub(crate) fn stats(&self) -> Stats {
        // The bytes first: an event settled in between shows as pending bytes without events, not the reverse.
        let pending_bytes = self.settler.queue.held_bytes();
        let totals = self.settler.totals();
        let stalled = self.settler.log.stalled();
        let around = Around {
            pending_bytes,
            queue_events: self.settler.queue.len(),
            endpoint: self.endpoint(),
            outage_lasts: self.outage_lasts(),
            last_delivery: self.last_delivery(),
            log_stalls: stalled.stalls,
            log_stalled: stalled.lasted,
            log_write_lasts: stalled.write_lasts,
            ..self.settings()
        };
        Stats::new(&totals, &around)
    }

    /// For a child's client that has emitted nothing: no lock, single words.
    pub(crate) fn unused(&self) -> Stats {
        Stats::new(&Totals::default(), &self.settings())
    }

    fn settings(&self) -> Around {
        let queue = &self.settler.queue;
        Around {
            queue_events_max: queue.events_max(),
            queue_bytes_max: usize::try_from(queue.budget_bytes()).unwrap_or(usize::MAX),
            memory_bound: self.memory_bound,
            mode: self.mode.get(),
            ..Around::default()
        }
    }

    /// An outage has begun, at the first of the failures that caused it, or has ended.
    pub(crate) fn out_since(&self, since: Option<Stamp>) {
        self.out_since.store(since.map_or(0, |since| since.0 + 1), Ordering::Relaxed);
    }

    fn outage_lasts(&self) -> Duration {
        match self.out_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.now().since(Stamp(since - 1)),
        }
    }

    pub(crate) fn delivered_at(&self, time: SystemTime) {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.delivered_at.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn last_delivery(&self) -> Option<SystemTime> {
        match self.delivered_at.load(Ordering::Relaxed) {
            0 => None,
            millis => UNIX_EPOCH.checked_add(Duration::from_millis(millis)),
        }
    }

    /// Waits until everything emitted before is settled: by the sender, and by the log's writer for what the sender and callers have handed
    /// over by then.
    pub(crate) async fn flush(&self, until: Instant) -> Reached {
        let number = self.ask_for_flush();
        match self.board.wait(Goal::Flushed(number), until).await {
            Reached::Yes => self.board.wait(self.all_written(), until).await,
            Reached::No => Reached::No,
        }
    }

    pub(crate) fn flush_blocking(&self, until: Instant) -> Reached {
        let number = self.ask_for_flush();
        match self.board.wait_blocking(Goal::Flushed(number), until) {
            Reached::Yes => self.board.wait_blocking(self.all_written(), until),
            Reached::No => Reached::No,
        }
    }

    /// Everything that is on its way to the log now.
    pub(crate) fn all_written(&self) -> Goal {
        let position = self.settler.log.position();
        self.board.written(self.settler.log.want(position));
        Goal::Written(position)
    }

    /// Requests a flush from the sender; returns its number.
    pub(crate) fn ask_for_flush(&self) -> u64 {
        // AcqRel: the sender that sees the number also sees, by Acquire, every push that happened before the flush.
        let number = self.flushes_asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.settler.queue.ring();
        number
    }

    pub(crate) fn flushes_asked(&self) -> u64 {
        self.flushes_asked.load(Ordering::Acquire)
    }

    pub(crate) fn set_endpoint(&self, state: EndpointState) {
        self.endpoint.store(state as u8, Ordering::Relaxed);
    }

    fn endpoint(&self) -> EndpointState {
        const STATES: [EndpointState; 4] =
            [EndpointState::Healthy, EndpointState::Failing, EndpointState::Out, EndpointState::Probing];
        STATES[self.endpoint.load(Ordering::Relaxed) as usize % STATES.len()]
    }
}
