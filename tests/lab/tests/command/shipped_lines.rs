//! How `ship` turns bytes into events: a table, and what holds for any bytes, however they are split.

use crate::lines::{LINE_BYTES_MAX, LineSplitter};
use proptest::prelude::*;
use serde_json::Value;

/// The events of some bytes that arrive in pieces of this size.
fn events(bytes: &[u8], at_once: usize) -> (Vec<String>, LineSplitter) {
    let (mut lines, mut events) = (LineSplitter::default(), Vec::new());
    for chunk in bytes.chunks(at_once) {
        lines.take(chunk, |event| events.push(serde_json::to_string(event).unwrap()));
    }
    lines.end(|event| events.push(serde_json::to_string(event).unwrap()));
    (events, lines)
}

#[test]
fn objects_are_shipped_unchanged_and_everything_else_is_a_message() {
    let table: [(&[u8], &[&str]); 12] = [
        (b"", &[]),
        (b"\n \n\r\n", &[]),
        (b"hello\r\n", &[r#"{"message":"hello"}"#]),
        (b"no end", &[r#"{"message":"no end"}"#]),
        (b" {\"a\": [1,  2]} \n", &[r#"{"a": [1,  2]}"#]),
        (b"{\"a\":1} tail\n", &[r#"{"message":"{\"a\":1} tail"}"#]),
        (b"{\"a\":\n}\n", &[r#"{"message":"{\"a\":"}"#, r#"{"message":"}"}"#]),
        (b"[1]\n7\n", &[r#"{"message":"[1]"}"#, r#"{"message":"7"}"#]),
        (b"caf\xe9 \\n\n", &[r#"{"message":"caf\\xe9 \\\\n","escaped":true}"#]),
        (b"{\"a\":\"\xff\"}\n", &[r#"{"message":"{\"a\":\"\\xff\"}","escaped":true}"#]),
        ("grün\n".as_bytes(), &[r#"{"message":"grün"}"#]),
        (b"\x1b[1mred\x1b[0m\n", &[r#"{"message":"\u001b[1mred\u001b[0m"}"#]),
    ];
    for (bytes, expected) in table {
        for at_once in [1, 2, 1_000] {
            assert_eq!(events(bytes, at_once).0, expected, "{}", String::from_utf8_lossy(bytes));
        }
    }
}

/// The messages, converted back to bytes.
fn bytes_of(events: &[String]) -> Vec<u8> {
    let mut all = Vec::new();
    for event in events {
        let event: Value = serde_json::from_str(event).unwrap();
        let message = event["message"].as_str().unwrap();
        if event["escaped"] == true {
            let mut rest = message;
            while let Some((before, after)) = rest.split_once('\\') {
                all.extend_from_slice(before.as_bytes());
                rest = match after.strip_prefix('\\') {
                    Some(after) => {
                        all.push(b'\\');
                        after
                    }
                    None => {
                        all.push(u8::from_str_radix(&after[1..3], 16).unwrap());
                        &after[3..]
                    }
                };
            }
            all.extend_from_slice(rest.as_bytes());
        } else {
            all.extend_from_slice(message.as_bytes());
        }
        let is_last = event["piece"] == event["pieces"];
        if is_last {
            all.push(b'\n');
        }
    }
    all
}

#[test]
fn no_event_is_too_long_whatever_the_line_is_made_of() {
    for unit in ["a", "\"", "\\", "\u{1}", "ä", "\u{200b}", "漢", "𝄞"] {
        for length in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 3 * LINE_BYTES_MAX + 7] {
            let line = unit.repeat(length.div_ceil(unit.len()));
            let (events, lines) = events(line.as_bytes(), 10_000);
            assert!(events.iter().all(|event| event.len() < LINE_BYTES_MAX + 200), "{unit}");
            assert!(bytes_of(&events) == format!("{line}\n").as_bytes(), "{unit} {length}");
            assert_eq!((lines.counts.lines, lines.counts.not_utf8), (1, 0), "{unit} {length}");
        }
    }
    let foreign = vec![0xff; 2 * LINE_BYTES_MAX];
    let (events, lines) = events(&foreign, 4_096);
    assert!(events.iter().all(|event| event.len() < LINE_BYTES_MAX + 200));
    assert!(bytes_of(&events) == [foreign, b"\n".to_vec()].concat());
    assert_eq!((lines.counts.not_utf8, lines.counts.too_long), (1, 1));
}

proptest! {
    #[test]
    fn every_byte_is_in_an_event_however_the_pipe_cuts_the_stream(
        lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..20),
        at_once in 1usize..50,
    ) {
        // Starts with an `x`: not an object, not empty.
        let clean = |line: &Vec<u8>| {
            let line = line.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r'));
            [b"x".to_vec(), line.collect(), b"\n".to_vec()].concat()
        };
        let bytes: Vec<u8> = lines.iter().flat_map(clean).collect();
        prop_assert_eq!(bytes_of(&events(&bytes, at_once).0), bytes);
    }
}
