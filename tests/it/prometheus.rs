//! The metrics behind dashboards and alerts: the outage, posts by verdict, the queue's fill level, the log's stalls.

use crate::support::*;
use overspill::spill::{Record, SpillSink};
use overspill::testkit::{Act, Answer, Scripted, Spilled};
use overspill::{Client, EndpointState, Reason, Stats};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Emits one event a second under a paused clock, to an endpoint that answers as the script says for the time since the start. Returns the
/// stats after each second.
async fn second_by_second(
    world: &World,
    seconds: u64,
    mut script: impl FnMut(Duration) -> Answer + Send + 'static,
) -> Vec<Stats> {
    let (began, taken) = (Instant::now(), world.taken.clone());
    let transport = Scripted::new(move |request| {
        let answer = script(began.elapsed());
        if matches!(&answer, Answer::After(_, Ok(reply)) if (200..300).contains(&reply.status)) {
            taken.keep(&request.body);
        }
        answer
    });
    let (client, sender) =
        Client::builder("simulated").transport(transport).jitter_seed(7).build_with_sender().unwrap();
    let emitting = async {
        let mut seen = Vec::new();
        for id in 0..seconds {
            emit_all(&client, id..id + 1);
            // The interval between two scrapes, on a paused clock.
            sleep(SECOND).await;
            seen.push(client.stats());
        }
        seen.push(client.shutdown(LONG).await);
        seen
    };
    tokio::join!(sender.run(), emitting).1
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_counted_and_timed_by_the_second_while_it_lasts_and_is_zero_afterwards() {
    let world = World::new();
    let before = SystemTime::now();
    let out = SECOND * 10..SECOND * 70;
    let seen = second_by_second(&world, 90, move |at| {
        let after = Duration::from_millis(1);
        if out.contains(&at) { Answer::refused(after) } else { Answer::status(after, 200) }
    })
    .await;
    let last = seen.last().unwrap();
    world.assert_settled(last, 90);
    assert_eq!((seen[8].outages, seen[8].outage_lasts), (0, Duration::ZERO));
    let (early, late) = (&seen[30], &seen[60]);
    assert_eq!((early.outages, early.endpoint), (1, EndpointState::Out));
    assert_eq!(late.outage_lasts - early.outage_lasts, SECOND * 30);
    // Counted from the first of the failures.
    assert!((SECOND * 17..SECOND * 22).contains(&early.outage_lasts), "{:?}", early.outage_lasts);
    assert!(
        early
            .prometheus_text()
            .contains(&format!("\noverspill_outage_seconds {}\n", early.outage_lasts.as_secs()))
    );
    assert_eq!((last.outages, last.outage_lasts, last.endpoint), (1, Duration::ZERO, EndpointState::Healthy));
    assert_eq!(early.last_delivery, late.last_delivery, "nothing is delivered meanwhile");
    assert!(early.last_delivery.unwrap() + SECOND > before && last.last_delivery > late.last_delivery);
    assert_eq!(Stats::default().last_delivery, None);
}

#[tokio::test(start_paused = true)]
async fn a_failed_post_is_counted_under_its_verdicts_reason() {
    for (answer, reason) in [
        (Answer::refused(Duration::ZERO), Reason::Connect),
        (Answer::Never, Reason::Timeout),
        (Answer::status(Duration::ZERO, 700), Reason::Broken),
        (Answer::status(Duration::ZERO, 422), Reason::Refused),
        (Answer::status(Duration::ZERO, 401), Reason::Denied),
        (Answer::status(Duration::ZERO, 302), Reason::Denied),
        (Answer::status(Duration::ZERO, 500), Reason::Unavailable),
        (Answer::status(Duration::ZERO, 429), Reason::Unavailable),
    ] {
        let world = World::new();
        let told = answer.clone();
        let seen = second_by_second(&world, 40, move |_| told.clone()).await;
        let last = seen.last().unwrap();
        world.assert_settled(last, 40);
        assert!(last.posts_failed > 0 && last.posts_failed == last.posts, "{answer:?}: {last}");
        assert_eq!(last.posts_failed_by(reason), last.posts_failed, "{answer:?}: {last:?}");
        assert_eq!(last.posts_failed_by_reason().map(|(_, posts)| posts).sum::<u64>(), last.posts_failed);
    }
}

/// Writes to the log as soon as the gate is open.
struct Shut(Spilled, Arc<Mutex<()>>);

impl SpillSink for Shut {
    fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
        drop(self.1.lock());
        self.0.write(record)
    }
}

