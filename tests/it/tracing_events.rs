//! Tracing events become events: which ones, with what content, and never those of overspill itself.

mod content;
mod echoes;
mod names;
mod spans;

use crate::support::*;
use overspill::tracing_events::{Builder, Member, SpanFields, TracingEvents};
use overspill::{Client, Stats};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use tracing::level_filters::LevelFilter;
use tracing::{Level, debug, error, info, trace, warn};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;

/// An event parsed from its text: its members in order, with unique names.
pub struct Members(pub Vec<(String, Value)>);

impl Members {
    #[track_caller]
    pub fn of(event: &str) -> Members {
        let members: Members = serde_json::from_str(event).unwrap_or_else(|error| panic!("{event}: {error}"));
        let names: BTreeSet<&str> = members.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), members.0.len(), "a name occurs twice: {event}");
        members
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> &Value {
        self.find(name).unwrap_or_else(|| panic!("there is no {name:?}: {:?}", self.0))
    }

    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(this, _)| this == name).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A client, its endpoint and its log.
pub struct Scene {
    pub world: World,
    _endpoint: Endpoint,
    pub client: Client,
}

impl Scene {
    pub fn new(settings: impl FnOnce(overspill::Builder) -> overspill::Builder) -> Scene {
        Scene::before(Act::Status(200), settings)
    }

    pub fn before(act: Act, settings: impl FnOnce(overspill::Builder) -> overspill::Builder) -> Scene {
        let world = World::new();
        let endpoint = world.endpoint(move |_| act.clone());
        let client = settings(quick(endpoint.url())).build().unwrap();
        Scene { world, _endpoint: endpoint, client }
    }

    pub fn layer(&self, choose: impl FnOnce(Builder) -> Builder) -> TracingEvents {
        choose(TracingEvents::builder(&self.client)).build().unwrap()
    }

    /// Runs the application with this layer.
    pub fn run(&self, choose: impl FnOnce(Builder) -> Builder, application: impl FnOnce()) {
        tracing::subscriber::with_default(registry().with(self.layer(choose)), application);
    }

    /// Shuts the client down and checks the law. Returns the events: those at the endpoint in the order in which they were sent, then those
    /// in the log.
    #[track_caller]
    pub fn end(self) -> (Stats, Vec<String>) {
        let stats = self.client.shutdown_blocking(LONG);
        assert_settled(&stats, &self.world.taken, &self.world.log);
        let mut events = self.world.taken.events();
        events.extend(self.world.log.events().into_iter().map(|joined| joined.event));
        assert_eq!(events.len() as u64, stats.delivered + stats.spilled, "{stats}");
        (stats, events)
    }

    #[track_caller]
    pub fn only(self) -> String {
        let (stats, mut events) = self.end();
        assert_eq!((stats.emitted, events.len()), (1, 1), "{events:?}");
        events.remove(0)
    }
}

type Choose = fn(Builder) -> Builder;

