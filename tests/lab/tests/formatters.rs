//! Other formatters than tracing-subscriber's: their logs can be read back, whatever field names they reserve.

use overspill::spill::{Records, read_line};
use overspill::testkit::Spilled;
use overspill::{Client, Mode};
use std::collections::BTreeSet;
use tracing::Dispatch;
use tracing::dispatcher::set_default;
use tracing_bunyan_formatter::{BunyanFormattingLayer, JsonStorageLayer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

const EVENTS: u64 = 40;

/// Checks the law: all events are spilled, and each is in this log, long events in parts.
#[track_caller]
fn reads_back(log: &Spilled, dispatch: Dispatch, name: &str) {
    let _scope = set_default(&dispatch);
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::LogOnly).build().unwrap();
    let span = tracing::info_span!("request", v = 1, event = "taken", client = "mallory");
    let _entered = span.enter();
    for id in 0..EVENTS {
        let text = "\"\\世\u{1b}\n".repeat(id as usize * 50);
        client.emit(&serde_json::json!({ "id": id, "text": text }));
    }
    let stats = client.shutdown_blocking(std::time::Duration::from_secs(20));
    assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{name}: {stats}");
    let text = log.text();
    let mut ids = BTreeSet::new();
    for event in Records::new(text.as_bytes()).joined() {
        let event: serde_json::Value = serde_json::from_str(&event.unwrap().event).unwrap();
        let id = event["id"].as_u64().unwrap();
        assert_eq!(event["text"], "\"\\世\u{1b}\n".repeat(id as usize * 50));
        ids.insert(id);
    }
    assert_eq!(ids, (0..EVENTS).collect(), "{name}: {}", text.chars().take(2000).collect::<String>());
    for line in text.lines().filter(|line| read_line(line).is_some()) {
        assert!(line.contains("event spilled: log_only"), "{name}: a person sees nothing in {line}");
        assert!(line.len() < 8 << 10, "{name}: {} bytes", line.len());
    }
}

#[test]
fn records_read_back_from_bunyan() {
    for skipped in [&[][..], &["file", "line"], &["target"], &["pid", "name", "hostname"]] {
        let log = Spilled::default();
        let writer = log.clone();
        let layer = BunyanFormattingLayer::new("a-service".to_owned(), move || writer.clone());
        let layer = layer.skip_fields(skipped.iter().map(|field| (*field).to_owned()));
        let Ok(layer) = layer else { continue };
        reads_back(&log, Dispatch::new(registry().with(JsonStorageLayer).with(layer)), "bunyan");
        assert!(log.text().contains(r#""v":0"#), "its own version");
    }
}

#[test]
fn records_read_back_from_the_elastic_common_schema() {
    for normalized in [true, false] {
        for labels in [true, false] {
            let log = Spilled::default();
            let writer = log.clone();
            let builder = tracing_ecs::ECSLayerBuilder::default()
                .normalize_json(normalized)
                .with_extra_fields(
                    serde_json::json!({ "event.kind": "event", "client.ip": "::1", "labels.team": "a" }),
                )
                .unwrap();
            let builder = if labels {
                builder.with_attribute_mapper(|_: &str, name: std::borrow::Cow<'static, str>| {
                    if name == "message" { name } else { format!("labels.{name}").into() }
                })
            } else {
                builder
            };
            let layer = builder.build_with_writer(move || writer.clone());
            reads_back(&log, Dispatch::new(registry().with(layer)), "ECS");
        }
    }
}