#[test]
fn a_stuck_log_shows_in_the_stats_while_it_is_stuck_and_is_counted_afterwards() {
    let (world, gate) = (World::new(), Arc::new(Mutex::new(())));
    let endpoint = world.endpoint(|_| Act::Status(503));
    let client =
        quick(endpoint.url()).spill_sink(Shut(world.log.clone(), Arc::clone(&gate))).build().unwrap();
    let shut = gate.lock().unwrap();
    emit_all(&client, 0..10);
    until("a stall", || client.stats().log_stalls == 1);
    let during = client.stats();
    assert!(during.log_write_lasts >= overspill::limits::LOG_STALL, "{during:?}");
    assert!(during.prometheus_text().contains("\noverspill_log_stalls_total 1\n"), "{during:?}");
    drop(shut);
    client.flush_blocking(LONG).unwrap();
    let after = client.stats();
    assert_eq!((after.log_stalls, after.log_write_lasts), (1, Duration::ZERO));
    assert!(after.log_stalled >= during.log_stalled);
    world.assert_settled(&client.shutdown_blocking(LONG), 10);
}

#[test]
fn the_stats_show_how_full_the_queue_is_and_its_limits() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    // The sender does not run yet, so emitted events stay in the queue.
    let (client, sender) =
        quick(endpoint.url()).queue_events_max(64).queue_bytes_max(64 << 10).build_with_sender().unwrap();
    emit_all(&client, 0..48);
    let stats = client.stats();
    assert_eq!((stats.queue_events, stats.queue_events_max, stats.queue_bytes_max), (48, 64, 64 << 10));
    assert_eq!(stats.memory_bound, client.memory_bound());
    client.set_queue_share(overspill::QueueShare::Half);
    assert_eq!(client.stats().queue_bytes_max, 32 << 10);
    drop(sender);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.queue_events, 0);
    world.assert_settled(&stats, 48);
}

/// A path below the root of the package.
fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn exposition() -> String {
    Stats::default().prometheus_text() + &overspill::memory_watch::MemoryStats::default().prometheus_text()
}

/// A row per name: its kind, the names of its labels, its help.
fn table_of(text: &str) -> String {
    let mut rows = BTreeMap::new();
    let mut order = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            order.push(name);
            rows.insert(name, (help, "", BTreeSet::new()));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' '))
        {
            rows.get_mut(name).unwrap().1 = kind;
        } else if let Some((name, labels)) = line.split_once('{') {
            rows.get_mut(name).unwrap().2.insert(labels.split('=').next().unwrap());
        }
    }
    let row = |name: &&str| {
        let (help, kind, labels) = &rows[*name];
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(" "))
    };
    order.iter().map(row).collect()
}

#[test]
fn the_guides_table_has_exactly_the_exposed_names() {
    const PAGE: &str = "src/guide/prometheus.md";
    const HEAD: &str = "| name | kind | labels | what it tells |\n|---|---|---|---|\n";
    let (page, wanted) = (read(PAGE), table_of(&exposition()));
    let (before, rest) = page.split_once(HEAD).unwrap();
    let (found, after) = rest.split_once("\n\n").unwrap();
    if std::env::var_os("RENEW_NAMES").is_some() {
        std::fs::write(PAGE, format!("{before}{HEAD}{wanted}\n{after}")).unwrap();
    } else {
        assert_eq!(format!("{found}\n"), wanted, "renew it: RENEW_NAMES=1 cargo test --test it prometheus");
    }
}

fn names_in(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("overspill_"));
    words.collect()
}

#[test]
fn the_rules_the_dashboard_and_the_guide_use_names_that_exist() {
    let text = exposition();
    let known: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for file in
        ["examples/prometheus/alerts.yml", "examples/prometheus/dashboard.json", "src/guide/prometheus.md"]
    {
        let used = read(file);
        let unknown: Vec<&str> = names_in(&used).difference(&known).copied().collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{file}");
        assert!(names_in(&used).len() > 8, "{file}: the rule is out of date");
    }
}

#[test]
fn every_alert_has_its_runbook_in_the_guide_and_its_tests() {
    let (rules, page, tests) = (
        read("examples/prometheus/alerts.yml"),
        read("src/guide/prometheus.md"),
        read("examples/prometheus/alerts.test.yml"),
    );
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(alerts.len(), 8);
    for alert in alerts {
        assert!(page.contains(&format!("\n## {alert}\n")), "{alert} has no chapter");
        let anchor = format!("guide/prometheus/index.html#{}\n", alert.to_lowercase());
        assert!(rules.contains(&anchor), "{alert} has no link to its chapter");
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert} is never expected");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_imports() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("examples/prometheus/dashboard.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let named: Vec<String> = variables.iter().map(|variable| text(&variable["name"])).collect();
    assert_eq!(named, ["datasource", "job", "instance", "client"]);
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = text(&panel["title"]);
        assert!(title.ends_with('?') && ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
        assert!(
            ["bytes", "cps", "none", "percentunit", "reqps", "s", "short"].contains(&unit.as_str()),
            "{title}: {unit}"
        );
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title}");
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert((x, y)), "{title} lies over another");
        }
        let targets = panel["targets"].as_array().unwrap();
        let queries: BTreeSet<String> = targets.iter().map(|target| text(&target["refId"])).collect();
        assert_eq!(queries.len(), targets.len(), "{title}");
        assert!(targets.iter().all(|target| text(&target["expr"]).contains("$instance")), "{title}");
    }
}
