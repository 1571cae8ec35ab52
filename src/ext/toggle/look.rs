//! One look at the flags, and its consequences.
//!
//! In: nothing. Out: modes, shares and rates that are set. Other modules decide what to ask (`ask.rs`), what
//! an answer means (`meaning.rs`) and what follows (`course.rs`). LK1: nothing here is on an event's path:
//! `emit` reads the same word as without a toggle. LK2: after its guard is dropped, no look sets anything.

use super::ask::{FlagType, ask_any};
use super::course::Course;
use super::meaning::{mode_of, rate_of, share_of};
use super::notice;
use super::settings::Builder;
use crate::Client;
use crate::Mode;
use crate::QueueShare;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Feature flags that switch a client. Built by [`build`](Builder::build); run by [`run`](Toggle::run), or on its own thread by
/// [`start`](Builder::start).
///
/// The toggle holds a clone of the client: end with [`shutdown`](Client::shutdown) or a [guard](Client::shutdown_on_drop), and do not rely
/// on dropping the last clone.
pub struct Toggle {
    events: Client,
    flags: open_feature::Client,
    followed: Vec<Flag>,
    interval: Duration,
    timeout: Duration,
    /// `true` until the guard is dropped.
    pub(super) following: Arc<AtomicBool>,
}

/// One flag.
pub(super) struct Flag {
    pub(super) key: String,
    kinds: Vec<FlagType>,
    target: Target,
}

/// What a flag sets.
enum Target {
    Mode(Course<Mode>),
    QueueShare(Course<QueueShare>),
    Sample(Course<NonZeroU32>, SetRate),
}

type SetRate = Box<dyn Fn(NonZeroU32) + Send + Sync>;

impl Flag {
    pub(super) fn mode(key: String) -> Flag {
        Flag { key, kinds: vec![FlagType::Text, FlagType::Truth], target: Target::Mode(Course::default()) }
    }

    pub(super) fn queue_share(key: String) -> Flag {
        Flag { key, kinds: vec![FlagType::Text], target: Target::QueueShare(Course::default()) }
    }

    pub(super) fn sample(key: String, set: SetRate) -> Flag {
        Flag { key, kinds: vec![FlagType::Number], target: Target::Sample(Course::default(), set) }
    }

    pub(super) fn setting(&self) -> &'static str {
        match self.target {
            Target::Mode(_) => "mode_flag",
            Target::QueueShare(_) => "queue_share_flag",
            Target::Sample(..) => "sample_flag",
        }
    }

    fn what(&self) -> &'static str {
        match self.target {
            Target::Mode(_) => "mode",
            Target::QueueShare(_) => "queue share",
            Target::Sample(..) => "sample rate",
        }
    }
}

impl Toggle {
    /// Starts to configure a toggle that switches `events` as `flags` says. Make `flags` with
    /// [`create_client`](open_feature::OpenFeature::create_client), and use
    /// [`set_evaluation_context`](open_feature::Client::set_evaluation_context) to give it what your targeting rules need: region, host,
    /// version.
    pub fn builder(events: &Client, flags: open_feature::Client) -> Builder {
        Builder::new(events, flags)
    }

    pub(super) fn new(settings: Builder) -> Toggle {
        let Builder { events, flags, followed, interval, evaluation_timeout } = settings;
        let following = Arc::new(AtomicBool::new(true));
        Toggle { events, flags, followed, interval, timeout: evaluation_timeout, following }
    }

    /// Polls each flag once, one after the other, and sets what has changed.
    ///
    /// Needs a tokio runtime with timers enabled. A provider that hangs is abandoned after
    /// [`evaluation_timeout`](Builder::evaluation_timeout); one that panics is contained.
    ///
    /// # Cancel safety
    /// Cancel safe: the next poll evaluates the flags again.
    pub async fn look(&mut self) {
        for flag in &mut self.followed {
            let given = ask_any(&self.flags, &flag.key, &mut flag.kinds, self.timeout).await;
            // LK2: a look does not undo what the guard's owner sets after dropping it. Acquire: pairs with the guard's store.
            if !self.following.load(Ordering::Acquire) {
                return;
            }
            let (now, what) = (Instant::now(), flag.what());
            match &mut flag.target {
                Target::Mode(course) => {
                    let said = given.and_then(|given| mode_of(&given));
                    follow(course, now, said, (what, &flag.key), |mode| self.events.set_mode(mode));
                }
                Target::QueueShare(course) => {
                    let said = given.and_then(|given| share_of(&given));
                    follow(course, now, said, (what, &flag.key), |share| self.events.set_queue_share(share));
                }
                Target::Sample(course, set) => {
                    let said = given.and_then(|given| rate_of(&given));
                    follow(course, now, said, (what, &flag.key), set);
                }
            }
        }
    }

    /// Polls at once and then every [`interval`](Builder::interval), and never returns: spawn it on the application's runtime, and abort it
    /// to end it.
    ///
    /// Needs a tokio runtime with timers enabled; if you have none, [`start`](Builder::start) brings its own.
    ///
    /// # Cancel safety
    /// Cancel safe: what was set stays set.
    pub async fn run(mut self) {
        self.tell_start();
        loop {
            self.look().await;
            tokio::time::sleep(self.interval).await;
        }
    }

    fn tell_start(&self) {
        let flags: Vec<String> =
            self.followed.iter().map(|flag| format!("{:?} for the {}", flag.key, flag.what())).collect();
        notice::started(&flags.join(", "), self.interval);
    }
}

fn follow<V: Copy + PartialEq + fmt::Display>(
    course: &mut Course<V>,
    now: Instant,
    said: Result<V, super::meaning::FlagTrouble>,
    (what, key): (&'static str, &str),
    mut set: impl FnMut(V),
) {
    let step = course.hear(now, said);
    // Reported first, so that the client's own notice of the change follows its cause.
    if let Some(tell) = &step.tell {
        notice::tell(what, key, tell);
    }
    if let Some(value) = step.set {
        set(value);
    }
}

impl fmt::Debug for Toggle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.followed.iter().map(|flag| flag.key.as_str()).collect();
        f.debug_struct("Toggle")
            .field("flags", &keys)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
