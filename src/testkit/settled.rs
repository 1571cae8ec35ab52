//! The law, asserted.

use super::{Spilled, Taken};
use crate::MaybeDelivered;
use crate::Stats;
use std::collections::BTreeSet;

/// Asserts the law at rest, after a shutdown: nothing pending, nothing lost, and each event at the endpoint or in the log, compared as
/// sets. An event may be in both only if it is marked `maybe_delivered`.
///
/// The events must differ from each other (by an id, by a time); otherwise sets cannot tell them apart.
///
/// # Panics
/// If any of this does not hold. The text says what, with the stats.
#[track_caller]
pub fn assert_settled(stats: &Stats, taken: &Taken, spilled: &Spilled) {
    assert_eq!(stats.pending, 0, "events are still pending; shut the client down first: {stats}");
    assert_eq!(stats.lost, 0, "events are lost: {stats}");
    assert_eq!(stats.emitted, stats.delivered + stats.spilled, "{stats}");

    let in_log = spilled.events();
    assert_eq!(in_log.len() as u64, stats.spilled, "one record in the log per spilled event: {stats}");
    let logged = distinct(in_log.iter().map(|event| event.event.clone()), "in the log");
    let taken = distinct(taken.events(), "at the endpoint");

    for event in in_log.iter().filter(|event| taken.contains(&event.event)) {
        assert_eq!(event.maybe_delivered, MaybeDelivered::Yes, "in both places, and not marked: {event:?}");
    }
    let marked = in_log.iter().filter(|event| event.maybe_delivered == MaybeDelivered::Yes).count();
    assert_eq!(marked as u64, stats.maybe_delivered, "one mark per maybe_delivered event: {stats}");
    let found = taken.union(&logged).count() as u64;
    assert_eq!(
        found,
        stats.emitted,
        "{} at the endpoint united with {} in the log are {found}: {stats}",
        taken.len(),
        logged.len()
    );
}

#[track_caller]
fn distinct(events: impl IntoIterator<Item = String>, place: &str) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for event in events {
        if let Some(twice) = set.replace(event) {
            panic!(
                "twice {place}; if it was emitted twice, give each event something of its own: {twice:.200}"
            );
        }
    }
    set
}
