//! Reads the sources and enforces the rules of ARCHITECTURE.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "a test binary has no public API")]

#[path = "tidy/api.rs"]
mod api;
#[path = "it/figures.rs"]
mod figures;
#[path = "tidy/items.rs"]
mod items;
#[path = "tidy/labels.rs"]
mod labels;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/lines.rs"]
mod lines;

use std::fs;
use std::path::{Path, PathBuf};

struct Source {
    /// Relative to `src/`, with forward slashes.
    name: String,
    /// Without comments, without inline tests.
    code: String,
}

/// The library's sources. The command is a separate program, which sees only what any user sees: the compiler enforces that.
fn sources() -> Vec<Source> {
    all_sources().into_iter().filter(|source| !source.name.starts_with("bin/")).collect()
}

fn all_sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            Source { name, code: code_of(&fs::read_to_string(path).unwrap()) }
        })
        .filter(|source| !source.name.ends_with("tests.rs") && !source.name.contains("/tests/"))
        // Also a test: it lists all public types.
        .filter(|source| source.name != "bounds.rs")
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn code_of(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .and_then(|text| text.split("#[cfg(all(test, not(overspill_model)))]\nmod tests {").next())
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// `words` occur in no file except `allowed`, and in at least one of those: otherwise the rule is out of date.
#[track_caller]
fn only_in(words: &[&str], allowed: &[&str]) {
    let mut found = false;
    for source in sources() {
        for word in words.iter().filter(|word| source.code.contains(**word)) {
            assert!(
                allowed.iter().any(|prefix| source.name.starts_with(prefix)),
                "{} has {word}",
                source.name
            );
            found = true;
        }
    }
    assert!(found, "{words:?} is nowhere: the rule is out of date");
}

#[test]
fn each_dependency_has_its_one_door() {
    only_in(&["crossbeam_channel"], &["sync.rs", "queue.rs"]);
    only_in(&["reqwest::", "use reqwest"], &["transport/http.rs", "transport/http/"]);
    only_in(&["tower_layer::", "tower_service::"], &["transport/http/witness.rs", "ext/request_events.rs"]);
    only_in(&["use http::"], &["ext/request_events"]);
    only_in(&["open_feature::"], &["ext/toggle"]);
    only_in(
        &["tracing::event!", "tracing::enabled!", "tracing::dispatcher"],
        &[
            "spill/log.rs",
            "ext/memory_watch/notice.rs",
            "ext/memory_watch/thread.rs",
            "ext/metrics_recorder/notice.rs",
            "ext/metrics_recorder/drive.rs",
            "ext/toggle/notice.rs",
            "ext/toggle/thread.rs",
        ],
    );
    only_in(&["flate2::"], &["format/compress.rs", "ext/"]);
    only_in(&["prost::", "rustc_demangle::", "cpp_demangle::", "libm::"], &["ext/"]);
    only_in(&["httpdate::"], &["sender/hint.rs"]);
    only_in(
        &["rustix::"],
        &[
            "clock.rs",
            "spill/stream.rs",
            "ext/memory_watch/folder.rs",
            "ext/memory_watch/identity.rs",
            "ext/memory_watch/retention.rs",
            "ext/memory_watch/system.rs",
        ],
    );
    only_in(&["forkguard::"], &["process.rs"]);
    const THREADS: [&str; 3] =
        ["ext/memory_watch/thread.rs", "ext/metrics_recorder/drive.rs", "ext/toggle/thread.rs"];
    only_in(&["use nix::"], &[&["sync.rs", "ext/memory_watch/signals.rs"][..], &THREADS[1..]].concat());
    only_in(&["thread::Builder"], &[&["sync.rs", "testkit/endpoint.rs"][..], &THREADS[..]].concat());
    only_in(&["use metrics::", "metrics::set_"], &["ext/metrics_recorder/"]);
    only_in(&["sketches_ddsketch::"], &["ext/metrics_recorder/distribution.rs"]);
    only_in(&["signal_hook::"], &["ext/memory_watch/thread.rs", "ext/memory_watch/check.rs"]);
    only_in(&["tikv_jemalloc_ctl::"], &["ext/memory_watch/jemalloc.rs"]);
    only_in(&["mappings::"], &["ext/memory_watch/pprof.rs"]);
    only_in(&["loom::"], &["sync/model/exhaustive.rs"]);
    only_in(&["shuttle::"], &["sync/model/random.rs"]);
}

#[test]
fn time_and_randomness_come_through_the_clock_and_the_backoff_alone() {
    // Callers' deadlines are instants (waits, shutdown, client), and an exchange has its own deadline (http).
    only_in(
        &["Instant::now()"],
        &[
            "clock.rs",
            "waits.rs",
            "shutdown.rs",
            "client.rs",
            "client/model.rs",
            "transport/http/exchange.rs",
            "ext/memory_watch/thread.rs",
            "ext/memory_watch/watch.rs",
            "ext/metrics_recorder/drive.rs",
            // How long a request took, and when something was logged.
            "ext/request_events/served.rs",
            "ext/toggle/look.rs",
        ],
    );
    // A snapshot has the time in its name, an interval has its start and end, and the layer's line has the time when it was written.
    only_in(
        &["SystemTime::now()", "RandomState"],
        &[
            "clock.rs",
            "ext/memory_watch/snapshot.rs",
            "ext/metrics_recorder/drive.rs",
            "ext/tracing_layer.rs",
        ],
    );
}

/// A jump of the wall clock affects no timer, because none reads it. A date in a Retry-After is compared with it. Events and records
/// contain the time, which nothing here reads again.
#[test]
fn the_wall_clock_is_read_for_retry_after_and_for_what_records_say_alone() {
    only_in(&["wall()"], &["clock.rs", "sender/land.rs", "spill.rs", "time.rs"]);
    only_in(&["time::now()"], &["spill/record.rs"]);
    let post = sources().into_iter().find(|source| source.name == "sender/land.rs").unwrap();
    assert_eq!(post.code.matches("wall()").count(), 1);
    assert!(post.code.contains("wall: crate::clock::wall(),"));
    figures::report(25, "timers that see the wall clock, by reading the sources", 0);
}

fn is_guest(source: &Source) -> bool {
    source.name.starts_with("testkit") || source.name.starts_with("ext")
}

#[test]
fn the_core_does_not_know_its_guests() {
    for source in sources() {
        let imports = ["crate::testkit", "crate::ext"].iter().any(|word| source.code.contains(word));
        assert!(is_guest(&source) || !imports, "{} imports a guest", source.name);
    }
}

/// A guest uses what a user can use: names that `lib.rs` makes public. It may also use `names!`, which writes only what a user would write
/// by hand, so that all names are made the same way.
#[test]
fn the_guests_use_only_the_public_api() {
    const PUBLIC: [&str; 9] = [
        "format",
        "heap_compare",
        "limits",
        "memory_watch",
        "metrics_recorder",
        "names",
        "spill",
        "testkit",
        "transport",
    ];
    let mut seen = 0;
    for source in sources().iter().filter(|source| is_guest(source)) {
        for path in source.code.split("crate::").skip(1) {
            let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let public = PUBLIC.contains(&name.as_str()) || name.starts_with(char::is_uppercase);
            assert!(public, "{} uses crate::{name}", source.name);
            seen += 1;
        }
    }
    assert!(seen > 5, "the rule is out of date");
}

#[test]
fn only_the_ledger_counts_and_only_the_spill_writes_event_content() {
    only_in(&["ledger.settle(", "ledger.settle_in_hand("], &["settle.rs", "ledger/model"]);
    only_in(&["spill.write("], &["settle.rs"]);
}

#[test]
fn rooms_stay_small() {
    for source in all_sources() {
        let lines = source.code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 400, "{} has {lines} lines of code: divide the room", source.name);
    }
}

