//! Arguments: filters, dry runs, and mistakes.

use crate::made::{endpoint, ends_with, ids, replay, spill};
use crate::stage::folder;
use overspill::testkit::Act;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn only_what_was_selected_is_sent() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..100);
    let sent = |arguments: &[&str]| -> BTreeSet<u64> {
        let (server, taken) = endpoint(|_| Act::Status(200));
        let all = [&["app.log"], arguments].concat();
        ends_with(0, &replay(&folder, &server.url(), &all).output().unwrap());
        ids(&taken).into_keys().collect()
    };
    let all: BTreeSet<u64> = (0..100).collect();
    assert_eq!(sent(&["--where", "id=7"]), [7].into());
    assert_eq!(sent(&["--where", "text=order 8", "--where", "id=8"]), [8].into());
    assert_eq!(sent(&["--where", "text=order 8", "--where", "id=9"]), BTreeSet::new());
    assert_eq!(sent(&["--only-reason", "outage"]), BTreeSet::new());
    assert_eq!(sent(&["--only-reason", "outage", "--only-reason", "log_only"]), all);
    assert_eq!(sent(&["--since", "1h", "--skip-maybe-delivered"]), all);
    assert_eq!(sent(&["--until", "1h"]), BTreeSet::new());
    assert_eq!(sent(&["--since", "2100-01-01"]), BTreeSet::new());
}

#[test]
fn a_dry_run_counts_and_does_nothing() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..100);
    let (server, taken) = endpoint(|_| Act::Status(200));
    let arguments = ["app.log", "--dry-run", "--checkpoint", "kept", "--where", "id=7"];
    let said = ends_with(0, &replay(&folder, &server.url(), &arguments).output().unwrap());
    assert!(
        said.contains("100 events found: 1 would be sent, 0 refused, 99 left out, 0 seen before"),
        "{said}"
    );
    assert!(taken.is_empty() && fs::read_dir(&folder).unwrap().count() == 1);
}

#[test]
fn a_rate_is_kept() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..300);
    let (server, taken) = endpoint(|_| Act::Status(200));
    let began = Instant::now();
    ends_with(0, &replay(&folder, &server.url(), &["app.log", "--rate", "200"]).output().unwrap());
    assert!(began.elapsed() >= Duration::from_millis(1_200), "{:?}", began.elapsed());
    assert_eq!(taken.len(), 300);
}

#[test]
fn errors_are_reported_before_anything_is_sent() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..10);
    let (server, taken) = endpoint(|_| Act::Status(200));
    for (arguments, words) in [
        (&["app.log", "none.log"][..], "none.log: there is no such file"),
        (&["app.log", "."], "it is a folder"),
        (&["app.log", "--only-reason", "rain"], "a reason is one of"),
        (&["app.log", "--since", "yesterday"], "give a moment like"),
        (&["app.log", "--where", "id"], "give a field"),
        (&["app.log", "--rate", "0"], "--rate"),
        (&["app.log", "--format", "xml"], "--format"),
        (&["app.log", "-f", "-"], "-f follows a file"),
        (&["app.log", "--checkpoint", "."], "."),
        (&[], "LOG"),
    ] {
        let said = ends_with(2, &replay(&folder, &server.url(), arguments).output().unwrap());
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let said = ends_with(2, &replay(&folder, "ftp://x", &["app.log"]).output().unwrap());
    assert!(said.contains("http"), "{said}");
    assert!(taken.is_empty());
}
