//! `overspill ship`: every line is an event, and every event is at the endpoint or in the log.

use crate::stage::{Alive, assert_same, fed, folder, overspill, signal, spilled_texts, taken_texts, text};
use overspill::testkit::{Act, Endpoint, Taken};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

fn objects(numbers: std::ops::Range<u32>) -> BTreeSet<String> {
    numbers.map(|id| format!(r#"{{"id":{id}}}"#)).collect()
}

fn lines(events: &BTreeSet<String>) -> Vec<u8> {
    events.iter().flat_map(|event| [event.as_bytes(), b"\n"].concat()).collect()
}

#[test]
fn what_a_flapping_endpoint_does_not_accept_is_in_the_file() {
    let taken = Taken::default();
    let turn = std::sync::atomic::AtomicU32::new(0);
    let endpoint = Endpoint::start(taken.when(move |_| {
        Act::Status(if turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 0 { 200 } else { 503 })
    }))
    .unwrap();
    let (spill, emitted) = (folder().join("spilled.ndjson"), objects(0..5_000));
    let ship = overspill(&["ship", "--to", &endpoint.url(), "--spill", spill.to_str().unwrap()]);
    let output = fed(ship, &lines(&emitted));
    let (taken, spilled) = (taken_texts(&taken), spilled_texts(&spill));
    assert_same(&(&taken | &spilled), &emitted);
    assert!(taken.is_disjoint(&spilled), "503 is certain: nothing is in both");
    let said = text(&output.stderr);
    assert!(said.contains("5,000 lines read, 5,000 events\n"), "{said}");
    let law = format!("emitted 5000 = delivered {} + spilled {} (", taken.len(), spilled.len());
    assert!(said.contains(&law) && said.contains(" + lost 0 + pending 0 "), "{law} {said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn all_delivered_is_exit_code_0_and_nothing_on_standard_output() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let output = fed(overspill(&["ship", "--to", &endpoint.url()]), b"hello\n{\"a\": 1}\n\nworld");
    let expected = [r#"{"a": 1}"#, r#"{"message":"hello"}"#, r#"{"message":"world"}"#].map(str::to_owned);
    assert_eq!(taken_texts(&taken), BTreeSet::from(expected));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
    assert!(text(&output.stderr).contains("1 empty line: passed over"), "{}", text(&output.stderr));
}

#[test]
fn a_dead_endpoint_never_blocks_the_pipe_and_every_event_is_on_standard_error() {
    let emitted = objects(0..50_000);
    let dead = overspill::testkit::Endpoint::start(|_| Act::Close).unwrap();
    let url = dead.url();
    drop(dead);
    let output = fed(overspill(&["ship", "--to", &url]), &lines(&emitted));
    let log = folder().join("stderr");
    std::fs::write(&log, &output.stderr).unwrap();
    assert_same(&spilled_texts(&log), &emitted);
    assert_eq!(output.status.code(), Some(3));
}

/// The writer ends long before the endpoint's timeouts, and the shutdown keeps its own deadline.
#[test]
fn an_endpoint_that_hangs_blocks_neither_the_pipe_nor_the_end() {
    let endpoint = Endpoint::start(|_| Act::Hang).unwrap();
    let (spill, emitted) = (folder().join("spilled.ndjson"), objects(0..2_000));
    let began = Instant::now();
    let spill_to = spill.to_str().unwrap();
    let ship = overspill(&["ship", "--to", &endpoint.url(), "--shutdown-timeout", "1s", "--spill", spill_to]);
    let output = fed(ship, &lines(&emitted));
    assert!(began.elapsed() < Duration::from_secs(9), "the post's timeout is 10 s");
    let said = text(&output.stderr);
    // On a busy machine, events that cannot be written in the time that a shutdown reserves are lost, and counted.
    let spilled = spilled_texts(&spill);
    assert!(spilled.is_subset(&emitted), "{said}");
    let law = format!("emitted 2000 = delivered 0 + spilled {} (", spilled.len());
    assert!(
        said.contains(&law) && said.contains(&format!("+ lost {}", 2_000 - spilled.len())),
        "{law} {said}"
    );
    assert_eq!(output.status.code(), Some(3), "{said}");
}

#[test]
fn a_signal_settles_what_was_read_and_ends_it() {
    for (name, status) in [("TERM", 200), ("INT", 503), ("HUP", 200)] {
        let taken = Taken::default();
        let endpoint = Endpoint::start(taken.when(move |_| Act::Status(status))).unwrap();
        let spill = folder().join("spilled.ndjson");
        let mut child = Alive(
            overspill(&["ship", "--tee", "--to", &endpoint.url(), "--spill", spill.to_str().unwrap()])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        // Held open, so that the input does not end.
        let mut stdin = child.0.stdin.take().unwrap();
        let mut emitted = objects(0..1_000);
        let input = [lines(&emitted), b"the last line is not ended".to_vec()].concat();
        stdin.write_all(&input).unwrap();
        let mut passed_on = vec![0; input.len()];
        child.0.stdout.as_mut().unwrap().read_exact(&mut passed_on).unwrap();
        assert_eq!(passed_on, input, "all of it was read");
        signal(&child.0, name);
        let code = child.0.wait().unwrap().code();
        emitted.insert(r#"{"message":"the last line is not ended"}"#.to_owned());
        assert_same(&(&taken_texts(&taken) | &spilled_texts(&spill)), &emitted);
        assert_eq!(code, Some(if status == 200 { 0 } else { 1 }), "{name}");
    }
}

#[test]
fn when_the_reader_of_tee_leaves_what_was_read_is_settled_and_the_command_ends_quietly() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let mut child = Alive(
        overspill(&["ship", "--tee", "--to", &endpoint.url(), "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(b"{\"id\":1}\n").unwrap();
    let mut first = [0; 9];
    child.0.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // Its standard output is closed now; an endless writer gets a broken pipe.
    let mut written = BTreeSet::from([r#"{"id":1}"#.to_owned()]);
    for id in 2.. {
        let event = format!(r#"{{"id":{id}}}"#);
        if writeln!(stdin, "{event}").is_err() {
            break;
        }
        written.insert(event);
    }
    let code = child.0.wait().unwrap().code();
    let mut said = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // The lines in the pipe were never read, so they remain the writer's.
    assert!(taken_texts(&taken).is_subset(&written) && !taken_texts(&taken).is_empty());
}

#[test]
fn with_wait_a_healthy_endpoint_sets_the_pace_and_gets_everything() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let emitted = objects(0..60_000);
    let output = fed(overspill(&["ship", "--wait", "--to", &endpoint.url()]), &lines(&emitted));
    assert_same(&taken_texts(&taken), &emitted);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn options_override_the_environment_and_the_environment_is_used() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|request| {
        assert_eq!(request.header("x-of-the-environment"), Some("yes"));
        Act::Status(200)
    }))
    .unwrap();
    let mut ship =
        overspill(&["ship", "--to", &endpoint.url(), "--format", "ndjson", "--field", "job=nightly"]);
    ship.env("OVERSPILL_ENDPOINT", "http://127.0.0.1:9/other")
        .env("OVERSPILL_FORMAT", "json_array")
        .env("OVERSPILL_HEADERS", r#"{"x-of-the-environment": "yes"}"#);
    let output = fed(ship, b"hello\n");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = r#"{"job":"nightly","message":"hello"}"#.to_owned();
    assert_eq!(taken_texts(&taken), BTreeSet::from([expected]));
}

#[test]
fn a_line_longer_than_an_event_arrives_in_pieces() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let long = "0123456789".repeat(20_000);
    let output = fed(overspill(&["ship", "--wait", "--to", &endpoint.url()]), long.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut pieces: Vec<serde_json::Value> =
        taken.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    pieces.sort_by_key(|piece| piece["piece"].as_u64());
    let joined: String = pieces.iter().map(|piece| piece["message"].as_str().unwrap()).collect();
    assert!(joined == long && pieces.last().unwrap()["pieces"] == pieces.len());
}
