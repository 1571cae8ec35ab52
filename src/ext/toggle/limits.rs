//! Defaults and limits of the toggle, each with its reason.

use std::time::Duration;

/// Default of `interval`: a flag flipped in an outage takes effect within this time, and a poll costs one evaluation per flag, 8,640 a day.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// Minimum of `interval`: only a test needs a hundred polls a second.
pub const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Maximum of `interval`: an operator who flips a flag waits for the effect; rather than wait an hour, they would restart the service.
pub const INTERVAL_MAX: Duration = Duration::from_secs(3_600);
/// Default of `evaluation_timeout`: providers answer from memory, or from a service nearby; one that takes longer counts as unreachable.
pub const EVALUATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Minimum of `evaluation_timeout`: a thread may have to wait longer than that for its turn.
pub const EVALUATION_TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Maximum of `evaluation_timeout`: flags are evaluated one after the other, and one that hangs holds up the others.
pub const EVALUATION_TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Maximum number of flags in one toggle: mode, queue share, and a rate for each kind of event that is too frequent. If all of them hang, a
/// poll takes this many timeouts.
pub const FLAGS_MAX: usize = 32;
/// Maximum bytes of a flag's key: notices contain it.
pub const KEY_BYTES_MAX: usize = 256;
/// Trouble with a flag, its end, and its changes are each reported at most this often: a flag that flips at every poll does not write a
/// line each time.
pub const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Maximum characters shown of an invalid value.
pub(super) const VALUE_CHARS_MAX: usize = 40;
/// Dropping a [`ToggleGuard`](super::ToggleGuard) waits at most this long for a running poll: setting a mode takes microseconds, and a
/// provider that blocks its thread is abandoned.
pub const STOP_WAIT: Duration = Duration::from_secs(1);
