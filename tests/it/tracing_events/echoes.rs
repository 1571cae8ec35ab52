//! What overspill logs does not come back as events, and a caller pays only for its own event. Events within events need a global
//! subscriber, because a scoped one does not receive them: see `tests/processes/tracing_events.rs`.

use super::{Members, Scene};
use crate::support::*;
use overspill::tracing_events::TracingEvents;
use overspill::{Client, Reason};
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;
use tracing::info;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{fmt as formatter, registry};

/// Counts how often it is formatted.
struct Counted<'a>(&'a AtomicU64);

impl Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        f.write_str("counted")
    }
}

/// Records which threads write.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<BTreeSet<String>>>, Spilled);

impl Write for Threads {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let id: ThreadId = std::thread::current().id();
        self.0.lock().unwrap().insert(format!("{id:?}"));
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

#[test]
fn a_full_queue_costs_a_caller_no_formatting() {
    let threads = Threads::default();
    let writer = threads.clone();
    let log = formatter::Subscriber::builder().json().with_writer(move || writer.clone()).finish();
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Hang)).unwrap();
    let log = tracing::Dispatch::new(log);
    let client = tracing::dispatcher::with_default(&log, || {
        quick(endpoint.url()).queue_events_max(10).post_timeout(Duration::from_millis(500)).build().unwrap()
    });
    let layer = TracingEvents::builder(&client).build().unwrap();
    let shown = AtomicU64::new(0);
    let count = 500;
    tracing::subscriber::with_default(registry().with(layer), || {
        for id in 0..count {
            info!(target: "t", id, counted = ?Counted(&shown), "x");
        }
    });
    assert!(client.stats().spilled_by(Reason::QueueFull) > 0, "{}", client.stats());
    assert_eq!(shown.into_inner(), count, "encoded once, in the queue or not");
    let caller = format!("{:?}", std::thread::current().id());
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (count, 0, 0), "{stats}");
    let writers = threads.0.lock().unwrap();
    assert!(!writers.is_empty() && !writers.contains(&caller), "{caller} of {writers:?}");
    let found: BTreeSet<u64> = threads.1.events().iter().map(|joined| id_in(&joined.event)).collect();
    assert_eq!(found, (0..count).collect());
}

#[test]
fn tracing_events_of_our_http_stack_are_excluded_by_thread_and_the_applications_with_the_same_target_are_not()
{
    let scene = Scene::before(Act::Close, |builder| builder);
    let client: Client = scene.client.clone();
    scene.run(
        |b| b.max_level(tracing::Level::TRACE),
        || {
            for id in 0..50 {
                info!(target: "hyper::client", id);
                info!(target: "reqwest::connect", id = id + 50);
            }
        },
    );
    assert_eq!(client.stats().emitted, 100);
    let (_, events) = scene.end();
    let ids: BTreeSet<u64> = events.iter().map(|event| id_in(event)).collect();
    assert_eq!(ids, (0..100).collect());
}

fn id_in(event: &str) -> u64 {
    Members::of(event).get("id").as_u64().unwrap()
}
