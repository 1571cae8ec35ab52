//! The only access to time.
//!
//! In: nothing. Out: [`Stamp`]s, nanoseconds on a monotonic clock since the client was built. A wall clock that jumps changes nothing here.
//! The clock is the machine's, or tokio's when the sender runs as a future on the user's own runtime, so that a paused runtime makes days
//! pass in a second.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in nanoseconds since the client was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    /// Never: 584 years after the build.
    pub(crate) const NEVER: Stamp = Stamp(u64::MAX);

    pub(crate) fn after(self, delay: Duration) -> Stamp {
        Stamp(self.0.saturating_add(nanos(delay)))
    }

    pub(crate) fn before(self, lead: Duration) -> Stamp {
        Stamp(self.0.saturating_sub(nanos(lead)))
    }

    /// Zero if `earlier` is in fact later: the clocks of two cores may disagree by a few nanoseconds.
    pub(crate) fn since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Maps a clock's moments to wall-clock time, as of the moment when this was made. All places that state an event's time use the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// When the client was built, in nanoseconds since 1970; adjusted if the wall clock was set since.
    built_at: u64,
}

impl Calendar {
    /// The wall-clock time of that moment.
    pub(crate) fn at(now: Stamp, wall: SystemTime) -> Calendar {
        let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Calendar { built_at: nanos(since_epoch).saturating_sub(now.0) }
    }

    pub(crate) fn time(self, stamp: Stamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.built_at.saturating_add(stamp.0))
    }
}

/// Where the time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The machine's monotonic clock.
    Machine,
    /// tokio's, which a test may pause.
    Tokio,
}

/// A clock that starts at zero when the client is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: Instant,
    source: Source,
    tick: Tick,
}

impl Clock {
    pub(crate) fn start(source: Source) -> Clock {
        Clock { epoch: read(source), source, tick: Tick::start() }
    }

    /// The time of the kernel's last tick, 1 to 10 ms ago: for the label of an event, and for how long a log write takes. It costs a
    /// quarter of reading the exact time, which would be a tenth of the whole call.
    #[inline]
    pub(crate) fn last_tick(&self) -> Stamp {
        match self.source {
            Source::Machine => self.tick.last().unwrap_or_else(|| self.now()),
            Source::Tokio => self.now(),
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        self.stamp(read(self.source))
    }

    /// A calendar by the current wall clock.
    pub(crate) fn calendar(&self) -> Calendar {
        Calendar::at(self.now(), wall())
    }

    /// How long this machine has been suspended since it was started, give or take the time between two readings; zero if the system does
    /// not say. The monotonic clock stands still meanwhile; peers do not.
    pub(crate) fn suspended(&self) -> Duration {
        match self.source {
            Source::Machine => suspended(),
            Source::Tokio => Duration::ZERO,
        }
    }

    pub(crate) fn stamp(&self, instant: Instant) -> Stamp {
        Stamp(nanos(instant.saturating_duration_since(self.epoch)))
    }

    /// Resolves at `stamp`; a moment beyond what the platform can express never comes.
    ///
    /// # Cancel safety
    /// Cancel safe; needs a tokio runtime, which the sender has.
    #[cfg(not(overspill_shuttle))]
    pub(crate) async fn sleep_until(&self, stamp: Stamp) {
        match self.epoch.checked_add(Duration::from_nanos(stamp.0)) {
            Some(instant) if stamp != Stamp::NEVER => tokio::time::sleep_until(instant.into()).await,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let nanos =
        |time: rustix::time::Timespec| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let awake = nanos(clock_gettime(ClockId::Monotonic));
    let all = nanos(clock_gettime(ClockId::Boottime));
    Duration::from_nanos(u64::try_from(all - awake).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn suspended() -> Duration {
    Duration::ZERO
}

/// Linux publishes the time of its last tick where it can be read without asking the clock.
#[derive(Debug, Clone, Copy)]
struct Tick {
    #[cfg(all(target_os = "linux", not(overspill_shuttle)))]
    epoch: u64,
}

#[cfg(all(target_os = "linux", not(overspill_shuttle)))]
impl Tick {
    fn start() -> Tick {
        Tick { epoch: Tick::nanos(rustix::time::ClockId::Monotonic) }
    }

    /// Never ahead of [`Clock::now`]; zero in the first tick.
    #[inline]
    fn last(self) -> Option<Stamp> {
        Some(Stamp(Tick::nanos(rustix::time::ClockId::MonotonicCoarse).saturating_sub(self.epoch)))
    }

    #[inline]
    fn nanos(clock: rustix::time::ClockId) -> u64 {
        let time = rustix::time::clock_gettime(clock);
        // Both are positive on a monotonic clock, and five hundred years of nanoseconds fit.
        (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
    }
}

#[cfg(not(all(target_os = "linux", not(overspill_shuttle))))]
impl Tick {
    fn start() -> Tick {
        Tick {}
    }

    fn last(self) -> Option<Stamp> {
        None
    }
}

#[cfg(not(overspill_shuttle))]
fn read(source: Source) -> Instant {
    match source {
        Source::Machine => Instant::now(),
        Source::Tokio => tokio::time::Instant::now().into_std(),
    }
}

/// A model's time is its steps, a microsecond each, so that a schedule that is run again finds the same moments.
#[cfg(overspill_shuttle)]
mod model {
    use super::{Clock, Source, Stamp};
    use crate::sync::model::{pause, steps};
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn read(_: Source) -> Instant {
        *BEGINNING + Duration::from_micros(steps())
    }

    impl Clock {
        pub(crate) async fn sleep_until(&self, stamp: Stamp) {
            if stamp == Stamp::NEVER {
                return std::future::pending().await;
            }
            while self.now() < stamp {
                pause().await;
            }
        }
    }
}
#[cfg(overspill_shuttle)]
use model::read;

/// The wall clock: to read a date that an endpoint sends, and to record when something happened.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// A number that differs between clients, processes and hosts: the client's id and the default seed of the jitter.
pub(crate) fn entropy() -> u64 {
    use std::hash::{BuildHasher, Hash, Hasher};
    // RandomState gets its keys from the operating system once per thread and increments them for each hasher. So a process and its forked
    // child have the same keys, and so do two children.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    std::process::id().hash(&mut hasher);
    // Process ids are reused, and count from one in each container.
    Instant::now().hash(&mut hasher);
    hasher.finish()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_tick_is_never_ahead_of_the_time_and_never_far_behind() {
        let clock = Clock::start(Source::Machine);
        for _ in 0..100_000 {
            let before = clock.now();
            let tick = clock.last_tick();
            let after = clock.now();
            assert!(tick <= after, "{tick:?} {after:?}");
            // 100 Hz is the slowest tick; one more second for an overloaded machine.
            assert!(before.since(tick) < Duration::from_secs(1), "{tick:?} {before:?}");
        }
    }
    #[test]
    fn a_machine_that_is_awake_has_slept_for_no_longer_than_before() {
        let clock = Clock::start(Source::Machine);
        let before = clock.suspended();
        let closest = (0..1_000).map(|_| clock.suspended().abs_diff(before)).min().unwrap();
        assert!(closest < Duration::from_millis(1), "{closest:?}");
        assert_eq!(Clock::start(Source::Tokio).suspended(), Duration::ZERO);
    }
}