/// The texts of the events, as a set.
#[track_caller]
fn messages(events: &[String]) -> BTreeSet<String> {
    events.iter().map(|event| Members::of(event).get("message").as_str().unwrap().to_owned()).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Logs one tracing event of each kind that a selection can distinguish.
fn talk() {
    trace!("trace");
    debug!("debug");
    info!("info");
    warn!(target: "orders::api", "warn");
    error!(target: "stock", "error");
    info!(telemetry = true, "marked");
    debug!(target: "orders::sql", telemetry = true, "marked debug");
    info!(telemetry = false, "marked not");
    info!(telemetry = "true", "marked by text");
    info!(target: "overspill::spill", telemetry = true, "ours");
    info!(target: "overspill", telemetry = true, "ours as well");
}

#[test]
fn an_event_is_accepted_if_its_level_target_and_marker_are_selected_and_it_is_not_ours() {
    let informed = ["info", "warn", "error", "marked", "marked not", "marked by text"];
    let cases: [(Choose, &[&str]); 9] = [
        (|b| b, &informed),
        (|b| b.max_level(Level::ERROR), &["error"]),
        (|b| b.max_level(LevelFilter::OFF), &[]),
        (
            |b| b.max_level(LevelFilter::TRACE),
            &[
                "trace",
                "debug",
                "info",
                "warn",
                "error",
                "marked",
                "marked debug",
                "marked not",
                "marked by text",
            ],
        ),
        (|b| b.target("orders"), &["warn"]),
        (|b| b.target("orders").target("stock"), &["warn", "error"]),
        (|b| b.target("orders").max_level(Level::DEBUG).except_target("orders::api"), &["marked debug"]),
        (|b| b.marker("telemetry"), &["marked"]),
        (|b| b.marker("telemetry").max_level(Level::DEBUG).target("orders"), &["marked debug"]),
    ];
    for (choose, expected) in cases {
        let scene = Scene::new(|builder| builder);
        scene.run(choose, talk);
        let (stats, events) = scene.end();
        assert_eq!(messages(&events), set(expected));
        assert_eq!(
            (stats.emitted, stats.delivered),
            (expected.len() as u64, expected.len() as u64),
            "{stats}"
        );
    }
}

#[test]
fn the_marker_itself_is_not_written() {
    let scene = Scene::new(|builder| builder);
    scene.run(|b| b.marker("telemetry"), || info!(order = 7, telemetry = true, "placed"));
    assert_eq!(
        scene.only(),
        r#"{"level":"INFO","target":"it::tracing_events","message":"placed","order":7}"#
    );
}

#[test]
fn a_filter_of_the_layer_decides_what_it_sees_and_other_layers_keep_theirs() {
    let scene = Scene::new(|builder| builder);
    let app = Spilled::default();
    let writer = app.clone();
    let orders = Targets::new().with_target("orders", Level::DEBUG);
    let layer = scene.layer(|b| b.max_level(Level::DEBUG)).with_filter(orders);
    let formatter = tracing_subscriber::fmt::layer().json().with_writer(move || writer.clone());
    let formatter = formatter.with_filter(filter_fn(|metadata| *metadata.level() == Level::ERROR));
    tracing::subscriber::with_default(registry().with(layer).with(formatter), talk);
    let (_, events) = scene.end();
    assert_eq!(messages(&events), set(&["warn", "marked debug"]));
    assert_eq!(app.text().lines().count(), 1, "{}", app.text());
}

#[test]
fn two_layers_feed_two_clients_each_with_its_own_selection() {
    let (one, two) =
        (Scene::new(|builder| builder), Scene::new(|builder| builder.common_field("tenant", "a")));
    let first = one.layer(|b| b.spans(SpanFields::All).target("it"));
    let second = two.layer(|b| b.spans(SpanFields::All).called(Member::Level, "severity"));
    tracing::subscriber::with_default(registry().with(first).with(second), || {
        let span = tracing::info_span!("request", tenant = 7, user = tracing::field::Empty);
        span.record("user", "kim");
        span.in_scope(|| {
            info!("for both");
            info!(target: "stock", "for one");
        });
    });
    let only = one.only();
    assert_eq!(
        only,
        r#"{"level":"INFO","target":"it::tracing_events","message":"for both","tenant":7,"user":"kim"}"#
    );
    let (stats, events) = two.end();
    assert_eq!(stats.delivered, 2);
    assert!(
        events.contains(
            &r#"{"tenant":"a","severity":"INFO","target":"stock","message":"for one","tenant_":7,"user":"kim"}"#
                .to_owned()
        ),
        "{events:?}"
    );
}

#[test]
fn while_the_client_is_off_nothing_is_formatted_and_formatting_resumes_afterwards() {
    struct Never;
    impl fmt::Debug for Never {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("formatted")
        }
    }
    let scene = Scene::new(|builder| builder.mode(overspill::Mode::Off));
    scene.run(
        |b| b,
        || {
            info!(never = ?Never, "off");
            scene.client.set_mode(overspill::Mode::On);
            info!("on");
        },
    );
    assert_eq!(scene.only(), r#"{"level":"INFO","target":"it::tracing_events","message":"on"}"#);
}

#[test]
fn a_setting_that_makes_no_sense_is_an_error_that_says_what_to_do() {
    let client = quick("http://127.0.0.1:9/")
        .common_field("region", "eu")
        .time_field("at")
        .name_field("name")
        .build()
        .unwrap();
    let cases: [(Choose, &str); 8] = [
        (|b| b.target(""), "target is empty: leave the call away: without it every target is taken"),
        (
            |b| b.except_target(""),
            "except_target is empty: leave the call away: without it every target is taken",
        ),
        (|b| b.marker(""), "marker is empty: give the name of a field, such as \"telemetry\""),
        (|b| b.called(Member::Level, ""), "level has an empty name: give it one, or leave the member out"),
        (
            |b| b.called(Member::Message, "level"),
            "message is called \"level\", as another member is: choose another name by `called`, or leave one of them out",
        ),
        (
            |b| b.called(Member::Level, "region"),
            "level is called \"region\", as a field that the client adds to every event: choose another name by `called`, or leave the member out",
        ),
        (
            |b| b.called(Member::File, "at"),
            "file is called \"at\", as a field that the client adds to every event: choose another name by `called`, or leave the member out",
        ),
        (
            |b| b.called(Member::Span, "name"),
            "span is called \"name\", as a field that the client adds to every event: choose another name by `called`, or leave the member out",
        ),
    ];
    for (choose, said) in cases {
        let error = choose(TracingEvents::builder(&client)).build().map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), said);
        assert_eq!(format!("{error:?}"), said);
        assert!(said.starts_with(error.setting()));
    }
    let sound =
        TracingEvents::builder(&client).leave_out(Member::Level).called(Member::Target, "level").build();
    assert!(sound.is_ok());
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending), (0, 0));
}
