//! The truth, recorded outside the client: what was emitted, what the endpoint accepted, what the log has. Checks the law
//! against it and against the client's own counters.

use crate::plan::{Log, Plan};
use overspill::limits::{LOG_QUEUE_BATCHES, LOG_QUEUE_EVENTS};
use overspill::spill::Record;
use overspill::testkit::events_of;
use overspill::{Client, Emitted, MaybeDelivered, Signal, Stats};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Books(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next_id: u64,
    emitted: u64,
    /// Queued or spilled: these must be found somewhere.
    kept: BTreeSet<u64>,
    lost_at_emit: u64,
    taken: BTreeSet<u64>,
    parts: BTreeMap<u64, String>,
    logged: BTreeMap<u64, MaybeDelivered>,
    signalled: Signalled,
    posts: u64,
    packs: u64,
    /// `delivered`, `spilled`, `lost`: these never decrease.
    last: [u64; 3],
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Signalled {
    delivered: u64,
    spilled: u64,
    lost: u64,
}

/// The id of `{"id":7,…`.
fn id_of(event: &str) -> u64 {
    let digits = event.strip_prefix(r#"{"id":"#).expect("an event of ours");
    digits[..digits.find(',').expect("two fields")].parse().expect("a number")
}

pub fn ids_of(body: &[u8]) -> Vec<u64> {
    events_of(body).iter().map(|event| id_of(event)).collect()
}

impl Books {
    fn open(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn next_id(&self) -> u64 {
        let mut books = self.open();
        books.next_id += 1;
        books.next_id
    }

    pub fn emitted(&self, id: u64, how: Emitted) {
        let mut books = self.open();
        match how {
            Emitted::Queued | Emitted::Spilled(_) => assert!(books.kept.insert(id)),
            Emitted::Lost(_) => books.lost_at_emit += 1,
            _ => return,
        }
        books.emitted += 1;
    }

    pub fn posted(&self) {
        self.open().posts += 1;
    }

    pub fn take(&self, ids: &[u64]) {
        let mut books = self.open();
        for &id in ids {
            assert!(books.taken.insert(id), "{id} reached the endpoint again after it was accepted");
        }
    }

    pub fn write(&self, record: &Record<'_>) {
        let mut books = self.open();
        if record.events > 1 {
            let events = events_of(record.event.as_bytes());
            assert_eq!((events.len() as u32, record.parts), (record.events, 1), "{record:?}");
            books.packs += 1;
            for event in events {
                let twice = books.logged.insert(id_of(&event), record.maybe_delivered);
                assert_eq!(twice, None, "twice in the log: {event:.100}");
            }
            return;
        }
        let so_far = match record.part {
            1 => String::new(),
            _ => books.parts.remove(&record.seq).expect("the parts before it"),
        };
        let event = so_far + record.event;
        if record.part < record.parts {
            books.parts.insert(record.seq, event);
        } else {
            let twice = books.logged.insert(id_of(&event), record.maybe_delivered);
            assert_eq!(twice, None, "twice in the log: {event:.100}");
        }
    }

    pub fn signal(&self, signal: &Signal<'_>) {
        let signalled = &mut self.open().signalled;
        match signal {
            Signal::Delivered { events, .. } => signalled.delivered += events,
            Signal::Spilled { events, .. } => signalled.spilled += events,
            Signal::Lost { events, .. } => signalled.lost += events,
            _ => {}
        }
    }

    /// Checks the law in a snapshot, between two steps.
    pub fn check(&self, client: &Client, plan: &Plan) {
        let mut stats = client.stats();
        let emitted = self.open().emitted;
        // After the sender is gone, a thread writes new events, and they count when they are written.
        let began = Instant::now();
        while stats.emitted < emitted && began.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
            stats = client.stats();
        }
        let mut books = self.open();
        assert_eq!(stats.emitted, books.emitted, "{stats}");
        assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost + stats.pending, "{stats}");
        let in_flight = plan.batch_events_max * (plan.posts_in_flight_max + 2);
        let for_the_log =
            plan.queue_events_max.min(LOG_QUEUE_EVENTS) + plan.batch_events_max * LOG_QUEUE_BATCHES;
        assert!(stats.pending <= (plan.queue_events_max + in_flight + for_the_log) as u64, "{stats}");
        assert!(stats.pending_bytes <= plan.queue_bytes_max, "{stats}");
        assert!(stats.pending > 0 || stats.pending_bytes == 0, "bytes are held without an event: {stats}");
        assert!(stats.delivered <= books.taken.len() as u64, "counted before it was accepted: {stats}");
        assert!(stats.spilled <= books.logged.len() as u64, "counted before it was written: {stats}");
        let now = [stats.delivered, stats.spilled, stats.lost];
        assert!(now.iter().zip(books.last).all(|(now, last)| *now >= last), "{stats}");
        books.last = now;
    }

    /// The ids kept so far.
    pub fn kept(&self) -> BTreeSet<u64> {
        self.open().kept.clone()
    }

    /// Whether each of them is at the endpoint or in the log.
    pub fn have(&self, ids: &BTreeSet<u64>) -> bool {
        let books = self.open();
        ids.iter().all(|id| books.taken.contains(id) || books.logged.contains_key(id))
    }

    pub fn took(&self, id: u64) -> bool {
        self.open().taken.contains(&id)
    }

    pub fn posts(&self) -> u64 {
        self.open().posts
    }

    pub fn packs(&self) -> u64 {
        self.open().packs
    }

    /// Checks the law at rest, as sets, and with the client's counters if the client still exists.
    pub fn check_settled(&self, stats: Option<&Stats>, plan: &Plan) {
        let books = self.open();
        let lost = stats.map_or(0, |stats| stats.lost - books.lost_at_emit);
        let found = |id: &u64| books.taken.contains(id) || books.logged.contains_key(id);
        let missing: Vec<u64> = books.kept.iter().copied().filter(|id| !found(id)).collect();
        if plan.log == Log::Lossy {
            assert!(stats.is_none() || missing.len() as u64 <= lost, "gone without a trace: {missing:?}");
        } else {
            assert_eq!((missing.len(), lost), (0, 0), "gone with a good log: {missing:?}");
        }
        let both = books.logged.iter().filter(|(id, _)| books.taken.contains(id));
        for (id, maybe) in both {
            assert_eq!(*maybe, MaybeDelivered::Yes, "{id} is in both places but not marked");
        }
        assert!(books.logged.keys().chain(&books.taken).all(|id| books.kept.contains(id)), "an unknown id");
        let Some(stats) = stats else { return };
        assert_eq!((stats.pending, stats.pending_bytes), (0, 0), "{stats}");
        assert_eq!(stats.emitted, books.emitted, "{stats}");
        assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost, "{stats}");
        assert_eq!(stats.spilled, books.logged.len() as u64, "{stats}");
        let taken_alone = books.taken.iter().filter(|id| !books.logged.contains_key(id)).count() as u64;
        // The endpoint may have accepted an event that was then lost on its way to the log.
        assert!((stats.delivered..=stats.delivered + lost).contains(&taken_alone), "{taken_alone}: {stats}");
        let told = Signalled { delivered: stats.delivered, spilled: stats.spilled, lost: stats.lost };
        assert_eq!(books.signalled, told, "what the observer heard: {stats}");
    }
}
