//! What callers and sender have in common: the books and the queue ([`Settler`]), the mode, the flush requests, the end.

use crate::clock::Stamp;
use crate::config::Config;
use crate::mode::ModeSwitch;
use crate::process::Process;
use crate::settle::Settler;
use crate::stats::{EndpointState, Stats};
use crate::sync::Arc;
use crate::sync::plain::{AtomicU8, AtomicU64, Ordering};
use crate::transport::http::Headers;
use crate::waits::{Board, Goal, Reached};
use std::time::Instant;

pub(crate) struct Shared {
    pub(crate) settler: Arc<Settler>,
    /// Where its sender runs.
    pub(crate) process: Process,
    pub(crate) mode: ModeSwitch,
    pub(crate) config: Config,
    pub(crate) memory_bound: usize,
    /// Those of our own transport.
    pub(crate) headers: Option<Arc<Headers>>,
    pub(crate) board: Arc<Board>,
    /// The number of the last flush that was asked for.
    flushes_asked: AtomicU64,
    endpoint: AtomicU8,
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
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        self.settler.clock.now()
    }

    pub(crate) fn stats(&self) -> Stats {
        // The bytes first: what is settled in between then shows as pending bytes without events, not the reverse.
        let pending_bytes = self.settler.queue.held_bytes();
        Stats::new(self.settler.totals(), pending_bytes, self.endpoint(), self.mode.get())
    }

    /// Waits until all that was emitted before is settled: by the sender, and what it and callers have handed over to the log's writer by
    /// then.
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

    /// All that is on its way to the log now.
    pub(crate) fn all_written(&self) -> Goal {
        let position = self.settler.log.position();
        self.board.written(self.settler.log.want(position));
        Goal::Written(position)
    }

    /// Asks the sender for a flush; its number.
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
