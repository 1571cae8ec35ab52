//! Records as systemd's journal exports them, and as JSON formatters other than tracing-subscriber's write them.

use super::*;
use serde_json::{Map, Value, json};
use std::io::Read as _;

/// The fields of a record, as text.
fn fields(part: &SpilledPart) -> Vec<(String, String)> {
    let object: Map<String, Value> =
        serde_json::to_value(as_record(part)).unwrap().as_object().unwrap().clone();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    object.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// An entry of `journalctl -o export`: fields in any order; a field with line breaks is preceded by its length.
fn exported(prefix: &str, part: &SpilledPart) -> Vec<u8> {
    let mut entry = b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1\nPRIORITY=4\n".to_vec();
    let mut binary = |name: &str, value: &str| {
        entry.extend_from_slice(format!("{name}\n").as_bytes());
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
        entry.extend_from_slice(value.as_bytes());
        entry.push(b'\n');
    };
    binary("CODE_NOTE", "two lines\n\n__CURSOR=forged\nF_SPILL_V=3");
    for (name, value) in fields(part) {
        let name = format!("{prefix}{}", name.to_ascii_uppercase());
        if name.ends_with("SPILL_DETAIL") {
            binary(&name, &value);
        }
    }
    for (name, value) in fields(part) {
        let name = format!("{prefix}{}", name.to_ascii_uppercase());
        if !name.ends_with("SPILL_DETAIL") {
            entry.extend_from_slice(format!("{name}={value}\n").as_bytes());
        }
    }
    entry.push(b'\n');
    entry
}

proptest! {
    #[test]
    fn records_read_back_from_the_journal(
        parts in proptest::collection::vec(any_part(), 1..4),
        prefix in prop_oneof![Just("F_"), Just(""), Just("MY_APP_")],
    ) {
        let export: Vec<u8> = parts.iter().flat_map(|part| exported(prefix, part)).collect();
        let read: Vec<SpilledPart> = Records::new(&export[..]).map(Result::unwrap).collect();
        prop_assert_eq!(&read, &parts);
        for part in &parts {
            let mut object: Map<String, Value> = fields(part)
                .into_iter()
                .map(|(name, value)| (format!("{prefix}{}", name.to_ascii_uppercase()), Value::from(value)))
                .collect();
            object.insert("__CURSOR".to_owned(), "s=1".into());
            object.insert("MESSAGE".to_owned(), "event spilled: outage".into());
            let bytes: Vec<u8> = part.event.bytes().collect();
            prop_assert_eq!(read_line(&Value::from(object.clone()).to_string()), Some(part.clone()));
            // Unprintable to the journal, so it becomes an array of bytes.
            object.insert(format!("{prefix}SPILL_EVENT"), bytes.into());
            prop_assert_eq!(read_line(&Value::from(object).to_string()), Some(part.clone()));
        }
    }

    #[test]
    fn a_line_that_a_service_wrote_to_its_standard_output_reads_back_from_the_journal(part in any_part()) {
        let lines = [
            serde_json::to_string(&as_record(&part)).unwrap(),
            as_text(&part, " ", "="),
            json!({ "fields": as_record(&part) }).to_string(),
        ];
        for line in lines {
            let entry = json!({ "__CURSOR": "s=1", "MESSAGE": line, "_TRANSPORT": "stdout" });
            prop_assert_eq!(read_line(&entry.to_string()), Some(part.clone()));
            let export = format!("__CURSOR=s=1\nMESSAGE={line}\n_TRANSPORT=stdout\n\n");
            let read: Vec<SpilledPart> = Records::new(export.as_bytes()).map(Result::unwrap).collect();
            prop_assert_eq!(read, vec![part.clone()]);
        }
    }

    #[test]
    fn records_read_back_from_layouts_that_put_the_fields_elsewhere(part in any_part()) {
        let flat = serde_json::to_value(as_record(&part)).unwrap();
        // Elasticsearch's labels are strings.
        let labels: Map<String, Value> =
            fields(&part).into_iter().map(|(name, value)| (name, value.into())).collect();
        let dotted: Map<String, Value> =
            labels.iter().map(|(name, value)| (format!("labels.{name}"), value.clone())).collect();
        for line in [
            json!({ "@timestamp": "t", "log.level": "WARN", "event": { "kind": "event" }, "client": {}, "labels": labels }),
            json!({ "@timestamp": "t", "ecs.version": "8.0", "fields": flat }),
            json!({ "body": "event spilled", "attributes": flat }),
            Value::from(dotted),
        ] {
            prop_assert_eq!(read_line(&line.to_string()), Some(part.clone()), "{}", line);
        }
        let mut bunyan = flat.as_object().unwrap().clone();
        bunyan.extend([("v".to_owned(), 0.into()), ("name".to_owned(), "svc".into()), ("pid".to_owned(), 1.into())]);
        prop_assert_eq!(read_line(&Value::from(bunyan).to_string()), Some(part));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..600) {
        let part = SpilledPart { event: "{}".to_owned(), ..super::formatters::parts_of(&["{}".to_owned()])[0].clone() };
        let mut log = exported("F_", &part);
        log.truncate(cut);
        log.extend(bytes);
        Records::new(&log[..]).for_each(drop);
        Records::new(&log[..]).joined().for_each(drop);
    }
}

/// An endless log: lines and events that must not be held.
#[test]
fn a_long_log_is_read_in_constant_memory_and_each_event_comes_once() {
    const EVENTS: u64 = 2_000;
    let template = super::formatters::parts_of(&["{}".to_owned()])[0].clone();
    let mut log: Vec<u8> = Vec::new();
    for seq in 0..EVENTS {
        for part in 1..=2_u32 {
            let part = SpilledPart { seq, part, parts: 2, event: format!("1{seq}"), ..template.clone() };
            // The second part of every tenth event is missing.
            if part.part == 1 || seq % 10 != 3 {
                log.extend(serde_json::to_vec(&as_record(&part)).unwrap());
                log.push(b'\n');
            }
        }
        log.extend_from_slice(b"{\"level\":\"INFO\",\"fields\":{\"message\":\"something else\"}}\n");
    }
    let endless = std::io::repeat(b'x').take(3 * crate::limits::READ_LINE_BYTES_MAX as u64);
    let read = std::io::BufReader::new(endless.chain(&b"\n"[..]).chain(&log[..]));
    let mut joined = Records::new(read).joined();
    let mut seqs = Vec::new();
    for event in joined.by_ref() {
        let event = event.unwrap();
        assert_eq!(event.event, format!("1{0}1{0}", event.seq));
        seqs.push(event.seq);
    }
    assert_eq!(seqs, (0..EVENTS).filter(|seq| seq % 10 != 3).collect::<Vec<_>>());
    assert_eq!(joined.incomplete(), EVENTS / 10);
}

#[test]
fn a_bounded_number_of_bytes_is_held_for_events_that_are_never_complete() {
    use crate::limits::READ_HELD_BYTES_MAX;
    let template = super::formatters::parts_of(&["{}".to_owned()])[0].clone();
    let piece = "7".repeat(1 << 20);
    let mut joined = Joiner::new();
    for seq in 0..200 {
        joined.add(SpilledPart { seq, part: 1, parts: 2, event: piece.clone(), ..template.clone() });
        assert!(joined.held() <= READ_HELD_BYTES_MAX, "{}", joined.held());
    }
    assert_eq!(joined.incomplete(), 200);
    joined.add(SpilledPart { seq: 199, part: 2, parts: 2, event: piece, ..template });
    assert_eq!((joined.next_event().is_some(), joined.next_event(), joined.incomplete()), (true, None, 199));
}
