//! Row 31, with a global subscriber: what overspill logs, and what the HTTP stack logs on the sender's thread, comes back to it
//! through the application's own layer. Depth one, no deadlock, no overflow, and no activity once everything is settled.

use crate::child::{Part, Start, say, url};
use crate::figures::report;
use crate::support::{LONG, until};
use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Emitted};
use serde::{Serialize, Serializer};
use std::io;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub const PARTS: &[Part] =
    &[("a layer that emits", layer_that_emits), ("a Serialize that emits", serialize_that_emits)];

static CLIENT: OnceLock<Client> = OnceLock::new();

/// Emits an event for each record, from any source.
struct Emits;

impl<S: tracing::Subscriber> Layer<S> for Emits {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(client) = CLIENT.get() {
            client.emit(event.metadata().target());
        }
    }
}

/// Everything at TRACE, into the layer that emits and into a formatter.
fn client() -> &'static Client {
    let formatter = tracing_subscriber::fmt::layer().json().with_writer(io::sink);
    tracing_subscriber::registry().with(LevelFilter::TRACE).with(formatter).with(Emits).init();
    let client = Client::builder(url())
        .queue_events_max(50)
        .batch_events_max(20)
        .batch_age_max(Duration::from_millis(5))
        .probe_interval_max(Duration::from_millis(50));
    CLIENT.get_or_init(|| client.build().unwrap())
}

/// Reports how many posts were made after everything was settled and nothing more was emitted, then ends.
fn rest(client: &Client) {
    until("everything to be settled", || client.stats().pending == 0);
    let before = client.stats();
    // Enough time for a loop to show: sixty times the batch age, six probes.
    std::thread::sleep(Duration::from_millis(300));
    let after = client.stats();
    say(format_args!("posts after rest {}", after.posts - before.posts));
    assert_eq!(after.emitted, before.emitted, "{after}");
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.pending, stats.lost, stats.emitted), (0, 0, before.emitted), "{stats}");
    assert_eq!(stats.delivered + stats.spilled, stats.emitted, "{stats}");
    say(format_args!("delivered {}", stats.delivered));
    say(format_args!("echoes {}", stats.echoes));
}

fn layer_that_emits() {
    let client = client();
    for nth in 0..500 {
        tracing::info!(nth, "the application says something");
    }
    assert_eq!(
        client.stats().emitted,
        500,
        "each record of the application is an event, none of overspill's is"
    );
    rest(client);
}

/// An event whose field reports and logs.
struct Talks(u64);

impl Serialize for Talks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The layer makes an event of the record, nested in this one; a second level would be `Lost(Reentrant)`.
        tracing::info!("being serialized");
        if let Some(client) = CLIENT.get() {
            assert!(
                !matches!(client.emit("nested"), Emitted::Lost(_)),
                "the first level down is an event like any other"
            );
        }
        serializer.serialize_u64(self.0)
    }
}

fn serialize_that_emits() {
    let client = client();
    for nth in 0..200 {
        assert!(!matches!(client.emit(&Talks(nth)), Emitted::Lost(_)));
    }
    assert_eq!(client.stats().emitted, 600, "each with one from its record, and one of its own");
    rest(client);
}

/// The events are texts here, so the law is checked by the child's counters: everything is delivered or spilled.
fn rests(part: &'static str) {
    for act in [Act::Status(200), Act::Status(503), Act::Close] {
        let well = matches!(act, Act::Status(200));
        let endpoint = Endpoint::start(move |_| act.clone()).unwrap();
        let ended = Start::of(part, endpoint.url()).start().succeed();
        assert_eq!(ended.figure::<u64>("posts after rest "), 0);
        assert_eq!(ended.figure::<u64>("delivered ") > 0, well, "{ended}");
        assert!(ended.figure::<u64>("echoes ") > 0, "nothing came back, so nothing was tested");
    }
    report(31, "posts after rest, global subscriber", 0);
}

#[test]
fn a_global_layer_that_emits_on_every_record_makes_no_loop() {
    rests("a layer that emits");
}

#[test]
fn a_serialize_that_emits_and_logs_under_a_global_subscriber_makes_no_loop() {
    rests("a Serialize that emits");
}
