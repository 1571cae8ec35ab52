//! Feature flags that switch a client in the background: mode, sampling and queue share, with OpenFeature.
//!
//! An operator flips a flag in the flag service that the team already has. Within [`INTERVAL`](limits::INTERVAL) the client of every
//! process is on, to the log only, or off. No event evaluates a flag: `emit` reads the same word as without a toggle.
//!
//! ```
//! use open_feature::OpenFeature;
//! use overspill::{Client, Sample, toggle::Toggle};
//! use std::num::NonZeroU32;
//!
//! static CACHE_HITS: Sample = Sample::one_in(NonZeroU32::new(100).unwrap());
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let events = Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let api = OpenFeature::default();                            // yours has a provider: flagd's, OFREP's, ...
//! let toggle = Toggle::builder(&events, api.create_client())
//!     .mode_flag("checkout-telemetry")                         // "on", "log_only", "off"; or true, false
//!     .sample_flag("checkout-cache-hits-one-in", &CACHE_HITS)  // 1, 100, ...
//!     .queue_share_flag("checkout-telemetry-share")            // "whole", "half", "quarter", "eighth"
//!     .start()?;                                               // dropping it stops the toggle
//! # drop(toggle);
//! # events.shutdown_blocking(std::time::Duration::ZERO);
//! # Ok(()) }
//! ```
//!
//! Each flag is optional; one toggle follows at most [`FLAGS_MAX`](limits::FLAGS_MAX). [`guide::toggles`](crate::guide::toggles) shows
//! providers, and how to run an experiment by a flag. `tests/lab/run toggle` shows all of it.
//!
//! # What a value means
//!
//! | flag | type | value | sets |
//! |---|---|---|---|
//! | mode | string | `on`, `log_only`, `off` (in any case, `-` or `_`); `true`, `false` | [`Mode`](crate::Mode) |
//! | mode | boolean | `true`: on; `false`: off | [`Mode`](crate::Mode) |
//! | queue share | string | `whole`, `half`, `quarter`, `eighth` | [`QueueShare`](crate::QueueShare) |
//! | sample | integer | 1 to 4,294,967,295: one in this many | [`Sample::set_rate`](crate::Sample::set_rate) |
//!
//! Anything else changes nothing. Nor does a type's default (an empty string, `false`, zero) that a provider returns with the reason
//! `ERROR` or `DISABLED`: a disabled flag does not mean "off".
//!
//! # When the flag service is away
//!
//! The last value stays; if there was none yet, the client's own settings stay. The service may be
//! unreachable, unauthorized, or not ready; the flag may be missing, of another type, or have an unknown
//! value; the provider may hang (it has [`EVALUATION_TIMEOUT`](limits::EVALUATION_TIMEOUT) for each flag)
//! or panic. Each of these is reported when it begins and when it is over. None of them affects an event.
//!
//! A value is set **when it changes**, not at each poll. What a person or the memory watch sets in between stays until the flag changes. If
//! both the toggle and the memory watch switch a client's mode, the last one wins: let the watch lower the queue share
//! (`Appetite::QueueShare`) instead.
//!
//! # What the operator sees
//!
//! Log target [`TOGGLE_TARGET`], with `flag` (its key) and `what` (`mode`, `queue share`, `sample rate`):
//!
//! | message | level | when |
//! |---|---|---|
//! | `toggle started: ...` | INFO | once; with `flags` instead of these two fields |
//! | `mode off by the flag ...` | INFO | a value is new; at most every [`TOLD_EVERY`](limits::TOLD_EVERY) |
//! | `the flag ... cannot be followed: ...` | WARN | trouble began or changed; at most every [`TOLD_EVERY`](limits::TOLD_EVERY) |
//! | `the flag ... is well again: ...` | INFO | reported trouble is over |
//!
//! The notice shows the provider's error code, not its message, which may contain addresses and tokens. The client also logs `mode changed
//! from on to off` ([`NOTICE_TARGET`](crate::NOTICE_TARGET)). A WARN notice that no subscriber reads goes to standard error.
//!
//! # How it runs
//!
//! - [`start`](Builder::start): one thread, `overspill-toggle`, with its own runtime; the application needs none. Dropping its
//!   [`ToggleGuard`] takes at most [`STOP_WAIT`](limits::STOP_WAIT).
//! - [`Toggle::run`]: a future for the application's tokio runtime.
//! - [`Toggle::look`]: polls once, whenever you like: after a webhook, in a test.
//!
//! Flags are polled, because the Rust SDK has no provider events. A poll is one evaluation per flag. flagd's provider and others answer
//! from memory; OFREP's asks over HTTP each time.
//!
//! A timeout cannot interrupt a provider whose `async` function blocks its thread: then no flag is followed, nothing is reported, and
//! everything stays as it is. The process's panic hook prints a provider's panic at each poll; with `panic = "abort"` it ends the process.
//! A child made by fork does not have the toggle's thread: start a toggle there.

mod ask;
mod course;
mod error;
pub mod limits;
mod look;
mod meaning;
mod notice;
mod settings;
mod thread;

pub use error::StartError;
pub use look::Toggle;
pub use notice::TOGGLE_TARGET;
pub use settings::Builder;
pub use thread::ToggleGuard;

#[cfg(test)]
mod tests;
