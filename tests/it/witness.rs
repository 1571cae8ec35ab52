//! Spilled means kept: which log confirms that, and what counts as confirmation.

use crate::figures::report;
use crate::support::*;
use overspill::spill::{LogLevel, WriteSink, read_line};
use overspill::tracing_layer::{SpillLayer, takes};
use overspill::{Client, LostReason, Mode};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::{Debug, Write as _};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::Dispatch;
use tracing::dispatcher::set_default;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

const EVENTS: u64 = 200;

/// Spills half of the events through the sender, half by callers.
fn spill_all(fallback: &Spilled) -> overspill::Stats {
    let client =
        quick("http://127.0.0.1:9/").spill_fallback(WriteSink::new(fallback.clone())).build().unwrap();
    emit_all(&client, 0..EVENTS / 2);
    until("the sender to have written", || client.stats().pending == 0);
    client.set_mode(Mode::LogOnly);
    emit_all(&client, EVENTS / 2..EVENTS);
    client.shutdown_blocking(LONG)
}

fn set(ids: Vec<u64>) -> BTreeSet<u64> {
    ids.into_iter().collect()
}

/// The law without an endpoint: each event is in one of the two logs, and counted correctly.
#[track_caller]
fn assert_kept(stats: &overspill::Stats, places: &[&Spilled]) {
    assert_eq!((stats.emitted, stats.spilled, stats.lost), (EVENTS, EVENTS, 0), "{stats}");
    let found: BTreeSet<u64> = places.iter().flat_map(|place| ids_spilled(place)).collect();
    assert_eq!(found, (0..EVENTS).collect(), "{stats}");
}

/// Formats everything and keeps little, as breadcrumbs and flight recorders do.
#[derive(Default)]
struct Crumbs(Mutex<VecDeque<String>>);

impl<S: tracing::Subscriber> Layer<S> for Crumbs {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn Debug| {
            _ = write!(text, "{field}={value:?} ");
        });
        let mut kept = self.0.lock().unwrap();
        kept.push_back(text);
        if kept.len() > 2 {
            kept.pop_front();
        }
    }
}

fn writer(log: &Spilled) -> impl Fn() -> Spilled + Send + Sync + use<> {
    let log = log.clone();
    move || log.clone()
}

#[test]
fn next_to_a_layer_that_formats_everything_and_keeps_little_the_spill_layer_gets_every_event() {
    let (app, log, fallback) = (Spilled::default(), Spilled::default(), Spilled::default());
    let subscriber = registry()
        .with(Crumbs::default())
        .with(fmt::layer().json().with_writer(writer(&app)).with_filter(EnvFilter::new("my_service=info")))
        .with(SpillLayer::new(writer(&log)));
    let _scope = set_default(&Dispatch::new(subscriber));
    let stats = spill_all(&fallback);
    assert_kept(&stats, &[&log]);
    report(
        46,
        "events nowhere, beside a layer that keeps two",
        EVENTS as usize - set(ids_spilled(&log)).len(),
    );
    assert_eq!(log.count_notices("spilled events are kept once SpillLayer has written them"), 1);
    assert_eq!((app.events().len(), fallback.text().len()), (0, 0));
}

#[test]
fn the_startup_notice_says_how_writes_to_the_log_are_confirmed() {
    let told = |make: &dyn Fn(&Spilled) -> Dispatch,
                words: &str,
                setting: fn(overspill::Builder) -> overspill::Builder| {
        let log = Spilled::default();
        let _scope = set_default(&make(&log));
        setting(quick("http://127.0.0.1:9/")).build().unwrap().shutdown_blocking(LONG);
        assert_eq!(log.count_notices(words), 1, "{words}: {}", log.text());
    };
    let formatter = |log: &Spilled| Dispatch::new(fmt().json().with_writer(writer(log)).finish());
    told(&formatter, "count as kept once a subscriber formats them (SpillLayer would know", |builder| {
        builder
    });
    told(&formatter, "kept once the spill sink has taken them", |builder| {
        builder.spill_sink(WriteSink::new(io::sink()))
    });
    let layer = |log: &Spilled| Dispatch::new(registry().with(SpillLayer::new(writer(log))));
    told(&layer, "kept once SpillLayer has written them", |builder| builder);
    let filtered = |log: &Spilled| {
        let filter = EnvFilter::new("trace,overspill::spill=off");
        Dispatch::new(fmt().json().with_env_filter(filter).with_writer(writer(log)).finish())
    };
    told(&filtered, "go to the fallback sink, because no subscriber accepts", |builder| builder);
}

