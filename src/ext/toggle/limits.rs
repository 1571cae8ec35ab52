//! Defaults and limits of the toggle, each with its argument.

use std::time::Duration;

/// Default of `interval`: a flag that is flipped in an outage has done its work within this time, and a look costs one evaluation a flag,
/// 8,640 a day.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// Least that `interval` may be: a hundred looks a second are a test's.
pub const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Most that `interval` may be: an operator who flips a flag waits for it, and an hour is a restart.
pub const INTERVAL_MAX: Duration = Duration::from_secs(3_600);
/// Default of `evaluation_timeout`: providers answer from memory, or from a service beside this one; what takes longer than this is away.
pub const EVALUATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Least that `evaluation_timeout` may be: less is less than a thread may have to wait for its turn.
pub const EVALUATION_TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Most that `evaluation_timeout` may be: flags are asked for one after the other, and one that hangs keeps the others waiting.
pub const EVALUATION_TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Most flags of one toggle: mode, queue share, and a rate for each kind of event that comes too often. With all of them hanging, a look
/// takes this many timeouts.
pub const FLAGS_MAX: usize = 32;
/// Longest key of a flag in bytes: it stands in notices.
pub const KEY_BYTES_MAX: usize = 256;
/// Trouble with a flag, its end, and its changes are told no more often than this, each: a flag that flips at every look is not a line at
/// every look.
pub const TOLD_EVERY: Duration = Duration::from_secs(60);
/// So many characters of a value that means nothing are shown.
pub(super) const VALUE_CHARS_MAX: usize = 40;
/// The drop of a [`ToggleGuard`](super::ToggleGuard) waits at most this long for a look that is under way: setting a mode takes
/// microseconds, and a provider that holds its thread is left behind.
pub const STOP_WAIT: Duration = Duration::from_secs(1);
