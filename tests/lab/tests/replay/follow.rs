//! A log that is still being written.

use crate::made::{endpoint, ids, once, replay, spill};
use crate::stage::{Alive, folder, signal, until};
use overspill::testkit::Act;
use std::fs;

#[test]
fn what_is_appended_is_sent_through_rotations_by_name_and_by_truncation() {
    let folder = folder();
    let log = folder.join("app.log");
    spill(&log, 0..50);
    let (server, taken) = endpoint(|_| Act::Status(200));
    let mut child =
        Alive(replay(&folder, &server.url(), &["-f", "app.log", "--checkpoint", "kept"]).spawn().unwrap());
    until(|| taken.len() == 50);
    spill(&log, 50..150);
    until(|| taken.len() == 150);
    // The file is still written to after it was moved, as by a service that has not received the signal yet.
    fs::rename(&log, folder.join("app.log.1")).unwrap();
    spill(&folder.join("app.log.1"), 150..200);
    spill(&log, 200..250);
    until(|| taken.len() == 250);
    // `copytruncate`: the new content is shorter than the old.
    fs::write(&log, "").unwrap();
    spill(&log, 250..260);
    until(|| taken.len() == 260);
    signal(&child.0, "TERM");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert_eq!(ids(&taken), once(0..260));
    // The next run continues.
    spill(&log, 260..300);
    let mut child =
        Alive(replay(&folder, &server.url(), &["-f", "app.log", "--checkpoint", "kept"]).spawn().unwrap());
    until(|| taken.len() == 300);
    signal(&child.0, "INT");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert_eq!(ids(&taken), once(0..300));
}