/// A disk that accepts part of a write, and so breaks lines.
#[derive(Clone)]
struct Flaky(Spilled, Arc<AtomicU64>);

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.1.fetch_add(1, Ordering::Relaxed) % 7 {
            3 => self.0.write(&bytes[..bytes.len() / 2]),
            4 => Err(io::ErrorKind::StorageFull.into()),
            5 => panic!("a writer"),
            _ => self.0.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_the_spill_layer_cannot_write_goes_to_the_fallback_and_nothing_is_missing() {
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let flaky = Flaky(log.clone(), Arc::default());
    let _scope = set_default(&Dispatch::new(registry().with(SpillLayer::new(move || flaky.clone()))));
    let stats = spill_all(&fallback);
    assert_kept(&stats, &[&log, &fallback]);
    let (written, fallen) = (set(ids_spilled(&log)), set(ids_spilled(&fallback)));
    assert!(written.is_disjoint(&fallen), "each once: {:?}", &written & &fallen);
    assert!(written.len() > 50 && fallen.len() > 20, "{} {}", written.len(), fallen.len());
    assert!(
        fallback.count_notices("SpillLayer failed to write") + log.count_notices("SpillLayer failed") > 0
    );
}

#[test]
fn with_a_spill_layer_and_a_fallback_that_both_fail_events_are_lost_and_counted() {
    // The other layer formats the record too, which proves nothing.
    let subscriber = registry().with(SpillLayer::new(|| FullDisk)).with(Crumbs::default());
    let _scope = set_default(&Dispatch::new(subscriber));
    let client = quick("http://127.0.0.1:9/").spill_fallback(WriteSink::new(FullDisk)).build().unwrap();
    emit_all(&client, 0..EVENTS);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(
        (stats.lost_by(LostReason::LogFailed), stats.spilled, stats.pending),
        (EVENTS, 0, 0),
        "{stats}"
    );
}

#[test]
fn a_filter_that_keeps_records_from_the_spill_layer_sends_them_to_the_fallback() {
    for filter in ["off", "error", "info,overspill::spill=off"] {
        let (log, fallback) = (Spilled::default(), Spilled::default());
        let whole = registry().with(EnvFilter::new(filter)).with(SpillLayer::new(writer(&log)));
        let single = registry().with(SpillLayer::new(writer(&log)).with_filter(EnvFilter::new(filter)));
        for dispatch in [Dispatch::new(whole), Dispatch::new(single)] {
            let before = fallback.events().len();
            let _scope = set_default(&dispatch);
            let stats = spill_all(&fallback);
            assert_kept(&stats, &[&fallback]);
            assert_eq!((log.events().len(), before % EVENTS as usize), (0, 0), "{filter}");
        }
    }
}

#[test]
fn the_spill_layer_leaves_the_applications_records_alone_and_takes_overspills_own() {
    let (app, log) = (Spilled::default(), Spilled::default());
    let layer = fmt::layer().json().with_writer(writer(&app));
    let subscriber = registry()
        .with(SpillLayer::new(writer(&log)))
        .with(layer.with_filter(filter_fn(|metadata| !takes(metadata.target()))));
    let _scope = set_default(&Dispatch::new(subscriber));
    tracing::info!("the application says something");
    let fallback = Spilled::default();
    let stats = spill_all(&fallback);
    tracing::debug!("and something else");
    assert_kept(&stats, &[&log]);
    assert_eq!(app.text().lines().count(), 2, "{}", app.text());
    assert_eq!(log.count_notices("shut down"), 1);
    // The lines look like those of our own sinks.
    assert!(log.text().lines().all(|line| line.starts_with(r#"{"timestamp":"20"#)), "{}", log.text());
    let text = log.text();
    let record = text.lines().find(|line| read_line(line).is_some()).unwrap();
    assert!(
        record.contains(r#"Z","level":"WARN","target":"overspill::spill","message":"event spilled: "#),
        "{record}"
    );
}

/// A filter that is asked about the event itself lets it through: then it is in the log.
#[test]
fn a_filter_on_the_kind_or_on_the_fields_of_an_event_lets_spilled_events_through() {
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let layer = || fmt::layer().json().with_writer(writer(&log));
    let by_kind = layer().with_filter(filter_fn(|metadata| metadata.is_event()));
    let by_field = layer().with_filter(filter_fn(|metadata| metadata.fields().field("message").is_some()));
    let by_env = layer().with_filter(EnvFilter::new("off,[{spill_seq}]=trace,overspill::notice=info"));
    for dispatch in [
        Dispatch::new(registry().with(by_kind)),
        Dispatch::new(registry().with(by_field)),
        Dispatch::new(registry().with(by_env)),
    ] {
        log.clear();
        let _scope = set_default(&dispatch);
        let stats = spill_all(&fallback);
        assert_kept(&stats, &[&log]);
        assert_eq!(log.count_notices("nobody reads"), 0);
    }
    assert_eq!(fallback.text(), "");
}

/// tracing caches for the whole process whether a callsite is of interest, and may ask a thread that has no subscriber.
/// Each level has its own callsite.
#[test]
fn a_thread_without_a_subscriber_that_spills_first_silences_no_other_thread() {
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug] {
        let (log, fallback) = (Spilled::default(), Spilled::default());
        let dispatch = Dispatch::new(
            fmt().json().with_max_level(tracing::Level::TRACE).with_writer(writer(&log)).finish(),
        );
        let client: Client = {
            let _scope = set_default(&dispatch);
            quick("http://127.0.0.1:9/")
                .mode(Mode::LogOnly)
                .spill_level(level)
                .spill_fallback(WriteSink::new(fallback.clone()))
                .build()
                .unwrap()
        };
        std::thread::scope(|scope| {
            scope.spawn(|| emit_all(&client, 0..EVENTS / 2)).join().unwrap();
        });
        let _scope = set_default(&dispatch);
        emit_all(&client, EVENTS / 2..EVENTS);
        let stats = client.shutdown_blocking(LONG);
        assert_kept(&stats, &[&log]);
        assert_eq!(fallback.text(), "");
    }
}

/// Emits half of the events from this thread and half from another, each under its own subscriber that was set after the client was built.
fn spill_under_later_subscribers(client: &Client, own: &Dispatch) -> overspill::Stats {
    let _scope = set_default(own);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _scope = set_default(own);
            emit_all(client, 0..EVENTS / 2);
        });
    });
    emit_all(client, EVENTS / 2..EVENTS);
    client.shutdown_blocking(LONG)
}