#[test]
fn words_that_the_design_does_not_use_are_in_no_name() {
    for source in all_sources() {
        for word in ["Worker", "Exporter", "Processor", "Manager", "Handler", "Helper"] {
            let defines = ["struct ", "enum ", "trait ", "type "]
                .iter()
                .any(|kind| source.code.contains(&format!("{kind}{word}")));
            assert!(!defines, "{} defines a {word}", source.name);
        }
    }
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "benches/COSTS.md",
        "tests/RELIABILITY.md",
        "tests/lab/leak_experiment/GUIDE.md",
    ] {
        let path = root.join(document);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if link.is_empty() || link.starts_with("http") {
                continue;
            }
            assert!(path.parent().unwrap().join(link).exists(), "{document} links to {link}");
            seen += 1;
        }
    }
    assert!(seen > 5, "the rule is out of date");
}

/// A test waits for a condition. If a sleep is intended (a pace, a polling interval, the length of a fault), a comment at its line says so.
#[test]
fn a_sleep_in_a_test_says_at_its_line_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let (mut sleeps, mut silent) = (0, Vec::new());
    for path in files.iter().filter(|path| !path.ends_with("tidy.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let mut before = "";
        for (at, line) in text.lines().enumerate() {
            let calls = ["sleep(", "sleep_until("].iter().any(|call| line.contains(call));
            if calls && !line.trim_start().starts_with("//") {
                sleeps += 1;
                if !line.contains("//") && !before.trim_start().starts_with("//") {
                    silent.push(format!("{}:{}", path.display(), at + 1));
                }
            }
            before = line;
        }
    }
    assert!(sleeps > 50, "the rule is out of date");
    assert!(silent.is_empty(), "{silent:#?}");
}
