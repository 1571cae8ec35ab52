//! What the stats say about the endpoint, in single words: the sender writes them, and any thread may read them without a lock.

use crate::clock::Stamp;
use crate::stats::EndpointState;
use crate::sync::plain::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub(crate) struct EndpointStatus {
    state: AtomicU8,
    /// When the outage began, plus one; 0 if there is none.
    out_since: AtomicU64,
    /// The wall-clock time of the last delivery, in milliseconds; 0 if there was none.
    delivered_at: AtomicU64,
}

impl Default for EndpointStatus {
    fn default() -> EndpointStatus {
        EndpointStatus {
            state: AtomicU8::new(EndpointState::Healthy as u8),
            out_since: AtomicU64::new(0),
            delivered_at: AtomicU64::new(0),
        }
    }
}

impl EndpointStatus {
    pub(crate) fn set_state(&self, state: EndpointState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(super) fn state(&self) -> EndpointState {
        const STATES: [EndpointState; 4] =
            [EndpointState::Healthy, EndpointState::Failing, EndpointState::Out, EndpointState::Probing];
        STATES[self.state.load(Ordering::Relaxed) as usize % STATES.len()]
    }

    /// An outage has begun, at the first of the failures that caused it, or has ended.
    pub(crate) fn set_out_since(&self, since: Option<Stamp>) {
        self.out_since.store(since.map_or(0, |since| since.0 + 1), Ordering::Relaxed);
    }

    pub(super) fn outage_lasts(&self, now: Stamp) -> Duration {
        match self.out_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now.since(Stamp(since - 1)),
        }
    }

    pub(crate) fn set_delivered_at(&self, time: SystemTime) {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.delivered_at.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn last_delivery(&self) -> Option<SystemTime> {
        match self.delivered_at.load(Ordering::Relaxed) {
            0 => None,
            millis => UNIX_EPOCH.checked_add(Duration::from_millis(millis)),
        }
    }
}
