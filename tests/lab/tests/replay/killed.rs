//! SIGKILL at any moment.

use crate::made::{endpoint, ends_with, ids, replay, spill};
use crate::stage::{Alive, folder, until};
use overspill::testkit::Act;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const EVENTS: u64 = 8_000;

#[test]
fn killed_repeatedly_it_resumes_where_it_was_and_sends_at_most_one_batch_twice() {
    let folder = folder();
    spill(&folder.join("app.log.1"), 0..EVENTS / 2);
    spill(&folder.join("app.log"), EVENTS / 2..EVENTS);
    // The endpoint alternately accepts all or nothing of the batch that is in flight at the kill.
    let (hang, hanging) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (asked, does) = (Arc::clone(&hang), Arc::clone(&hanging));
    let (server, taken) = endpoint(move |_| {
        if asked.load(Ordering::Acquire) {
            does.store(true, Ordering::Release);
            return Act::Hang;
        }
        std::thread::park_timeout(Duration::from_millis(20));
        Act::Status(200)
    });
    let arguments = ["app.log", "app.log.1", "--checkpoint", "kept"];
    let mut kills = 0;
    for (nth, enough) in [300, 1_500, 3_000, 4_500, 6_500].into_iter().enumerate() {
        let mut child = Alive(replay(&folder, &server.url(), &arguments).spawn().unwrap());
        until(|| taken.len() >= enough || child.0.try_wait().unwrap().is_some());
        if nth % 2 == 0 {
            hang.store(true, Ordering::Release);
            until(|| hanging.load(Ordering::Acquire));
        }
        kills += u64::from(child.0.try_wait().unwrap().is_none());
        drop(child);
        hang.store(false, Ordering::Release);
        hanging.store(false, Ordering::Release);
    }
    assert!(kills >= 4, "{kills}");
    let said = ends_with(0, &replay(&folder, &server.url(), &arguments).output().unwrap());
    let found = ids(&taken);
    assert_eq!(found.keys().copied().collect::<BTreeSet<u64>>(), (0..EVENTS).collect());
    let twice: usize = found.values().map(|times| times - 1).sum();
    assert!(twice as u64 <= kills * 500, "{twice} twice after {kills} kills");
    println!("{kills} kills, {twice} of {EVENTS} events sent twice");
    // Another run has nothing to do.
    let before = taken.len();
    ends_with(0, &replay(&folder, &server.url(), &arguments).output().unwrap());
    assert_eq!(taken.len(), before, "{said}");
}

#[test]
fn a_file_that_is_not_a_checkpoint_is_an_error_and_nothing_is_sent() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..10);
    fs::write(folder.join("kept"), "something else").unwrap();
    let (server, taken) = endpoint(|_| Act::Status(200));
    let said =
        ends_with(2, &replay(&folder, &server.url(), &["app.log", "--checkpoint", "kept"]).output().unwrap());
    assert!(said.contains("kept: not an overspill checkpoint"), "{said}");
    assert!(taken.is_empty());
}

#[test]
fn a_log_that_has_grown_is_replayed_from_the_checkpoint_and_a_new_one_with_its_name_from_the_beginning() {
    let folder = folder();
    let log = folder.join("app.log");
    let (server, taken) = endpoint(|_| Act::Status(200));
    let arguments = ["app.log", "--checkpoint", "kept"];
    let again = || ends_with(0, &replay(&folder, &server.url(), &arguments).output().unwrap());
    spill(&log, 0..100);
    // A line that is still being written.
    let whole = fs::read(&log).unwrap();
    let line = whole.split_inclusive(|&byte| byte == b'\n').next().unwrap().to_vec();
    let line = String::from_utf8(line)
        .unwrap()
        .replace("\"spill_seq\":0", "\"spill_seq\":1000")
        .replace("\\\"id\\\":0", "\\\"id\\\":1000");
    let line = line.replace("order 0", "order 1000");
    fs::write(&log, [&whole[..], &line.as_bytes()[..200]].concat()).unwrap();
    again();
    assert_eq!(ids(&taken).len(), 100);
    fs::write(&log, [&whole[..], line.as_bytes()].concat()).unwrap();
    again();
    assert_eq!(ids(&taken).len(), 101);
    fs::remove_file(&log).unwrap();
    spill(&log, 200..400);
    again();
    let found = ids(&taken);
    assert_eq!((found.len(), found.values().sum::<usize>()), (301, 301));
}
