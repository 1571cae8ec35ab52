//! Shared parts of the tests: events with ids, a world that observes them, and the law over their ids.

pub use overspill::testkit::{Act, Endpoint, Received, Spilled, Taken, assert_settled, events_of};
use overspill::{Builder, Client, Stats};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

/// An event with an id by which it is found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered {
    pub id: u64,
    pub text: String,
}

impl Numbered {
    pub fn of(id: u64) -> Numbered {
        Numbered { id, text: format!("\"event\" {id} \u{2028}\u{1b}[31m") }
    }
}

/// The id of an event, by its JSON.
pub fn id_of(event: &str) -> u64 {
    serde_json::from_str::<Numbered>(event).expect("the identical JSON").id
}

/// A disk that is full.
pub struct FullDisk;

impl Write for FullDisk {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ids of a body, JSON array or NDJSON.
pub fn ids_of(body: &[u8]) -> Vec<u64> {
    events_of(body).iter().map(|event| id_of(event)).collect()
}

pub fn ids_taken(taken: &Taken) -> BTreeSet<u64> {
    taken.events().iter().map(|event| id_of(event)).collect()
}

/// The ids in a log, in its order.
pub fn ids_spilled(log: &Spilled) -> Vec<u64> {
    log.events().iter().map(|event| id_of(&event.event)).collect()
}

pub fn json_subscriber(log: &Spilled) -> impl tracing::Subscriber + Send + Sync + use<> {
    let log = log.clone();
    tracing_subscriber::fmt().json().with_writer(move || log.clone()).finish()
}

/// A test's surroundings: the log is captured for this thread and for clients built on it.
pub struct World {
    pub log: Spilled,
    pub taken: Taken,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl World {
    pub fn new() -> World {
        let log = Spilled::default();
        let _subscriber = tracing::subscriber::set_default(json_subscriber(&log));
        World { log, taken: Taken::default(), _subscriber }
    }

    /// An endpoint that does what `act` says, and keeps what it answers with a 2xx.
    pub fn endpoint(&self, act: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Endpoint {
        Endpoint::start(self.taken.when(act)).unwrap()
    }

    /// The law, at rest, over ids 0..emitted: as sets, with nothing lost.
    #[track_caller]
    pub fn assert_settled(&self, stats: &Stats, emitted: u64) {
        assert_eq!(
            (stats.emitted, stats.lost, stats.pending),
            (emitted, 0, 0),
            "{stats}\n{}",
            self.log.text()
        );
        assert_settled(stats, &self.taken, &self.log);
        let mut found = ids_taken(&self.taken);
        found.extend(ids_spilled(&self.log));
        assert_eq!(found, (0..emitted).collect(), "{stats}");
    }
}

/// A builder with short times, so that tests are quick.
pub fn quick(url: impl Into<String>) -> Builder {
    Client::builder(url)
        .batch_age_max(Duration::from_millis(5))
        .post_timeout(Duration::from_millis(500))
        .probe_interval_max(Duration::from_millis(20))
}

pub const LONG: Duration = Duration::from_secs(20);

/// Waits on a condition, not on a time.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LONG, "{what} did not happen within {LONG:?}");
        // Polling once a millisecond leaves the cores to the code under test.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub fn emit_all(client: &Client, ids: std::ops::Range<u64>) {
    for id in ids {
        client.emit(&Numbered::of(id));
    }
}

/// An executor without a runtime, for futures outside tokio.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
