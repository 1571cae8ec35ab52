//! The layer in the global subscriber, where what is logged in the middle of an event comes back to it: depth one, no lock held, no
//! loop, and spilled events go through the same subscriber.

use crate::child::{Part, Start, say, url};
use crate::law::{Peer, spilled};
use crate::support::{LONG, quick, until};
use overspill::tracing_events::{SpanFields, TracingEvents};
use overspill::tracing_layer::{SpillLayer, takes};
use overspill::{Client, Emitted, LostReason};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::io;
use std::sync::Mutex;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, info, info_span};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub const PARTS: &[Part] = &[
    ("tracing: a Debug that logs", debug_that_logs),
    ("tracing: a Debug without end", debug_without_end),
    ("tracing: a span without end", span_without_end),
    ("tracing: a Serialize that logs", serialize_that_logs),
    ("tracing: beside a layer that locks", || beside_a_layer_that_locks(Written::ByFormatter)),
    ("tracing: beside the spill layer", || beside_a_layer_that_locks(Written::BySpillLayer)),
];

/// Everything at TRACE, including the HTTP client's own records. The log is the spill layer, which reads only overspill's events: a
/// formatter would show the same values, and a filtered one forgets what it has filtered when events occur within events.
fn client() -> Client {
    let client = quick(url()).queue_events_max(50).build().unwrap();
    let layer =
        TracingEvents::builder(&client).max_level(Level::TRACE).spans(SpanFields::All).build().unwrap();
    let spill = SpillLayer::new(io::stdout);
    tracing_subscriber::registry().with(LevelFilter::TRACE).with(layer).with(spill).init();
    client
}

/// Checks that nothing more happens once everything is settled: what overspill does causes no event.
fn rest(client: &Client) {
    until("everything to be settled", || client.stats().pending == 0);
    let before = client.stats();
    // Enough time for a loop to show: twenty times the batch age.
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(client.stats().emitted, before.emitted);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending), (before.emitted, 0), "{stats}");
    say(format_args!("emitted {}", stats.emitted));
    say(format_args!("lost {}", stats.lost));
    say(format_args!("reentrant {}", stats.lost_by(LostReason::Reentrant)));
    say(format_args!("echoes {}", stats.echoes));
}

/// Logs while it is formatted, and records a field of the current span.
struct Talks(u64);

impl Debug for Talks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span::current().record("nested", self.0);
        info!(id = self.0, "from a Debug");
        write!(f, "{}", self.0)
    }
}

fn debug_that_logs() {
    let client = client();
    for id in (0..400).step_by(4) {
        let outer = info_span!("outer", nested = Empty, later = Empty).entered();
        let inner = info_span!("inner", nested = Empty, new = ?Talks(id));
        outer.record("later", tracing::field::debug(Talks(id + 1)));
        inner.in_scope(|| info!(id = id + 3, own = ?Talks(id + 2), "x"));
    }
    rest(&client);
}

/// Logs itself.
struct Recurses(u64);

impl Debug for Recurses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0 < 10, "endless recursion");
        info!(id = self.0 + 1, again = ?Recurses(self.0 + 1), "nested");
        f.write_str("r")
    }
}

fn debug_without_end() {
    let client = client();
    info!(id = 0, a = ?Recurses(0), "x");
    rest(&client);
}

/// A span that has itself as a field.
struct Spans(u64);

impl Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0 < 10, "endless recursion");
        let span = info_span!("nested", again = ?Spans(self.0 + 1));
        span.in_scope(|| info!(id = self.0, "nested"));
        f.write_str("spans")
    }
}

fn span_without_end() {
    let client = client();
    info_span!("s", a = ?Spans(0), c = 1).in_scope(|| info!(id = 1, "x"));
    rest(&client);
}

struct Logs(u64);

impl Serialize for Logs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        info!(id = self.0 + 1, "from a Serialize");
        serializer.collect_map([("id", self.0)])
    }
}

