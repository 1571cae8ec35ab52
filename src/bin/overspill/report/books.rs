//! The sums of a log: the records, the notices, and the outages that both describe.
//!
//! In: records and notices in the order of the log. Out: sums. BK1: memory is bounded for any log: clients,
//! outages, names and holes are listed individually up to the limits here, and the rest is counted together.

use super::names;
use super::notice::{self, ToldNotice};
use super::seqs::Seqs;
use super::timeline::Timeline;
use overspill::spill::SpilledPart;
use overspill::{MaybeDelivered, Reason};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// Maximum client instances: each start of a service is one. A year of daily starts of 25 pods.
pub(crate) const CLIENTS_MAX: usize = 10_000;
/// Maximum runs of numbers of all clients together: about 15 MB.
const RUNS_MAX: usize = 200_000;
pub(crate) const OUTAGES_MAX: usize = 10_000;
pub(crate) const NAMES_MAX: usize = 1_000;
/// Maximum incomplete events, of which some parts have not been seen yet.
const PARTIAL_MAX: usize = 10_000;
/// Without a notice, records of one client that are further apart than this belong to two outages.
const SPELL_GAP: Duration = Duration::from_secs(60);

/// How many reasons there are: each has a count.
pub(crate) const REASONS: usize = Reason::ALL.len();

/// An outage of one client, according to its notices or only to its records.
#[derive(Debug, Clone)]
pub(crate) struct ClientOutage {
    pub(crate) client: String,
    pub(crate) began: SystemTime,
    /// `None`: it was still going on when the log ended.
    pub(crate) ended: Option<SystemTime>,
    pub(crate) cause: String,
    /// Events in the log.
    pub(crate) seen: u64,
    /// At least this many of the events that the notice of its end counts are not in the log.
    pub(crate) missing: u64,
    /// Lost by the client: its log could not be written.
    pub(crate) lost: u64,
    /// From the last failed attempt to the end: the endpoint came back at some point in between.
    pub(crate) lag: Option<Duration>,
    /// The numbers spilled without an attempt.
    pub(crate) seqs: Option<RangeInclusive<u64>>,
    pub(crate) known_by: KnownBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownBy {
    Notices,
    Records,
}

#[derive(Debug)]
pub(crate) struct ClientBooks {
    pub(crate) seqs: Seqs,
    pub(crate) events: u64,
    /// What the client's notice at its shutdown reported, if the log contains it.
    pub(crate) told: Option<notice::NoticeSums>,
    /// The current outage or series of failed posts, as far as the records show.
    spell: Option<ClientOutage>,
    outage: Option<ClientOutage>,
    /// Events since the last outage ended.
    since_end: u64,
    failed_at: Option<SystemTime>,
    last_at: SystemTime,
}

impl ClientBooks {
    /// When the last of its records was written.
    pub(crate) fn last_at(&self) -> SystemTime {
        self.last_at
    }
}

#[derive(Debug)]
pub(crate) struct ReportBooks {
    pub(crate) events: u64,
    pub(crate) by_reason: [u64; REASONS],
    pub(crate) maybe_delivered: u64,
    pub(crate) redacted: u64,
    pub(crate) again: u64,
    pub(crate) record_lines: u64,
    pub(crate) record_bytes: u64,
    pub(crate) notices: u64,
    pub(crate) first: Option<SystemTime>,
    pub(crate) last: Option<SystemTime>,
    pub(crate) oldest_age: Duration,
    pub(crate) timeline: Timeline<REASONS>,
    pub(crate) names: BTreeMap<String, u64>,
    pub(crate) unnamed: u64,
    pub(crate) other_names: u64,
    pub(crate) clients: BTreeMap<String, ClientBooks>,
    pub(crate) other_clients: u64,
    pub(crate) outages: Vec<ClientOutage>,
    pub(crate) other_outages: u64,
    partial: BTreeMap<(String, u64), (u32, u32)>,
    runs: usize,
}

impl ReportBooks {
    pub(crate) fn new() -> ReportBooks {
        ReportBooks {
            events: 0,
            by_reason: [0; REASONS],
            maybe_delivered: 0,
            redacted: 0,
            again: 0,
            record_lines: 0,
            record_bytes: 0,
            notices: 0,
            first: None,
            last: None,
            oldest_age: Duration::ZERO,
            timeline: Timeline::new(),
            names: BTreeMap::new(),
            unnamed: 0,
            other_names: 0,
            clients: BTreeMap::new(),
            other_clients: 0,
            outages: Vec::new(),
            other_outages: 0,
            partial: BTreeMap::new(),
            runs: 0,
        }
    }

