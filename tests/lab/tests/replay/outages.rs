//! The endpoint fails in the middle of a replay.

use crate::made::{endpoint, ends_with, ids, once, replay, spill};
use crate::stage::{Alive, folder, signal, until};
use overspill::testkit::{Act, Endpoint};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[test]
fn it_waits_during_an_outage_and_delivers_each_event_once() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..3_000);
    let requests = AtomicU64::new(0);
    let (server, taken) = endpoint(move |_| {
        Act::Status(if (3..9).contains(&requests.fetch_add(1, Ordering::Relaxed)) { 503 } else { 200 })
    });
    let said = ends_with(0, &replay(&folder, &server.url(), &["app.log"]).output().unwrap());
    assert_eq!(ids(&taken), once(0..3_000));
    assert_eq!(said.matches("the endpoint takes nothing").count(), 1, "{said}");
    assert_eq!(said.matches("takes events again").count(), 1, "{said}");
}

#[test]
fn if_told_to_stop_at_an_outage_it_leaves_the_rest_for_the_next_run() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..3_000);
    let is_up = Arc::new(AtomicBool::new(true));
    let (up, count) = (Arc::clone(&is_up), AtomicU64::new(0));
    let (server, taken) = endpoint(move |_| {
        let first = count.fetch_add(1, Ordering::Relaxed) < 2;
        Act::Status(if first || !up.load(Ordering::Relaxed) { 200 } else { 503 })
    });
    let arguments = ["app.log", "--checkpoint", "kept", "--on-outage", "stop"];
    let said = ends_with(1, &replay(&folder, &server.url(), &arguments).output().unwrap());
    assert!(said.contains("start this again"), "{said}");
    let before = taken.len();
    assert!(before > 0 && before < 3_000);
    is_up.store(false, Ordering::Relaxed);
    ends_with(0, &replay(&folder, &server.url(), &arguments).output().unwrap());
    assert_eq!(ids(&taken), once(0..3_000));
}

#[test]
fn an_endpoint_that_is_missing_or_denies_is_reported_and_nothing_is_done() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..10);
    let gone = Endpoint::start(|_| Act::Close).unwrap();
    let url = gone.url();
    drop(gone);
    let said = ends_with(3, &replay(&folder, &url, &["app.log", "--on-outage", "stop"]).output().unwrap());
    assert!(said.contains("10 events not taken"), "{said}");
    // Waiting does not fix a wrong token.
    let (server, taken) = endpoint(|_| Act::Status(401));
    let said = ends_with(3, &replay(&folder, &server.url(), &["app.log"]).output().unwrap());
    assert!(said.contains("401") && taken.is_empty(), "{said}");
}

#[test]
fn a_signal_ends_the_wait_and_the_checkpoint_has_what_was_accepted() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..2_000);
    let (server, taken) = endpoint({
        let count = AtomicU64::new(0);
        move |_| Act::Status(if count.fetch_add(1, Ordering::Relaxed) < 2 { 200 } else { 503 })
    });
    let arguments = ["app.log", "--checkpoint", "kept"];
    let mut child = Alive(replay(&folder, &server.url(), &arguments).spawn().unwrap());
    until(|| server.requests() > 6);
    signal(&child.0, "TERM");
    assert_eq!(child.0.wait().unwrap().code(), Some(1));
    let (healthy, rest) = endpoint(|_| Act::Status(200));
    ends_with(0, &replay(&folder, &healthy.url(), &arguments).output().unwrap());
    let (first, rest) = (ids(&taken), ids(&rest));
    assert!(first.keys().all(|id| !rest.contains_key(id)), "503 is certain");
    let all: BTreeSet<u64> = first.into_keys().chain(rest.into_keys()).collect();
    assert_eq!(all, (0..2_000).collect());
}
