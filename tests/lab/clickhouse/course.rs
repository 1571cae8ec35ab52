//! Follows the outages: what happened, and whether the server came back.

use super::*;

/// What the client reported about the outages. Counted on the sender's thread, read on ours. Nothing else depends
/// on the numbers, so relaxed ordering is enough.
#[derive(Default)]
pub struct Course {
    pub outages_began: AtomicU64,
    pub outages_ended: AtomicU64,
    pub delivered_before: AtomicU64,
    pub delivered_since: AtomicU64,
}

impl Course {
    /// Whether every outage has ended and events were delivered since, not counting the probe that ended it.
    pub fn is_over(&self) -> bool {
        let [began, ended, since] =
            [&self.outages_began, &self.outages_ended, &self.delivered_since].map(load);
        began == ended && (began == 0 || since > 0)
    }
}

pub fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub struct Watch(pub Arc<Course>);

impl Observer for Watch {
    fn signal(&self, signal: &Signal<'_>) {
        let course = &*self.0;
        match signal {
            Signal::OutageBegan { .. } => {
                course.outages_began.fetch_add(1, Ordering::Relaxed);
                course.delivered_since.store(0, Ordering::Relaxed);
            }
            Signal::OutageEnded { .. } => {
                // The probe's events were reported before its success ended the outage.
                course.delivered_since.store(0, Ordering::Relaxed);
                course.outages_ended.fetch_add(1, Ordering::Relaxed);
            }
            Signal::Delivered { events, .. } => {
                let first = load(&course.outages_began) == 0;
                let phase = if first { &course.delivered_before } else { &course.delivered_since };
                phase.fetch_add(*events, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// Keeps emitting until the server answers and the client delivers again: without events there are no probes.
pub async fn recover(stream: &mut Stream<'_>, course: &Course, database: &Database) -> Recovered {
    let until = Instant::now() + RECOVERY_MAX;
    while Instant::now() < until {
        stream.flow(POST_TIMEOUT / 4).await;
        if course.is_over()
            && stream.client.stats().endpoint == EndpointState::Healthy
            && database.ping().await.is_ok()
        {
            return Recovered::Yes;
        }
    }
    Recovered::No
}

#[derive(Clone, Copy, PartialEq)]
pub enum Recovered {
    Yes,
    No,
}