#[test]
fn a_scoped_subscriber_gets_the_records_of_clients_built_in_its_scope_and_of_no_others() {
    for mode in [Mode::On, Mode::LogOnly] {
        let (log, later, fallback) = (Spilled::default(), Spilled::default(), Spilled::default());
        let json = |log: &Spilled| Dispatch::new(fmt().json().with_writer(writer(log)).finish());
        let (home, own) = (json(&log), json(&later));
        let build_in = |scope: &Dispatch| {
            let _scope = set_default(scope);
            let builder = quick("http://127.0.0.1:9/").mode(mode);
            builder.spill_fallback(WriteSink::new(fallback.clone())).build().unwrap()
        };
        let stats = spill_under_later_subscribers(&build_in(&home), &own);
        assert_kept(&stats, &[&log]);
        assert_eq!((fallback.text(), later.text()), (String::new(), String::new()));
        // Built without a subscriber: nothing is lost, and a notice says so.
        let stats = spill_under_later_subscribers(&build_in(&Dispatch::none()), &own);
        assert_kept(&stats, &[&fallback]);
        assert_eq!((fallback.count_notices("nobody reads target"), later.text()), (1, String::new()));
    }
}

#[cfg(unix)]
#[test]
fn a_spill_file_is_accessible_to_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("overspill-it-{}-owner.log", std::process::id()));
    let client = quick("http://127.0.0.1:9/").spill_sink(WriteSink::append(&path).unwrap()).build().unwrap();
    emit_all(&client, 0..10);
    let stats = client.shutdown_blocking(LONG);
    let (mode, file) = (path.metadata().unwrap().permissions().mode(), std::fs::File::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(mode & 0o777, 0o600);
    let read = overspill::spill::Records::new(io::BufReader::new(file)).joined();
    let ids: BTreeSet<u64> = read.map(|event| id_of(&event.unwrap().event)).collect();
    assert_eq!((ids, stats.spilled), ((0..10).collect(), 10));
}

/// The notice repeats the sink's error. A sink may block on its own runtime, because it does not run inside one.
#[test]
fn a_failing_sink_is_reported_with_its_own_error_and_its_events_go_to_the_fallback() {
    struct Blocks(tokio::runtime::Runtime);
    impl overspill::SpillSink for Blocks {
        fn write(&self, _: &overspill::spill::Record<'_>) -> io::Result<()> {
            self.0.block_on(async { Err(io::Error::other("the database says no")) })
        }
    }
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let _scope = set_default(&Dispatch::new(fmt().json().with_writer(writer(&log)).finish()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let client = quick("http://127.0.0.1:9/")
        .spill_sink(Blocks(runtime))
        .spill_fallback(WriteSink::new(fallback.clone()))
        .build()
        .unwrap();
    emit_all(&client, 0..EVENTS);
    let stats = client.shutdown_blocking(LONG);
    assert_kept(&stats, &[&fallback]);
    assert_eq!(log.count_notices("the spill sink failed (the database says no)"), 1, "{}", log.text());
}
