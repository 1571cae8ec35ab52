//! Logs as clients leave them, and the events that an endpoint has.

use crate::stage::overspill;
use overspill::spill::{SpillPacking, WriteSink};
use overspill::testkit::{Act, Endpoint, Received, Taken};
use overspill::{Client, Mode};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// Appends a client's records of these events, with other lines in between.
pub fn spill(log: &Path, ids: Range<u64>) {
    spill_packed(log, ids, SpillPacking::OneByOne);
}

pub fn spill_packed(log: &Path, ids: Range<u64>, packing: SpillPacking) {
    let client = Client::builder("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .spill_packing(packing)
        .spill_sink(WriteSink::append(log).unwrap())
        .build()
        .unwrap();
    let emitted = ids.end - ids.start;
    for id in ids {
        client.emit(&serde_json::json!({ "id": id, "text": text(id) }));
    }
    let stats = client.shutdown_blocking(Duration::from_secs(30));
    assert_eq!((stats.spilled, stats.lost), (emitted, 0));
    other(log);
}

/// Some are longer than a line.
fn text(id: u64) -> String {
    if id % 97 == 13 { "long \"text\" ".repeat(2_000) } else { format!("order {id}") }
}

/// A line of the application itself.
pub fn other(log: &Path) {
    let mut file = File::options().create(true).append(true).open(log).unwrap();
    writeln!(file, "2026-11-26T12:00:00Z  INFO orders: something else").unwrap();
}

/// An endpoint with this behaviour, and what it accepted.
pub fn endpoint(act: impl Fn(&Received) -> Act + Send + Sync + 'static) -> (Endpoint, Taken) {
    let taken = Taken::default();
    (Endpoint::start(taken.when(act)).unwrap(), taken)
}

/// How many times it has each id.
pub fn ids(taken: &Taken) -> BTreeMap<u64, usize> {
    let mut ids = BTreeMap::new();
    for event in taken.events() {
        let event: serde_json::Value = serde_json::from_str(&event).unwrap();
        let id = event["id"].as_u64().unwrap();
        assert_eq!(event["text"], text(id), "the identical event");
        *ids.entry(id).or_default() += 1;
    }
    ids
}

/// Each of them once.
pub fn once(all: Range<u64>) -> BTreeMap<u64, usize> {
    all.map(|id| (id, 1)).collect()
}

/// `overspill replay` in this folder.
pub fn replay(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = overspill(&["replay", "--to", url]);
    command.args(arguments).current_dir(folder);
    command
}

#[track_caller]
pub fn ends_with(code: i32, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty());
    said
}
