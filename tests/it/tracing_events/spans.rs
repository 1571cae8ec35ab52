//! Fields of spans: opt-in, bounded, and with no lock held while the application's code runs.

use super::{Members, Scene};
use overspill::tracing_events::SpanFields;
use overspill::tracing_events::limits::{SCOPE_SPANS_MAX, SPAN_BYTES_MAX, SPAN_MEMBERS_MAX};
use std::error::Error;
use std::fmt::{self, Debug};
use tracing::field::Empty;
use tracing::{info, info_span};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;

#[test]
fn an_event_has_the_fields_of_no_span_the_current_span_or_all_spans_as_configured() {
    for (spans, expected) in [
        (SpanFields::None, r#"{"level":"INFO","target":"t","own":1}"#),
        (SpanFields::Current, r#"{"level":"INFO","target":"t","own":1,"attempt":2,"later":"l"}"#),
        (
            SpanFields::All,
            r#"{"level":"INFO","target":"t","own":1,"attempt":2,"later":"l","request":3,"user":"kim"}"#,
        ),
    ] {
        let scene = Scene::new(|builder| builder);
        scene.run(
            |b| b.spans(spans),
            || {
                let _request = info_span!("request", request = 3, user = "kim").entered();
                let attempt = info_span!("attempt", attempt = 2, later = Empty, never = Empty).entered();
                attempt.record("later", "l");
                info!(target: "t", own = 1);
            },
        );
        assert_eq!(scene.only(), expected);
    }
}

#[test]
fn an_event_with_an_explicit_parent_has_that_spans_fields_and_a_root_event_has_none() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::All),
        || {
            let other = info_span!("other", from = "other");
            let _current = info_span!("current", from = "current").entered();
            info!(target: "t", parent: &other, "child");
            info!(target: "t", parent: None, "root");
        },
    );
    let (_, mut events) = scene.end();
    events.sort();
    assert_eq!(
        events,
        [
            r#"{"level":"INFO","target":"t","message":"child","from":"other"}"#,
            r#"{"level":"INFO","target":"t","message":"root"}"#,
        ]
    );
}

#[test]
fn each_type_of_field_is_kept_and_the_last_value_counts() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::Current),
        || {
            let failed = std::io::Error::other("gone");
            let span = info_span!(
                "s",
                i = -1,
                u = u64::MAX,
                wide = 5_u128,
                widest = i128::MIN,
                f = 0.5,
                nan = f64::NAN,
                yes = true,
                text = "\"",
                debug = ?Some(1),
                error = &failed as &(dyn Error + 'static),
                r#type = "first",
            );
            span.record("type", "second").record("u", "text now");
            span.in_scope(|| info!(target: "t", "x"));
        },
    );
    assert_eq!(
        scene.only(),
        concat!(
            r#"{"level":"INFO","target":"t","message":"x","i":-1,"u":"text now","wide":5,"#,
            r#""widest":"-170141183460469231731687303715884105728","f":0.5,"nan":null,"yes":true,"text":"\"","#,
            r#""debug":"Some(1)","error":"gone","type":"second"}"#
        )
    );
}

/// Writes forever, unless it is stopped.
struct Endless;

impl Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("0123456789")?;
        }
    }
}

#[test]
fn a_span_stores_no_more_than_its_maximum_and_the_event_says_how_many_fields_are_missing() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::All),
        || {
            let long = "x".repeat(SPAN_BYTES_MAX / 2);
            let span = info_span!("s", endless = ?Endless, a = %long, b = %long, c = 1, d = "after");
            let _entered = span.enter();
            info!(target: "t", "x");
            // A replaced value makes room.
            span.record("a", 1);
            span.record("d", long.as_str());
            info!(target: "t", "y");
        },
    );
    let (_, events) = scene.end();
    for event in &events {
        let event = Members::of(event);
        assert_eq!(event.get("span_fields_left_out"), 2, "{:?}", event.0);
        assert!(event.find("endless").is_none() && event.find("b").is_none());
        let second = event.get("message") == "y";
        assert_eq!(event.get("a") == 1, second);
        assert_eq!(event.get("d") != "after", second);
        assert_eq!(event.get("c"), 1);
    }
}

#[test]
fn an_event_takes_a_limited_number_of_spans_and_fields_and_says_if_there_were_more() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::All),
        || {
            let mut entered = Vec::new();
            for nth in 0..100 {
                entered.push(info_span!("deep", nth).entered());
            }
            info!(target: "t", "x");
        },
    );
    let event = Members::of(&scene.only());
    assert_eq!((event.get("nth"), event.get("span_fields_left_out")), (&99.into(), &1.into()));
    const { assert!(SCOPE_SPANS_MAX < 100) };

    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::All),
        || {
            macro_rules! span {
                ($($digit:literal)*) => {
                    info_span!("s", $({ concat!("a", $digit) } = 1, { concat!("b", $digit) } = 1, { concat!("c", $digit) } = 1,)*)
                };
            }
            let _outer = span!(0 1 2 3 4 5 6 7 8 9).entered();
            let _middle = span!(10 11 12 13 14 15 16 17 18 19).entered();
            let _inner = span!(20 21 22 23 24 25 26 27 28 29).entered();
            info!(target: "t", "x");
        },
    );
    let event = Members::of(&scene.only());
    assert_eq!(event.0.len(), 3 + SPAN_MEMBERS_MAX + 1);
    assert_eq!(event.get("span_fields_left_out"), &serde_json::Value::from(90 - SPAN_MEMBERS_MAX));
}

struct Panics;

impl Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a Debug")
    }
}

#[test]
fn a_debug_that_panics_costs_a_span_that_field_and_its_events_nothing() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b.spans(SpanFields::Current),
        || info_span!("s", a = ?Panics, b = 1).in_scope(|| info!(target: "t", "x")),
    );
    assert_eq!(
        scene.only(),
        r#"{"level":"INFO","target":"t","message":"x","a":"(its Debug panicked)","b":1}"#
    );
}

#[test]
fn threads_that_record_into_one_span_and_emit_from_it_lose_nothing() {
    let scene = Scene::new(|builder| builder.queue_events_max(10_000));
    let layer = scene.layer(|b| b.spans(SpanFields::All));
    let dispatch =
        tracing::Dispatch::new(registry().with(layer.with_filter(tracing::level_filters::LevelFilter::INFO)));
    let span = tracing::dispatcher::with_default(&dispatch, || info_span!("shared", nth = 0, text = Empty));
    std::thread::scope(|threads| {
        for thread in 0..4_u64 {
            let (dispatch, span) = (dispatch.clone(), span.clone());
            threads.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for nth in 0..500 {
                        span.record("nth", nth).record("text", "some text");
                        span.in_scope(|| info!(target: "t", id = thread * 500 + nth));
                    }
                });
            });
        }
    });
    drop(span);
    let (stats, events) = scene.end();
    assert_eq!((stats.emitted, stats.lost), (2_000, 0), "{stats}");
    let ids: std::collections::BTreeSet<u64> =
        events.iter().map(|event| Members::of(event).get("id").as_u64().unwrap()).collect();
    assert_eq!(ids, (0..2_000).collect());
}