fn serialize_that_logs() {
    let client = client();
    for id in (0..400).step_by(2) {
        assert!(!matches!(client.emit(&Logs(id)), Emitted::Lost(_)));
    }
    rest(&client);
}

/// Logs about each event that it receives, with its lock held.
struct Comments(Mutex<u64>);

static COMMENTS: Comments = Comments(Mutex::new(0));

impl<S: tracing::Subscriber> Layer<S> for &'static Comments {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        // Its own log lines do not take its lock again. overspill's records do, on the log's thread.
        if event.metadata().target() == "comment" {
            return;
        }
        let mut heard = self.0.lock().unwrap();
        if event.metadata().target() == "app" {
            *heard += 1;
            info!(target: "comment", id = 2 * *heard - 1, "heard one");
        }
    }
}

enum Written {
    ByFormatter,
    BySpillLayer,
}

fn beside_a_layer_that_locks(written: Written) {
    let client = quick(url()).queue_events_max(20).build().unwrap();
    let layer = TracingEvents::builder(&client).max_level(Level::TRACE).build().unwrap();
    let registry = tracing_subscriber::registry().with(layer).with(&COMMENTS);
    match written {
        Written::BySpillLayer => registry.with(SpillLayer::new(io::stdout)).init(),
        Written::ByFormatter => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_filter(filter_fn(|metadata| takes(metadata.target()))),
            )
            .init(),
    }
    for id in (0..600).step_by(2) {
        info!(target: "app", id, "something");
        // An application does something else in between, so that its log makes progress.
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    rest(&client);
}

#[derive(serde::Deserialize)]
struct Id {
    id: u64,
}

fn id_of(event: &str) -> u64 {
    serde_json::from_str::<Id>(event).unwrap_or_else(|error| panic!("{event}: {error}")).id
}

/// Each id of 0..emitted is at the endpoint or in the log, and only the stated events were lost.
#[track_caller]
fn settles(part: &'static str, peer: &Peer, emitted: u64, reentrant: u64) {
    let ended = Start::of(part, peer.url()).start().succeed();
    let at_endpoint = peer.taken.events();
    let found: BTreeSet<u64> = at_endpoint
        .iter()
        .map(|event| id_of(event))
        .chain(spilled(&ended).iter().map(|joined| id_of(&joined.event)))
        .collect();
    assert_eq!(found, (0..emitted).collect(), "{ended}");
    assert_eq!(ended.figure::<u64>("emitted "), emitted + reentrant, "{ended}");
    assert_eq!(
        (ended.figure::<u64>("lost "), ended.figure::<u64>("reentrant ")),
        (reentrant, reentrant),
        "{ended}"
    );
    assert!(ended.figure::<u64>("echoes ") > 0, "nothing came back, so nothing was tested\n{ended}");
}

fn before_each_peer(part: &'static str, emitted: u64, reentrant: u64) {
    for peer in [Peer::healthy(), Peer::refused(), Peer::tarpit()] {
        settles(part, &peer, emitted, reentrant);
    }
}

#[test]
fn a_debug_that_logs_and_records_while_a_span_or_an_event_is_read_blocks_no_thread() {
    before_each_peer("tracing: a Debug that logs", 400, 0);
}

#[test]
fn a_debug_that_logs_itself_endlessly_ends_at_depth_one() {
    before_each_peer("tracing: a Debug without end", 2, 1);
}

#[test]
fn a_span_that_has_itself_as_a_field_ends_at_depth_one() {
    before_each_peer("tracing: a span without end", 2, 0);
}

#[test]
fn a_serialize_that_logs_yields_its_own_event_and_one_more() {
    before_each_peer("tracing: a Serialize that logs", 400, 0);
}

#[test]
fn with_a_layer_that_locks_and_logs_events_spill_through_the_same_subscriber() {
    before_each_peer("tracing: beside a layer that locks", 600, 0);
}

#[test]
fn with_the_spill_layer_each_event_that_cannot_be_delivered_is_spilled_once() {
    before_each_peer("tracing: beside the spill layer", 600, 0);
}