    /// Adds a record, from a line of `line_bytes` bytes.
    pub(crate) fn record(&mut self, part: &SpilledPart, line_bytes: u64) {
        self.record_lines += 1;
        self.record_bytes += line_bytes;
        if part.parts > 1 && !self.is_first_part(part) {
            return;
        }
        let (events, at) = (u64::from(part.events), part.emitted_at);
        let new = self.note_client(part, events);
        self.again += events - new;
        if new == 0 {
            return;
        }
        let reason = index(part.reason);
        self.events += new;
        self.by_reason[reason] += new;
        self.maybe_delivered += if part.maybe_delivered == MaybeDelivered::Yes { new } else { 0 };
        self.redacted += if part.redacted { new } else { 0 };
        self.timeline.add(at, reason, new);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        self.oldest_age = self.oldest_age.max(Duration::from_millis(part.age_ms));
        self.count_names(part);
    }

    /// For an event in parts: counts the first part and waits for the others.
    fn is_first_part(&mut self, part: &SpilledPart) -> bool {
        let key = (part.client.clone(), part.seq);
        if self.partial.len() < PARTIAL_MAX || self.partial.contains_key(&key) {
            let seen = self.partial.entry(key.clone()).or_insert((0, part.parts));
            seen.0 += 1;
            if seen.0 >= seen.1 {
                self.partial.remove(&key);
            }
        }
        part.part == 1
    }

    /// Events with a part missing.
    pub(crate) fn incomplete(&self) -> u64 {
        self.partial.len() as u64
    }

    fn client(&mut self, id: &str, at: SystemTime) -> Option<&mut ClientBooks> {
        if !self.clients.contains_key(id) {
            if self.clients.len() >= CLIENTS_MAX {
                return None;
            }
            let client = ClientBooks {
                seqs: Seqs::default(),
                events: 0,
                told: None,
                spell: None,
                outage: None,
                since_end: 0,
                failed_at: None,
                last_at: at,
            };
            self.clients.insert(id.to_owned(), client);
        }
        self.clients.get_mut(id)
    }

    /// How many of the record's events are new.
    fn note_client(&mut self, part: &SpilledPart, events: u64) -> u64 {
        let at = part.emitted_at;
        let full = self.runs >= RUNS_MAX;
        let Some(client) = self.client(&part.client, at) else {
            self.other_clients += events;
            return events;
        };
        let before = client.seqs.runs();
        let new = client.seqs.add(part.seq, events, at);
        if full && client.seqs.runs() > before {
            client.seqs.join_lowest();
        }
        let runs = client.seqs.runs();
        client.events += new;
        client.since_end += new;
        let written_at = at + Duration::from_millis(part.age_ms);
        client.last_at = client.last_at.max(written_at);
        let over = note_failure(client, part, new, written_at);
        self.runs = (self.runs + runs).saturating_sub(before);
        self.keep(over);
        new
    }

    fn keep(&mut self, outage: Option<ClientOutage>) {
        match outage {
            Some(_) if self.outages.len() >= OUTAGES_MAX => self.other_outages += 1,
            Some(outage) => self.outages.push(outage),
            None => {}
        }
    }

    fn count_names(&mut self, part: &SpilledPart) {
        let found = match &part.name {
            Some(name) => vec![Some(name.clone()); part.events as usize],
            None => names::names(&part.event, part.events),
        };
        for name in found {
            let Some(name) = name else {
                self.unnamed += 1;
                continue;
            };
            let room = self.names.len() < NAMES_MAX;
            match self.names.get_mut(&name) {
                Some(count) => *count += 1,
                None if room => drop(self.names.insert(name, 1)),
                None => self.other_names += 1,
            }
        }
    }

    /// Adds a notice; one without a time gets the time of the last record.
    pub(crate) fn notice(&mut self, id: &str, text: &str, at: Option<SystemTime>, line_bytes: u64) {
        self.notices += 1;
        self.record_bytes += line_bytes;
        let told = notice::read(text);
        let known = self.clients.get(id).map(|client| client.last_at);
        let Some(at) = at.or(known) else { return };
        if told == ToldNotice::Other {
            return;
        }
        let Some(client) = self.client(id, at) else { return };
        let over = match told {
            ToldNotice::OutageBegan(cause) => {
                let before = client.outage.take();
                let mut outage = ClientOutage::new(id, at, KnownBy::Notices);
                outage.cause = cause.to_owned();
                client.outage = Some(outage);
                before
            }
            ToldNotice::OutageContinues(lasted, cause) => {
                let began = at.checked_sub(lasted).unwrap_or(at);
                let outage =
                    client.outage.get_or_insert_with(|| ClientOutage::new(id, began, KnownBy::Notices));
                if outage.cause.is_empty() {
                    cause.clone_into(&mut outage.cause);
                }
                None
            }
            ToldNotice::OutageEnded(lasted, sums) => {
                let began = at.checked_sub(lasted).unwrap_or(at);
                let mut outage =
                    client.outage.take().unwrap_or_else(|| ClientOutage::new(id, began, KnownBy::Notices));
                outage.began = began;
                outage.ended = Some(at);
                outage.lost = sums.lost;
                // The notice's sum includes what failed before the start was reported.
                outage.missing = sums.spilled.saturating_sub(client.since_end);
                outage.seen = sums.spilled - outage.missing;
                outage.lag = client.failed_at.and_then(|failed| at.duration_since(failed).ok());
                client.since_end = 0;
                Some(outage)
            }
            ToldNotice::ShutDown(sums) => {
                client.told = Some(sums);
                client.outage.take()
            }
            ToldNotice::Other => None,
        };
        self.keep(over);
    }

