//! Row 32: an event's content passes through tracing-subscriber's formatters and can be read back.

use super::is_hostile;
use overspill::spill::{join, read_line};
use overspill::transport::{Posting, Request, Transport};
use overspill::{Client, Emitted, Reason};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_subscriber::fmt::MakeWriter;

/// rsyslog cuts lines that are longer.
const LINE_BYTES_MAX: usize = 8 << 10;

/// An event of up to twice this is not lost as oversized: enough for three mebibytes of NUL, each written as six characters.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// A client that writes each event to the log at once, under one formatter.
pub struct Formatter {
    name: &'static str,
    kind: Kind,
    log: Captured,
    /// Kept here, because the client holds it weakly.
    _dispatch: Dispatch,
    client: Client,
    /// The number of escape characters that the formatter writes, for colours, into each line of a record.
    colours: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A record is a line.
    Line,
    /// A record is several lines, one of which has its fields.
    Pretty,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
    map: BTreeMap<&'a str, &'a str>,
}

pub fn all() -> Vec<Formatter> {
    use tracing_subscriber::fmt;
    let of = |name, kind, make: &dyn Fn(Captured) -> Dispatch| Formatter::new(name, kind, make);
    vec![
        of("json", Kind::Line, &|log| fmt().json().with_writer(log).into()),
        of("json, flat", Kind::Line, &|log| fmt().json().flatten_event(true).with_writer(log).into()),
        of("full", Kind::Line, &|log| fmt().with_ansi(false).with_writer(log).into()),
        of("full, coloured", Kind::Line, &|log| fmt().with_ansi(true).with_writer(log).into()),
        of("compact", Kind::Line, &|log| fmt().compact().with_ansi(false).with_writer(log).into()),
        of("compact, coloured", Kind::Line, &|log| fmt().compact().with_ansi(true).with_writer(log).into()),
        of("pretty", Kind::Pretty, &|log| fmt().pretty().with_ansi(false).with_writer(log).into()),
        of("pretty, coloured", Kind::Pretty, &|log| fmt().pretty().with_ansi(true).with_writer(log).into()),
    ]
}

impl Formatter {
    fn new(name: &'static str, kind: Kind, make: &dyn Fn(Captured) -> Dispatch) -> Formatter {
        let log = Captured::default();
        let dispatch = make(log.clone());
        let (client, sender) = with_default(&dispatch, || {
            Client::builder("http://127.0.0.1:9/")
                .transport(Nowhere)
                .queue_events_max(1)
                .queue_bytes_max(4 * EVENT_BYTES_MAX)
                .batch_bytes_max(2 * EVENT_BYTES_MAX)
                .event_bytes_max(EVENT_BYTES_MAX)
                .build_with_sender()
                .expect("sound settings")
        });
        // From now on each event is in the log when `emit` returns.
        drop(sender);
        let mut formatter = Formatter { name, kind, log, _dispatch: dispatch, client, colours: Vec::new() };
        // A record with harmless content, for comparison.
        formatter.colours = formatter.lines("harmless").iter().map(|line| escapes(line)).collect();
        formatter
    }

    /// Spills an event with this content and returns the lines of the log.
    fn lines(&self, content: &str) -> Vec<String> {
        self.log.0.lock().expect("no writer panics").clear();
        let event = Content { text: content, map: [(content, content)].into() };
        assert_eq!(self.client.emit(&event), Emitted::Spilled(Reason::Closed), "{}", self.name);
        let written = self.log.0.lock().expect("no writer panics").clone();
        let text = String::from_utf8(written).expect("a log is text");
        let text = text.strip_suffix('\n').expect("a line has an end");
        text.split('\n').map(str::to_owned).collect()
    }

    /// One printable line per part. The parts join to the event, and nothing else is read.
    pub fn check(&self, content: &str) {
        let lines = self.lines(content);
        for (nth, line) in lines.iter().enumerate() {
            let colours = self.colours[nth % self.colours.len()];
            assert_eq!(escapes(line), colours, "{}: {line:?}", self.name);
            let plain = line.replace('\u{1b}', "");
            assert!(!plain.chars().any(is_hostile), "{}: {line:?}", self.name);
            assert!(line.len() < LINE_BYTES_MAX, "{}: {} bytes", self.name, line.len());
        }
        self.check_parts(&lines, content);
    }

    fn check_parts(&self, lines: &[String], content: &str) {
        let parts: Vec<_> = lines.iter().filter_map(|line| read_line(line)).collect();
        let (each, rest) = (lines.len() / self.colours.len(), lines.len() % self.colours.len());
        assert_eq!((parts.len(), rest), (each, 0), "{}: {lines:?}", self.name);
        assert!(
            self.kind == Kind::Pretty || parts.len() == lines.len(),
            "{}: a line is not a record",
            self.name
        );
        for (nth, part) in parts.iter().enumerate() {
            assert_eq!((part.part as usize, part.parts as usize), (nth + 1, parts.len()), "{}", self.name);
            assert_eq!((part.seq, part.reason), (self.client.stats().emitted - 1, Reason::Closed));
        }
        let joined = join(parts);
        assert_eq!(joined.len(), 1, "{}", self.name);
        let read: serde_json::Value = serde_json::from_str(&joined[0].event).expect("the identical JSON");
        assert_eq!(
            read,
            serde_json::json!({ "text": content, "map": { content: content } }),
            "{}",
            self.name
        );
    }
}

/// Checks that both events of a pack are read back, and that content forged as the array of a pack is read as its elements or not at all.
pub fn check_packed(content: &str) {
    let text = serde_json::to_string(content).expect("a string");
    let neighbour = format!("{{{text}:[{text},1]}}");
    assert_eq!(unpacked(2, &format!("[{text},{neighbour}]")), [text, neighbour]);
    for events in 2..5 {
        let texts = unpacked(events, content);
        let whole = texts.len() == events && format!("[{}]", texts.join(",")) == content;
        assert!(whole || texts.is_empty(), "{content:?} was read as {texts:?}");
    }
}

fn unpacked(events: usize, array: &str) -> Vec<String> {
    let line = serde_json::json!({
        "spill_v": 3, "spill_client": "c", "spill_seq": 7, "spill_batch": 0, "spill_reason": "outage",
        "spill_maybe_delivered": false, "spill_emitted_at": "2026-01-01T00:00:00.000Z", "spill_age_ms": 0,
        "spill_detail": "", "spill_part": 1, "spill_parts": 1, "spill_events": events, "spill_redacted": false,
        "spill_event": array,
    });
    let part = read_line(&line.to_string()).expect("a record of ours");
    join([part]).into_iter().map(|event| event.event).collect()
}

fn escapes(line: &str) -> usize {
    line.matches('\u{1b}').count()
}

/// A log in memory.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Captured;

    fn make_writer(&'a self) -> Captured {
        self.clone()
    }
}

/// No request is ever made.
struct Nowhere;

impl Transport for Nowhere {
    fn post(&mut self, _: Request) -> Posting {
        unreachable!("the sender is gone")
    }
}
