//! The published OFREP provider, against a flag service that answers, refuses, hangs, and recovers.

use crate::support::*;
use open_feature::OpenFeature;
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use overspill::Mode;
use overspill::toggle::Toggle;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn answer(status: &str, body: &str) -> Act {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Act::Bytes([head.as_bytes(), body.as_bytes()].concat())
}

fn value(json: &str) -> Act {
    answer("200 OK", &format!(r#"{{"key":"telemetry","reason":"STATIC","variant":"it","value":{json}}}"#))
}

#[test]
fn a_flag_service_over_http_switches_the_mode_and_losing_it_keeps_the_last() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let says = Arc::new(Mutex::new(value(r#""log_only""#)));
    let script = Arc::clone(&says);
    let flagd = Endpoint::start(move |request| {
        assert!(request.head.starts_with("POST /ofrep/v1/evaluate/flags/telemetry "), "{}", request.head);
        script.lock().unwrap().clone()
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut api = OpenFeature::default();
    let base_url = format!("http://{}", flagd.address());
    let options = OfrepOptions { base_url, ..OfrepOptions::default() };
    runtime.block_on(async { api.set_provider(OfrepProvider::new(options).await.unwrap()).await });
    let mut toggle = Toggle::builder(&client, api.create_client())
        .mode_flag("telemetry")
        .evaluation_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let mut ids = 0..;
    let mut look = |act: Act, mode: Mode| {
        *says.lock().unwrap() = act.clone();
        runtime.block_on(toggle.look());
        assert_eq!(client.mode(), mode, "{act:?}");
        client.emit(&Numbered::of(ids.next().unwrap()));
    };
    look(value(r#""log_only""#), Mode::LogOnly);
    look(value("true"), Mode::On);
    look(value("false"), Mode::Off);
    look(value(r#""on""#), Mode::On);
    look(value(r#""LOG_ONLY""#), Mode::LogOnly);
    for lost in [
        value("17"),
        value(r#""nonsense""#),
        value("null"),
        answer("404 Not Found", "{}"),
        answer("401 Unauthorized", "{}"),
        answer("500 Internal Server Error", "{}"),
        answer("200 OK", "<html>"),
        Act::Close,
        Act::Hang,
    ] {
        look(lost, Mode::LogOnly);
    }
    flagd.refuse();
    look(Act::Close, Mode::LogOnly);
    flagd.accept().unwrap();
    look(value(r#""on""#), Mode::On);
    let stats = client.shutdown_blocking(LONG);
    assert_settled(&stats, &world.taken, &world.log);
    // One of sixteen looks was off.
    assert_eq!((stats.emitted, stats.lost, stats.pending), (15, 0, 0), "{stats}");
    let told = world.log.text();
    let lines = |words: &str| {
        told.lines().filter(|line| line.contains("overspill::toggle") && line.contains(words)).count()
    };
    assert_eq!((lines("cannot be followed"), lines("well again")), (1, 1), "{told}");
}
