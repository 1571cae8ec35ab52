//! Feature flags that switch a client: mode, sampling and queue share, by OpenFeature, in the background.
//!
//! An operator flips a flag in the flag service that the team has already; within [`INTERVAL`](limits::INTERVAL) the client of every
//! process is on, to the log only, or off. No event asks for a flag: `emit` reads the same word as without a toggle.
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
//! Each flag is by choice; one toggle follows [`FLAGS_MAX`](limits::FLAGS_MAX) at most. [`guide::toggles`](crate::guide::toggles) shows
//! providers, and how to run an experiment by a flag. `tests/lab/run toggle` shows all of it.
//!
//! # What a value means
//!
//! | flag | type | value | sets |
//! |---|---|---|---|
//! | mode | string | `on`, `log_only`, `off` (in any case, `-` or `_`); `true`, `false` | [`Mode`](crate::Mode) |
//! | mode | boolean | `true`: on; `false`: off | [`Mode`](crate::Mode) |
//! | queue share | string | `whole`, `half`, `quarter`, `eighth` | [`QueueShare`](crate::QueueShare) |
//! | sample | integer | 1 to 4,294,967,295: one in so many | [`Sample::set_rate`](crate::Sample::set_rate) |
//!
//! Anything else changes nothing, and so do the reasons `ERROR` and `DISABLED`, by which a provider gives a type's default: an empty
//! string, `false`, zero. A flag that is disabled has not said "off".
//!
//! # When the flag service is away
//!
//! The last value stays: of the client's own settings, if there was none yet. The service may be unreachable, unauthorized, or not ready;
//! the flag missing, of another type, or of a value that means nothing; the provider may hang (it has
//! [`EVALUATION_TIMEOUT`](limits::EVALUATION_TIMEOUT) for each flag) or panic. Each is told once, and once more when it is over, and
//! nothing of it touches an event.
//!
//! A value is set **when it changes**, and not at each look. What a person or the memory watch sets in between stays until the flag says
//! something new. Where both the toggle and the memory watch switch a client's mode, the last one wins: let the watch lower the queue
//! share (`Appetite::QueueShare`) instead.
//!
//! # What the operator sees
//!
//! Log target [`TOGGLE_TARGET`], with `flag` (its key) and `what` (`mode`, `queue share`, `sample rate`):
//!
//! | message | level | when |
//! |---|---|---|
//! | `toggle started: ...` | INFO | once; with `flags` in place of the two |
//! | `mode off by the flag ...` | INFO | a value is new; every [`TOLD_EVERY`](limits::TOLD_EVERY) at most |
//! | `the flag ... cannot be followed: ...` | WARN | trouble began, or is another; every [`TOLD_EVERY`](limits::TOLD_EVERY) at most |
//! | `the flag ... is well again: ...` | INFO | trouble that was told is over |
//!
//! The provider's own message is not shown, for it may have addresses and tokens in it: its code is. Besides, the client says `mode
//! changed from on to off` ([`NOTICE_TARGET`](crate::NOTICE_TARGET)). A notice of WARN that no subscriber reads goes to standard error.
//!
//! # How it runs
//!
//! - [`start`](Builder::start): one thread, `overspill-toggle`, with a runtime of its own; the application needs none. The drop of its
//!   [`ToggleGuard`] is bounded by [`STOP_WAIT`](limits::STOP_WAIT).
//! - [`Toggle::run`]: a future for the application's tokio runtime.
//! - [`Toggle::look`]: one look, whenever you like: after a webhook, in a test.
//!
//! Flags are polled, since the SDK for Rust has no events of providers. A look is one evaluation a flag; flagd's provider and others
//! answer from memory, OFREP's asks over HTTP each time.
//!
//! A provider whose `async` function blocks its thread cannot be left after a timeout: no flag is followed then, nothing is told, and
//! everything stays as it is. A provider's panic is printed by the process's panic hook at each look; with `panic = "abort"` it ends the
//! process. A child made by fork has no thread of the toggle: start one there.

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
