//! Several processes spill events into one file: each record is one write at the end of the file, so none breaks another.

use crate::child::{Part, Start, hear, say};
use crate::support::{LONG, Numbered, id_of};
use overspill::{Builder, Mode};
use std::collections::BTreeSet;
use std::io::BufReader;

pub const PARTS: &[Part] = &[("one of several", one_of_several)];

const EACH: u64 = 1_000;
const CHILDREN: u64 = 3;

fn one_of_several() {
    // Without a subscriber the fallback has everything: the file of OVERSPILL_SPILL_FILE.
    let client = Builder::from_env().unwrap().mode(Mode::LogOnly).build().unwrap();
    say("ready");
    let first: u64 = hear().parse().unwrap();
    for id in first..first + EACH {
        // Every tenth event takes several lines.
        let bytes = if id % 10 == 0 { 30_000 } else { 100 };
        client.emit(&Numbered { id, text: "x".repeat(bytes) });
    }
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.lost), (EACH, EACH, 0), "{stats}");
}

#[test]
fn several_processes_append_to_one_spill_file_and_every_event_reads_back() {
    let file = std::env::temp_dir().join(format!("overspill-several-{}.log", std::process::id()));
    let start = || {
        Start::of("one of several", "")
            .variable("OVERSPILL_ENDPOINT", "http://127.0.0.1:9/")
            .variable("OVERSPILL_SPILL_FILE", file.to_string_lossy())
            .start()
    };
    let mut children: Vec<_> = (0..CHILDREN).map(|_| start()).collect();
    children.iter_mut().for_each(|child| drop(child.until_said("ready")));
    for (nth, child) in children.iter_mut().enumerate() {
        child.tell(&(nth as u64 * EACH).to_string());
    }
    children.into_iter().for_each(|child| drop(child.succeed()));
    let read = BufReader::new(std::fs::File::open(&file).unwrap());
    let mut joined = overspill::spill::Records::new(read).joined();
    let (mut ids, mut clients, mut turns, mut last) = (Vec::new(), BTreeSet::new(), 0, String::new());
    for event in joined.by_ref() {
        let event = event.unwrap();
        ids.push(id_of(&event.event));
        turns += u64::from(event.client != last);
        last.clone_from(&event.client);
        clients.insert(event.client);
    }
    assert_eq!(joined.incomplete(), 0);
    assert_eq!(clients.len() as u64, CHILDREN);
    assert!(turns > CHILDREN, "they wrote one after the other, which proves nothing");
    ids.sort_unstable();
    assert_eq!(ids, (0..CHILDREN * EACH).collect::<Vec<_>>());
    std::fs::remove_file(&file).unwrap();
}
