//! What the log may contain, and how much of it.

use crate::support::*;
use overspill::spill::{Redact, SpillPacking, WriteSink, read_line};
use overspill::{Client, Emitted, LostReason, Mode, Observer, Reason, Signal};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::dispatcher::set_default;
use tracing_subscriber::filter::LevelFilter;

const CANARY: &str = "canary-7f3a";

#[derive(Serialize)]
struct Signup {
    id: u64,
    email: String,
    user: User,
    list: Vec<User>,
}

#[derive(Serialize, Clone)]
struct User {
    password: String,
    plan: String,
}

fn signup(id: u64) -> Signup {
    let user = User { password: CANARY.to_owned(), plan: "free".to_owned() };
    let filler = if id % 20 == 7 { " long".repeat(3000) } else { String::new() };
    let list = vec![user.clone(), User { plan: filler, ..user.clone() }];
    Signup { id, email: format!("{CANARY}-{}@example.com", id % 3), user, list }
}

fn redact() -> Redact {
    Redact::new().remove("/**/password").hash("/email", "a key")
}

fn ids(bodies: &[String]) -> BTreeSet<u64> {
    bodies
        .iter()
        .map(|event| serde_json::from_str::<serde_json::Value>(event).unwrap()["id"].as_u64().unwrap())
        .collect()
}

/// Everything that the process may log, dependencies included, at TRACE.
fn everything(log: &Spilled) -> tracing::Dispatch {
    let log = log.clone();
    tracing_subscriber::fmt()
        .json()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || log.clone())
        .finish()
        .into()
}

