//! Sets of millions of ids in a few hundred kilobytes: at the endpoint, in the log, marked. Checks the law over them.

use overspill::spill::Record;
use overspill::testkit::{Act, Received};
use overspill::{MaybeDelivered, SpillSink, Stats};
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A set of ids.
struct Bits(Vec<AtomicU64>);

impl Bits {
    fn new(ids_max: u64) -> Bits {
        Bits((0..=ids_max / 64).map(|_| AtomicU64::new(0)).collect())
    }

    /// `true` if it is new.
    fn insert(&self, id: u64) -> bool {
        let bit = 1 << (id % 64);
        self.0[id as usize / 64].fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    fn word(&self, nth: usize) -> u64 {
        self.0[nth].load(Ordering::Acquire)
    }
}

/// Where the ids are. Clones share the sets.
#[derive(Clone)]
pub struct Ids {
    at_endpoint: Arc<Bits>,
    in_log: Arc<Bits>,
    marked: Arc<Bits>,
    twice: Arc<AtomicU64>,
}

/// The number after `"id":`, which is the first field of every event here.
fn id_of(event: &str) -> u64 {
    let digits = &event[event.find(':').expect("a first field") + 1..];
    digits[..digits.find(',').expect("a second field")].parse().expect("a number")
}

impl Ids {
    pub fn up_to(ids_max: u64) -> Ids {
        let bits = || Arc::new(Bits::new(ids_max));
        Ids { at_endpoint: bits(), in_log: bits(), marked: bits(), twice: Arc::default() }
    }

    /// A script that keeps the ids that it accepts.
    pub fn when(
        &self,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> impl Fn(&Received) -> Act + Send + Sync + 'static {
        let (ids, keys) = (self.clone(), Mutex::new(HashSet::new()));
        move |request| {
            let act = script(request);
            // A request that is sent again has the same key.
            let key = request.header("idempotency-key").unwrap_or_default().to_owned();
            if act.takes() && keys.lock().unwrap().insert(key) {
                ids.take(&request.body);
            }
            act
        }
    }

    fn take(&self, body: &[u8]) {
        let body = std::str::from_utf8(body).expect("JSON");
        for event in body.split("{\"id\"").skip(1) {
            self.insert(&self.at_endpoint, id_of(event));
        }
    }

    fn insert(&self, set: &Bits, id: u64) {
        if !set.insert(id) {
            self.twice.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The law, at rest, as sets, with nothing lost.
    #[track_caller]
    pub fn assert_settled(&self, stats: &Stats) {
        assert_eq!((stats.lost, stats.pending), (0, 0), "{stats}");
        assert_eq!(stats.emitted, stats.delivered + stats.spilled, "{stats}");
        let mut found = 0;
        for nth in 0..self.in_log.0.len() {
            let (endpoint, log, marked) =
                (self.at_endpoint.word(nth), self.in_log.word(nth), self.marked.word(nth));
            assert_eq!(endpoint & log & !marked, 0, "in both places but not marked: near {}", nth * 64);
            let expected = match stats.emitted.saturating_sub(nth as u64 * 64) {
                64.. => u64::MAX,
                some => (1 << some) - 1,
            };
            assert_eq!(endpoint | log, expected, "missing or unknown: near {}", nth * 64);
            found += u64::from((endpoint | log).count_ones());
        }
        assert_eq!((found, self.twice.load(Ordering::Acquire)), (stats.emitted, 0), "{stats}");
    }
}

impl SpillSink for Ids {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        assert_eq!(record.parts, 1, "short events");
        let id = id_of(record.event);
        if record.maybe_delivered == MaybeDelivered::Yes {
            self.insert(&self.marked, id);
        }
        self.insert(&self.in_log, id);
        Ok(())
    }
}
