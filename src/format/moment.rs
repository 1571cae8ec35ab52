//! The time of an event, as endpoints write it.

use super::Event;
use std::time::UNIX_EPOCH;

/// Since 1970, in nanoseconds. A moment before or far beyond is the nearest there is.
pub(super) fn nanos(event: &Event<'_>) -> u64 {
    let since_epoch = event.time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// The same to the millisecond, and below it what tells the event from others of that time: some endpoints take two events of one moment for
/// one. Events of a client are in their order there, but for one in a million.
pub(super) fn distinct_nanos(event: &Event<'_>) -> u64 {
    const MILLI: u64 = 1_000_000;
    let id = event.id();
    // Its hexadecimal digits, which are drawn at random.
    let client = u64::from_str_radix(id.client, 16).unwrap_or(0);
    let apart = (id.seq % MILLI + client % MILLI) % MILLI;
    (nanos(event) / MILLI).saturating_mul(MILLI).saturating_add(apart)
}
