//! Logs as they are found on disk.

use crate::made::{endpoint, ends_with, ids, once, other, replay, spill, spill_packed};
use crate::stage::{fed, folder};
use overspill::spill::{Records, SpillPacking};
use overspill::testkit::Act;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

fn gzip(from: &Path, to: &Path) {
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(to).unwrap(), flate2::Compression::fast());
    packed.write_all(&fs::read(from).unwrap()).unwrap();
    packed.finish().unwrap();
    fs::remove_file(from).unwrap();
}

fn zstd(from: &Path, to: &Path) {
    fs::write(to, zstd::encode_all(&fs::read(from).unwrap()[..], 1).unwrap()).unwrap();
    fs::remove_file(from).unwrap();
}

#[test]
fn a_rotated_set_is_replayed_whole_and_each_event_once() {
    let folder = folder();
    let log = folder.join("app.log");
    spill(&log, 0..300);
    // An event whose parts are in two files.
    let text = fs::read_to_string(&log).unwrap();
    let at = text.find("\"spill_part\":2").unwrap();
    let at = text[..at].rfind('\n').unwrap() + 1;
    fs::write(folder.join("oldest"), &text[..at]).unwrap();
    gzip(&folder.join("oldest"), &folder.join("app.log.3.gz"));
    fs::write(folder.join("app.log.2"), &text[at..]).unwrap();
    spill_packed(&folder.join("old"), 300..700, SpillPacking::Packed);
    zstd(&folder.join("old"), &folder.join("app.log.1.zst"));
    fs::remove_file(&log).unwrap();
    spill(&log, 700..1_000);
    let (server, taken) = endpoint(|_| Act::Status(200));
    // The same file twice, and a copy under another name.
    fs::copy(&log, folder.join("copy.log")).unwrap();
    let logs = ["app.log", "app.log.1.zst", "app.log.2", "app.log.3.gz", "app.log", "copy.log"];
    let said = ends_with(0, &replay(&folder, &server.url(), &logs).output().unwrap());
    assert_eq!(ids(&taken), once(0..1_000));
    assert!(
        said.contains("1,300 events found: 1,000 delivered, 0 refused, 0 left out, 300 seen before"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5, "nothing is written");
}

#[test]
fn lines_wrapped_by_a_runtime_and_a_shipper_are_read_from_standard_input() {
    let folder = folder();
    let log = folder.join("app.log");
    spill(&log, 0..200);
    let text = fs::read_to_string(&log).unwrap();
    let mut wrapped = String::new();
    for (nth, line) in text.lines().enumerate() {
        match nth % 3 {
            0 => {
                let (begin, end) = line.split_at(line.len() / 2);
                wrapped += &format!(
                    "2026-11-26T12:00:00.1Z stdout P {begin}\n2026-11-26T12:00:00.2Z stdout F {end}\n"
                );
            }
            1 => {
                let docker =
                    serde_json::json!({ "log": format!("{line}\n"), "stream": "stderr", "time": "t" });
                wrapped += &format!("{docker}\n");
            }
            _ => wrapped += &format!("Nov 26 12:00:00 host orders[7]: {line}\n"),
        }
    }
    let (server, taken) = endpoint(|_| Act::Status(200));
    ends_with(0, &fed(replay(&folder, &server.url(), &["-"]), wrapped.as_bytes()));
    assert_eq!(ids(&taken), once(0..200));
}

#[test]
fn refused_events_are_in_the_rejects_file_with_the_endpoints_words_and_can_be_replayed_from_there() {
    let folder = folder();
    spill(&folder.join("app.log"), 0..300);
    let (server, taken) = endpoint(|request| {
        let poison = [77, 110]
            .iter()
            .any(|id| String::from_utf8_lossy(&request.body).contains(&format!("\"id\":{id},")));
        if poison {
            Act::Bytes(
                b"HTTP/1.1 422 X\r\ncontent-length: 9\r\ncontent-type: text/plain\r\n\r\nno sevens".to_vec(),
            )
        } else {
            Act::Status(200)
        }
    });
    let said = ends_with(
        1,
        &replay(&folder, &server.url(), &["app.log", "--rejects", "no.ndjson"]).output().unwrap(),
    );
    assert!(said.contains("2 refused") && said.contains("no.ndjson"), "{said}");
    let rejects = fs::read(folder.join("no.ndjson")).unwrap();
    let rejects: Vec<_> = Records::new(&rejects[..]).joined().map(Result::unwrap).collect();
    assert!(rejects.iter().all(|event| event.detail.contains("no sevens")), "{rejects:?}");
    let refused: BTreeSet<u64> = rejects.iter().map(|event| event.seq).collect();
    assert_eq!(refused, [77, 110].into());
    assert_eq!(ids(&taken).len(), 298);
    let (mended, rest) = endpoint(|_| Act::Status(200));
    ends_with(0, &replay(&folder, &mended.url(), &["no.ndjson"]).output().unwrap());
    let all: BTreeSet<u64> = ids(&taken).into_keys().chain(ids(&rest).into_keys()).collect();
    assert_eq!((all, ids(&rest).len()), ((0..300).collect(), 2));
}

#[test]
fn an_event_with_a_missing_part_is_reported_and_the_others_are_delivered() {
    let folder = folder();
    let log = folder.join("app.log");
    spill(&log, 0..100);
    let text = fs::read_to_string(&log).unwrap();
    let lost: String = text
        .lines()
        .filter(|line| !line.contains("\"spill_part\":2"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&log, lost).unwrap();
    other(&log);
    let (server, taken) = endpoint(|_| Act::Status(200));
    let said = ends_with(1, &replay(&folder, &server.url(), &["app.log"]).output().unwrap());
    assert!(said.contains("1 event not whole in the log"), "{said}");
    assert_eq!(ids(&taken).into_keys().collect::<BTreeSet<u64>>(), (0..100).filter(|id| *id != 13).collect());
}

/// Systems that remove duplicates use this.
#[test]
fn events_keep_the_ids_that_they_had() {
    let folder = folder();
    let log = folder.join("app.log");
    spill(&log, 0..50);
    let spilled: BTreeSet<String> = Records::new(&fs::read(&log).unwrap()[..])
        .joined()
        .map(Result::unwrap)
        .map(|event| format!("{}-{}", event.client, event.seq))
        .collect();
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let kept = std::sync::Arc::clone(&bodies);
    let server = overspill::testkit::Endpoint::start(move |request| {
        kept.lock().unwrap().push_str(&String::from_utf8_lossy(&request.body));
        Act::Bytes(
            b"HTTP/1.1 200 X\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}".to_vec(),
        )
    });
    let url = server.as_ref().unwrap().url();
    ends_with(0, &replay(&folder, &url, &["app.log", "--format", "otlp_json"]).output().unwrap());
    let sent = bodies.lock().unwrap().clone();
    let found = spilled.iter().filter(|id| sent.contains(&format!("{{\"stringValue\":\"{id}\"}}"))).count();
    assert_eq!(found, 50, "{sent}");
}