#[test]
fn what_is_redacted_is_in_the_requests_and_nowhere_in_a_log_at_trace_and_the_record_says_so() {
    for packing in [SpillPacking::OneByOne, SpillPacking::Packed] {
        let (log, fallback, taken) = (Spilled::default(), Spilled::default(), Taken::default());
        let _scope = set_default(&everything(&log));
        let posts = AtomicU64::new(0);
        // Some are delivered, some refused one by one, some meet an outage.
        let endpoint = Endpoint::start(taken.when(move |_| match posts.fetch_add(1, Ordering::Relaxed) {
            0..3 => Act::Status(200),
            3..9 => Act::Status(400),
            _ => Act::Status(503),
        }))
        .unwrap();
        let client = quick(endpoint.url())
            .spill_redact(redact())
            .spill_packing(packing)
            .spill_fallback(WriteSink::new(fallback.clone()))
            .batch_events_max(20)
            .event_bytes_max(20_000)
            .build()
            .unwrap();
        for id in 0..400 {
            client.emit(&signup(id));
        }
        until("all to be settled", || client.stats().pending == 0);
        // These events are spilled by the caller, and one event is in no log at all.
        client.set_mode(Mode::LogOnly);
        for id in 400..500 {
            client.emit(&signup(id));
        }
        assert_eq!(client.emit(&vec![CANARY; 10_000]), Emitted::Lost(LostReason::Oversized));
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.lost, stats.pending), (501, 1, 0), "{stats}");
        assert!(stats.delivered > 0 && stats.spilled > 200, "{stats}");

        let packs = log.text().lines().filter_map(read_line).any(|part| part.events > 1);
        assert_eq!(packs, packing == SpillPacking::Packed);
        let text = log.text() + &fallback.text();
        let leak = text.find(CANARY).map(|at| &text[at.saturating_sub(300)..at + 50]);
        assert_eq!(leak, None, "{packing:?}");
        let spilled = log.events();
        let delivered = taken.events();
        let found =
            &ids(&spilled.iter().map(|event| event.event.clone()).collect::<Vec<_>>()) | &ids(&delivered);
        assert_eq!(found, (0..500).collect());
        assert!(delivered.iter().all(|event| event.contains(&format!(r#""password":"{CANARY}""#))));
        // The other members are unchanged, equal values have equal hashes, and the record says that it differs from what was sent.
        assert!(spilled.iter().all(|event| event.redacted && event.event.contains(r#""plan":"free""#)));
        let hashes: BTreeSet<String> = spilled
            .iter()
            .map(|event| {
                serde_json::from_str::<serde_json::Value>(&event.event).unwrap()["email"].to_string()
            })
            .collect();
        assert_eq!(hashes.len(), 3, "{hashes:?}");
    }
}

#[test]
fn an_event_that_no_rule_matches_is_spilled_unchanged_and_its_record_says_so() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/").spill_redact(redact()).build().unwrap();
    emit_all(&client, 0..50);
    world.assert_settled(&client.shutdown_blocking(LONG), 50);
    assert!(world.log.events().iter().all(|event| !event.redacted));
}

#[test]
fn an_event_whose_redaction_fails_is_lost_and_counted_and_its_content_is_in_no_log() {
    for packing in [SpillPacking::OneByOne, SpillPacking::Packed] {
        let (log, fallback) = (Spilled::default(), Spilled::default());
        let _scope = set_default(&everything(&log));
        // Every third cannot be redacted, in one of three ways.
        let rewrite = |text: &str| {
            let id = serde_json::from_str::<serde_json::Value>(text).unwrap()["id"].as_u64().unwrap();
            match id % 9 {
                0 => panic!("a function of the user's"),
                3 => Some("no json".to_owned()),
                6 => Some(text.repeat(100)),
                _ => Some(text.replace(CANARY, "x")),
            }
        };
        let client = quick("http://127.0.0.1:9/")
            .spill_redact(Redact::new().rewrite(rewrite))
            .spill_packing(packing)
            .spill_fallback(WriteSink::new(fallback.clone()))
            .build()
            .unwrap();
        for id in 0..300 {
            client.emit(&signup(id));
        }
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.spilled, stats.pending), (300, 200, 0), "{stats}");
        assert_eq!(stats.lost_by(LostReason::RedactFailed), 100, "{stats}");
        let text = log.text() + &fallback.text();
        assert!(!text.contains(CANARY));
        assert_eq!(log.count_notices("could not be redacted"), 1);
        let spilled: Vec<String> = log.events().into_iter().map(|event| event.event).collect();
        assert_eq!(ids(&spilled), (0..300).filter(|id| id % 3 != 0).collect());
    }
}

#[test]
fn an_invalid_path_is_a_build_error() {
    let build = |redact| quick("http://127.0.0.1:9/").spill_redact(redact).build();
    let error = build(Redact::new().remove("/a").remove("user.email")).unwrap_err();
    assert!(error.to_string().contains("JSON pointer"), "{error}");
}

/// Counts what is reported to it.
struct Surplus(Arc<Mutex<u64>>);

impl Observer for Surplus {
    fn signal(&self, signal: &Signal<'_>) {
        if let Signal::Lost { reason: LostReason::LogBudget, events, .. } = signal {
            *self.0.lock().unwrap() += events;
        }
    }
}

#[test]
fn events_over_the_logs_budget_are_lost_counted_and_reported_and_the_rest_are_spilled() {
    for packing in [SpillPacking::OneByOne, SpillPacking::Packed] {
        let world = World::new();
        let told = Arc::<Mutex<u64>>::default();
        let heard = Arc::clone(&told);
        let client: Client = quick("http://127.0.0.1:9/")
            .spill_bytes_per_second_max(50_000)
            .spill_packing(packing)
            .observer(Surplus(heard))
            .build()
            .unwrap();
        emit_all(&client, 0..3_000);
        let began = std::time::Instant::now();
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.delivered, stats.pending), (3_000, 0, 0), "{stats}");
        let surplus = stats.lost_by(LostReason::LogBudget);
        assert_eq!((stats.spilled + surplus, *told.lock().unwrap()), (3_000, surplus), "{stats}");
        assert!(surplus > 500 && stats.spilled > 50, "{stats}");
        assert_eq!(
            stats.spilled_by(Reason::Connect) + stats.spilled_by(Reason::Outage),
            stats.spilled,
            "{stats}"
        );
        assert_eq!(ids_spilled(&world.log).into_iter().collect::<BTreeSet<_>>().len() as u64, stats.spilled);
        assert_eq!(world.log.count_notices("more to spill than spill_bytes_per_second_max"), 1);
        let text = world.log.text();
        let written: usize = text.lines().filter(|line| read_line(line).is_some()).map(str::len).sum();
        // One second's worth is allowed at once, plus the seconds since. A line may be a little longer than it is counted.
        let allowed = 50_000.0 * (3.0 + began.elapsed().as_secs_f64());
        assert!((written as f64) < allowed, "{written} bytes of {allowed}");
    }
}
