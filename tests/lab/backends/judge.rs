//! What the server and the log hold, compared with what was emitted.

use overspill::spill::Joined;
use overspill::{LostReason, MaybeDelivered, Reason, Stats};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a scenario showed.
pub struct Seen {
    /// The emitted ids, each once.
    pub ids: Range<u64>,
    pub stats: Stats,
    pub posts: u64,
    /// How many copies of each the server has.
    pub stored: BTreeMap<u64, u32>,
    pub log: Vec<Joined>,
}

/// What should have been seen.
pub enum Expected {
    AllDelivered,
    /// Only these are in the log, refused with a text that contains this, and none of them is stored.
    Refused(Vec<u64>, &'static str),
    /// None is stored, and the log says this.
    NoneStored(&'static str),
    /// The same, because the server accepts none of our events.
    Denied(&'static str),
    /// Some delivered, some not.
    Mixed,
    /// At most one in this many in the log.
    Hardly(u64),
}

pub fn count(found: Vec<u64>) -> BTreeMap<u64, u32> {
    let mut times = BTreeMap::new();
    found.into_iter().for_each(|id| *times.entry(id).or_default() += 1);
    times
}

fn id_of(event: &Joined) -> Option<u64> {
    serde_json::from_str::<Value>(&event.event).ok()?.get("id")?.as_u64()
}

impl Seen {
    pub fn spilled(&self) -> BTreeSet<u64> {
        self.log.iter().filter_map(id_of).collect()
    }

    /// The number of events that the log marks as possibly stored too.
    pub fn maybe_delivered(&self) -> usize {
        self.log.iter().filter(|event| event.maybe_delivered == MaybeDelivered::Yes).count()
    }

    /// Whether events were lost only because a write to the log took a second. The log is in memory, so only the machine can cause that.
    pub fn machine_stood_still(&self) -> bool {
        self.stats.lost > 0 && self.stats.lost == self.stats.lost_by(LostReason::LogStalled)
    }

    pub fn in_both(&self) -> usize {
        self.spilled().iter().filter(|id| self.stored.contains_key(id)).count()
    }

    /// Reason and text of the first refused event in the log, or else of the first event.
    pub fn words(&self) -> String {
        let first = self.log.iter().find(|event| event.reason == Reason::Refused).or(self.log.first());
        first.map_or_else(String::new, |event| format!("{}: {}", event.reason, event.detail))
    }

    /// First what is wrong in any case, then what differs from `expected`.
    pub fn wrong(&self, expected: &Expected) -> Vec<String> {
        let spilled = self.spilled();
        let certain: BTreeSet<u64> = self
            .log
            .iter()
            .filter(|event| event.maybe_delivered == MaybeDelivered::No)
            .filter_map(id_of)
            .collect();
        let stored = |id: &u64| self.stored.contains_key(id);
        let all = || self.stored.keys().chain(&spilled).copied();
        let sets = [
            (
                self.ids.clone().filter(|id| !stored(id) && !spilled.contains(id)).collect::<Vec<_>>(),
                "are nowhere",
            ),
            (certain.into_iter().filter(stored).collect(), "are in both places and not marked"),
            (all().filter(|id| !self.ids.contains(id)).collect(), "were never emitted"),
            (
                self.stored.iter().filter(|&(_, &times)| times > 1).map(|(&id, _)| id).collect(),
                "are stored twice",
            ),
        ];
        let mut wrong: Vec<String> = sets
            .into_iter()
            .filter(|(ids, _)| !ids.is_empty())
            .map(|(ids, what)| {
                format!("{} events {what}, the first {:?}", ids.len(), &ids[..ids.len().min(5)])
            })
            .collect();
        let Stats { emitted, delivered, spilled: counted, lost, pending, .. } = self.stats;
        if (lost, pending) != (0, 0) || emitted != delivered + counted || counted != self.log.len() as u64 {
            wrong.push(format!("the books: {}, {} in the log", self.stats, self.log.len()));
        }
        wrong.extend(self.unexpected(expected, &spilled));
        wrong
    }

    fn unexpected(&self, expected: &Expected, spilled: &BTreeSet<u64>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let says = |words: &str| self.log.iter().any(|event| event.detail.contains(words));
        match expected {
            Expected::AllDelivered => {
                check(spilled.is_empty(), format!("{} are in the log: {}", spilled.len(), self.words()));
            }
            Expected::Refused(ids, words) => {
                let ids: BTreeSet<u64> = ids.iter().copied().collect();
                check(
                    *spilled == ids,
                    format!("{} are in the log, not {}: {}", spilled.len(), ids.len(), self.words()),
                );
                check(self.in_both() == 0, "a refused event is stored".to_owned());
                let refused = self.log.iter().all(|event| event.reason == Reason::Refused);
                check(
                    refused && says(words),
                    format!("refused, but not because of `{words}`: {}", self.words()),
                );
            }
            Expected::NoneStored(words) | Expected::Denied(words) => {
                check(self.stored.is_empty(), format!("{} are stored", self.stored.len()));
                let denied = |event: &Joined| matches!(event.reason, Reason::Denied | Reason::Outage);
                let is_so = matches!(expected, Expected::NoneStored(_)) || self.log.iter().all(denied);
                check(is_so && says(words), format!("not because of `{words}`: {}", self.words()));
                let certain = self.log.iter().all(|event| event.maybe_delivered == MaybeDelivered::No);
                check(certain, "some events may have been delivered".to_owned());
            }
            Expected::Mixed => {
                check(self.stats.delivered > 0, "no event was delivered".to_owned());
                check(self.stats.spilled > 0, "nothing went wrong".to_owned());
            }
            Expected::Hardly(one_in) => {
                let few = self.stats.spilled * one_in <= self.stats.emitted;
                check(few, format!("{} are in the log: {}", spilled.len(), self.words()));
            }
        }
        wrong
    }
}