    /// Finishes at the end of the log.
    pub(crate) fn close(&mut self) {
        let mut open = Vec::new();
        for client in self.clients.values_mut() {
            open.extend(client.outage.take());
            open.extend(client.spell.take());
        }
        open.into_iter().for_each(|outage| self.keep(Some(outage)));
        // Leaves out what the records show of outages that notices report.
        let (told, spells): (Vec<ClientOutage>, Vec<ClientOutage>) =
            std::mem::take(&mut self.outages).into_iter().partition(|one| one.known_by == KnownBy::Notices);
        let mut by_client: BTreeMap<&str, Vec<&ClientOutage>> = BTreeMap::new();
        told.iter().for_each(|outage| by_client.entry(&outage.client).or_default().push(outage));
        let untold: Vec<ClientOutage> = spells
            .into_iter()
            // Failed attempts without an outage: the reasons show them.
            .filter(|spell| spell.seqs.is_some())
            .filter(|spell| {
                let told = by_client.get(spell.client.as_str());
                !told.is_some_and(|told| told.iter().any(|outage| outage.overlaps(spell)))
            })
            .collect();
        self.outages = told.into_iter().chain(untold).collect();
        self.outages.sort_by_key(|outage| outage.began);
    }
}

impl ClientOutage {
    fn new(client: &str, began: SystemTime, known_by: KnownBy) -> ClientOutage {
        ClientOutage {
            client: client.to_owned(),
            began,
            ended: None,
            cause: String::new(),
            seen: 0,
            missing: 0,
            lost: 0,
            lag: None,
            seqs: None,
            known_by,
        }
    }

    /// Times within a minute of each other count as equal: an event's time differs from its record's.
    pub(crate) fn overlaps(&self, other: &ClientOutage) -> bool {
        let ends = |outage: &ClientOutage| outage.ended.map(|ended| ended + SPELL_GAP);
        ends(self).is_none_or(|ended| ended >= other.began)
            && ends(other).is_none_or(|ended| ended >= self.began)
    }
}

pub(crate) fn index(reason: Reason) -> usize {
    Reason::ALL.iter().position(|known| *known == reason).unwrap_or(0)
}

/// Adds the record to the outage that it belongs to. Returns the previous spell if the record is too late to belong to it.
fn note_failure(
    client: &mut ClientBooks,
    part: &SpilledPart,
    new: u64,
    written_at: SystemTime,
) -> Option<ClientOutage> {
    let at = part.emitted_at;
    if let Some(outage) = &mut client.outage {
        outage.seen += new;
    }
    match part.reason {
        Reason::Outage => {}
        Reason::Connect | Reason::Timeout | Reason::Broken | Reason::Unavailable | Reason::Denied => {
            client.failed_at = Some(written_at);
        }
        _ => return None,
    }
    let late = |spell: &ClientOutage| spell.ended.is_some_and(|ended| ended + SPELL_GAP < at);
    let over = if client.spell.as_ref().is_some_and(late) { client.spell.take() } else { None };
    let spell = client.spell.get_or_insert_with(|| ClientOutage::new(&part.client, at, KnownBy::Records));
    spell.began = spell.began.min(at);
    spell.ended = Some(spell.ended.map_or(written_at, |ended| ended.max(written_at)));
    spell.seen += new;
    if spell.cause.is_empty() && part.reason != Reason::Outage {
        spell.cause = format!("{}: {}", part.reason, part.detail);
    }
    if part.reason == Reason::Outage {
        let last = part.seq + u64::from(part.events) - 1;
        for outage in [Some(spell), client.outage.as_mut()].into_iter().flatten() {
            outage.seqs = Some(
                outage
                    .seqs
                    .as_ref()
                    .map_or(part.seq..=last, |seqs| *seqs.start().min(&part.seq)..=*seqs.end().max(&last)),
            );
        }
    }
    over
}
