//! The settings of a toggle. In: what the user sets. Out: a toggle, or which setting is wrong.

use super::error::StartError;
use super::limits::{
    EVALUATION_TIMEOUT, EVALUATION_TIMEOUT_MAX, EVALUATION_TIMEOUT_MIN, FLAGS_MAX, INTERVAL, INTERVAL_MAX,
    INTERVAL_MIN, KEY_BYTES_MAX,
};
use super::look::{Flag, Toggle};
use super::thread::ToggleGuard;
use crate::Client;
use crate::Sample;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

/// The settings of a toggle: from [`Toggle::builder`].
pub struct Builder {
    pub(super) events: Client,
    pub(super) flags: open_feature::Client,
    pub(super) followed: Vec<Flag>,
    pub(super) interval: Duration,
    pub(super) evaluation_timeout: Duration,
}

impl Builder {
    pub(super) fn new(events: &Client, flags: open_feature::Client) -> Builder {
        Builder {
            events: events.clone(),
            flags,
            followed: Vec::new(),
            interval: INTERVAL,
            evaluation_timeout: EVALUATION_TIMEOUT,
        }
    }

    /// The flag for the [mode](Client::set_mode): a string, `on`, `log_only` or `off`; or a boolean, `true` for on and `false` for off. The
    /// toggle finds out which type it is.
    pub fn mode_flag(mut self, key: impl Into<String>) -> Builder {
        self.followed.push(Flag::mode(key.into()));
        self
    }

    /// The flag for the [share](Client::set_queue_share) of the byte budget: a string, `whole`, `half`, `quarter` or `eighth`.
    pub fn queue_share_flag(mut self, key: impl Into<String>) -> Builder {
        self.followed.push(Flag::queue_share(key.into()));
        self
    }

    /// The flag for the [rate](Sample::set_rate) of `sample`: an integer from 1 up, one in this many. Call it once for each `Sample` that
    /// follows a flag: a `&'static Sample`, or an `Arc<Sample>`.
    pub fn sample_flag(
        mut self,
        key: impl Into<String>,
        sample: impl Deref<Target = Sample> + Send + Sync + 'static,
    ) -> Builder {
        self.followed.push(Flag::sample(key.into(), Box::new(move |rate| sample.set_rate(rate))));
        self
    }

    /// The time between two polls of the flags. Default [`INTERVAL`], from [`INTERVAL_MIN`] to [`INTERVAL_MAX`].
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.interval = interval;
        self
    }

    /// How long the provider has for one evaluation. Default [`EVALUATION_TIMEOUT`], from [`EVALUATION_TIMEOUT_MIN`] to
    /// [`EVALUATION_TIMEOUT_MAX`].
    pub fn evaluation_timeout(mut self, timeout: Duration) -> Builder {
        self.evaluation_timeout = timeout;
        self
    }

    /// Checks every setting and builds a toggle that you run yourself, with [`Toggle::run`] or [`Toggle::look`].
    ///
    /// # Errors
    /// [`StartError::Setting`] says which setting is wrong and what to do. A missing flag is not an error but a notice: it may appear while
    /// the service runs.
    pub fn build(self) -> Result<Toggle, StartError> {
        let wrong = |name, problem: String, remedy| Err(StartError::Setting { name, problem, remedy });
        if self.followed.is_empty() {
            return wrong(
                "mode_flag",
                "is not set, nor is another flag".to_owned(),
                "name the flag that switches the events",
            );
        }
        if self.followed.len() > FLAGS_MAX {
            let problem = format!("and others are {} flags, more than {FLAGS_MAX}", self.followed.len());
            return wrong("sample_flag", problem, "make another toggle for the rest");
        }
        for flag in &self.followed {
            if flag.key.is_empty() || flag.key.len() > KEY_BYTES_MAX {
                let problem = format!("has a key of {} bytes", flag.key.len());
                return wrong(
                    flag.setting(),
                    problem,
                    "give the key that the flag has in your flag service, 1 to 256 bytes",
                );
            }
        }
        for (name, given, min, max) in [
            ("interval", self.interval, INTERVAL_MIN, INTERVAL_MAX),
            ("evaluation_timeout", self.evaluation_timeout, EVALUATION_TIMEOUT_MIN, EVALUATION_TIMEOUT_MAX),
        ] {
            if !(min..=max).contains(&given) {
                let problem = format!("is {given:?}, and may be {min:?} to {max:?}");
                return wrong(name, problem, "choose one within these");
            }
        }
        Ok(Toggle::new(self))
    }

    /// Checks every setting and follows the flags from now on, on its own thread: no runtime is needed.
    ///
    /// # Errors
    /// Like [`build`](Builder::build), and [`StartError::Thread`].
    pub fn start(self) -> Result<ToggleGuard, StartError> {
        self.build()?.start()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.followed.iter().map(|flag| flag.key.as_str()).collect();
        f.debug_struct("Builder")
            .field("flags", &keys)
            .field("interval", &self.interval)
            .field("evaluation_timeout", &self.evaluation_timeout)
            .finish_non_exhaustive()
    }
}
