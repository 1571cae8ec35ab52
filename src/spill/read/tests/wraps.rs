//! What happens to a line in transit: runtimes, syslog and shippers wrap it, wrap each other's output, and cut it.

use super::*;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
enum WrapLayout {
    Ours,
    Fields,
    Text,
    Pretty,
    Coloured,
    ColouredBySyslog,
}

const LAYOUTS: [WrapLayout; 6] = [
    WrapLayout::Ours,
    WrapLayout::Fields,
    WrapLayout::Text,
    WrapLayout::Pretty,
    WrapLayout::Coloured,
    WrapLayout::ColouredBySyslog,
];

/// As tracing-subscriber colours it.
fn coloured(part: &SpilledPart, escape: &str) -> String {
    // No record contains these characters.
    as_text(part, "\u{1}", "\u{2}")
        .replacen(" WARN", &format!(" {escape}[33mWARN{escape}[0m"), 1)
        .replace('\u{1}', &format!(" {escape}[3m"))
        .replace('\u{2}', &format!("{escape}[0m{escape}[2m={escape}[0m"))
}

fn laid_out(part: &SpilledPart, layout: WrapLayout) -> String {
    match layout {
        WrapLayout::Ours => serde_json::to_string(&as_record(part)).unwrap(),
        WrapLayout::Fields => {
            json!({ "level": "WARN", "target": "overspill::spill", "fields": as_record(part) }).to_string()
        }
        WrapLayout::Text => as_text(part, " ", "="),
        WrapLayout::Pretty => as_text(part, ", ", ": "),
        WrapLayout::Coloured => coloured(part, "\u{1b}"),
        WrapLayout::ColouredBySyslog => coloured(part, "#033"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Wrap {
    Rfc3164,
    Rfc5424,
    Compose,
    Python,
    Cri,
    FluentBit,
    Fluentd,
    Vector,
    Filebeat,
    SyslogAsJson,
    Collector,
    Array,
    Journal,
}

const WRAPS: [Wrap; 13] = [
    Wrap::Rfc3164,
    Wrap::Rfc5424,
    Wrap::Compose,
    Wrap::Python,
    Wrap::Cri,
    Wrap::FluentBit,
    Wrap::Fluentd,
    Wrap::Vector,
    Wrap::Filebeat,
    Wrap::SyslogAsJson,
    Wrap::Collector,
    Wrap::Array,
    Wrap::Journal,
];

fn wrapped(line: &str, wrap: Wrap) -> String {
    match wrap {
        Wrap::Rfc3164 => format!("Nov 26 12:19:45 host-1 orders[4711]: {line}"),
        Wrap::Rfc5424 => {
            format!("<12>1 2026-11-26T12:19:45.123Z host-1 orders 4711 - [origin ip=\"::1\"] \u{feff}{line}")
        }
        Wrap::Compose => format!("orders-1  | {line}"),
        Wrap::Python => format!("WARNING:orders:{line}"),
        Wrap::Cri => format!("2026-11-26T12:19:45.123456789Z stderr F {line}"),
        Wrap::FluentBit => json!({ "date": 1.5, "log": line, "stream": "stdout", "_p": "F" }).to_string(),
        Wrap::Fluentd => format!("2026-11-26T12:19:45+00:00\tapp.orders\t{}", json!({ "message": line })),
        Wrap::Vector => {
            json!({ "host": "h", "message": line, "source_type": "file", "timestamp": "t" }).to_string()
        }
        Wrap::Filebeat => {
            json!({ "@timestamp": "t", "log": { "offset": 7, "file": {} }, "message": line, "ecs": {} })
                .to_string()
        }
        Wrap::SyslogAsJson => json!({ "facility": "user", "severity": "info", "message": line }).to_string(),
        Wrap::Collector => {
            json!({ "resourceLogs": [{ "resource": {}, "scopeLogs": [{ "scope": {}, "logRecords": [
            { "timeUnixNano": "1", "severityText": "", "body": { "stringValue": line }, "attributes": [
                { "key": "log.file.name", "value": { "stringValue": "app.log" } }] }] }] }] })
            .to_string()
        }
        Wrap::Array => json!([{ "other": 1 }, { "log": line }]).to_string(),
        Wrap::Journal => json!({ "__CURSOR": "s=1", "MESSAGE": line, "PRIORITY": "6" }).to_string(),
    }
}

/// Pieces of this many bytes, or slightly fewer.
fn cut(line: &str, bytes: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), line);
    while rest.len() > bytes {
        let at = (1..=bytes).rfind(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[derive(Clone, Copy, Debug)]
enum Runtime {
    None,
    Docker(usize),
    Cri(usize),
}

fn in_runtime(line: &str, runtime: Runtime, stream: &str) -> Vec<String> {
    match runtime {
        Runtime::None => vec![line.to_owned()],
        Runtime::Docker(bytes) => cut(&format!("{line}\n"), bytes)
            .into_iter()
            .map(|piece| {
                json!({ "log": piece, "stream": stream, "time": "2026-11-26T12:19:45Z" }).to_string()
            })
            .collect(),
        Runtime::Cri(bytes) => {
            let pieces = cut(line, bytes);
            let last = pieces.len() - 1;
            let marked = |(nth, piece): (usize, &&str)| {
                format!("2026-11-26T12:19:45.1Z {stream} {} {piece}", if nth == last { "F" } else { "P" })
            };
            pieces.iter().enumerate().map(marked).collect()
        }
    }
}

fn any_runtime() -> impl Strategy<Value = Runtime> {
    prop_oneof![Just(Runtime::None), (8..300_usize).prop_map(Runtime::Cri), Just(Runtime::Docker(16 << 10)),]
}

/// Alternates the lines of two streams.
fn in_turns(mut one: Vec<String>, mut other: Vec<String>) -> Vec<String> {
    let mut lines = Vec::new();
    while !one.is_empty() || !other.is_empty() {
        lines.extend((!one.is_empty()).then(|| one.remove(0)));
        lines.extend((!other.is_empty()).then(|| other.remove(0)));
    }
    lines
}

proptest! {
    #[test]
    fn a_record_reads_back_through_any_nested_wrappings_and_any_cuts(
        parts in proptest::collection::vec((any_part(), proptest::sample::select(LAYOUTS.to_vec())), 1..4),
        wraps in proptest::collection::vec(proptest::sample::select(WRAPS.to_vec()), 0..4),
        runtime in any_runtime(),
        buffer in 1..300_usize,
    ) {
        let lines = parts.iter().map(|(part, layout)| {
            wraps.iter().fold(laid_out(part, *layout), |line, wrap| wrapped(&line, *wrap))
        });
        let noise = || in_runtime(&"something else ".repeat(20), runtime, "stdout");
        let log = lines.flat_map(|line| in_turns(in_runtime(&line, runtime, "stderr"), noise()));
        let log: String = log.map(|line| line + "\n").collect();
        let read = std::io::BufReader::with_capacity(buffer, log.as_bytes());
        let read: Vec<SpilledPart> = Records::new(read).map(Result::unwrap).collect();
        let expected: Vec<SpilledPart> = parts.into_iter().map(|(part, _)| part).collect();
        prop_assert_eq!(read, expected, "{}", log);
    }

    #[test]
    fn reading_again_from_the_resume_point_misses_nothing(
        parts in proptest::collection::vec(any_part(), 1..6),
        runtime in any_runtime(),
        taken in any::<prop::sample::Index>(),
    ) {
        let line = |part: &SpilledPart| in_runtime(&laid_out(part, WrapLayout::Ours), runtime, "stdout");
        let log: String = parts.iter().flat_map(line).map(|line| line + "\nother\n").collect();
        let mut records = Records::new(log.as_bytes());
        let taken = taken.index(parts.len() + 1);
        let first: Vec<SpilledPart> = records.by_ref().take(taken).map(Result::unwrap).collect();
        let rest = Records::new(&log.as_bytes()[records.resume_at() as usize..]);
        let all: Vec<SpilledPart> = first.into_iter().chain(rest.map(Result::unwrap)).collect();
        prop_assert_eq!(&all, &parts);
        prop_assert_eq!(records.count(), parts.len() - taken);
    }

    #[test]
    fn a_line_continued_after_a_process_died_yields_the_later_record_and_never_a_mixture(
        first in any_part(), second in any_part(), at in any::<prop::sample::Index>(),
        layout in proptest::sample::select(LAYOUTS.to_vec()),
    ) {
        let (first, second) = (
            SpilledPart { part: 1, parts: 1, events: 1, event: json!({ "text": first.event }).to_string(), ..first },
            SpilledPart { part: 1, parts: 1, events: 1, event: json!({ "text": second.event }).to_string(), ..second },
        );
        let line = laid_out(&first, layout);
        let at = (0..=at.index(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap();
        let log = format!("{}{}\n", &line[..at], laid_out(&second, layout));
        let events: Vec<String> =
            Records::new(log.as_bytes()).joined().map(|event| event.unwrap().event).collect();
        prop_assert!(events.iter().all(|event| *event == second.event), "{:?}\n{}", events, log);
        // A JSON text that ends inside a string swallows the beginning of the next line.
        prop_assert!(!events.is_empty() || matches!(layout, WrapLayout::Ours | WrapLayout::Fields), "{}", log);
    }
}

#[test]
fn all_records_of_one_line_come_out() {
    let parts = super::formatters::parts_of(&["1".to_owned(), "2".to_owned()]);
    let lines: Vec<Value> =
        parts.iter().map(|part| json!({ "log": laid_out(part, WrapLayout::Text) })).collect();
    let log = format!("{}\n", Value::from(lines));
    let mut records = Records::new(log.as_bytes());
    assert_eq!(records.next().unwrap().unwrap(), parts[0]);
    assert_eq!((records.position(), records.resume_at()), (log.len() as u64, 0));
    assert_eq!(records.next().unwrap().unwrap(), parts[1]);
    assert_eq!(records.resume_at(), log.len() as u64);
    assert_eq!(read_line(&log), Some(parts[0].clone()));
}

#[test]
fn wrappings_are_unwrapped_to_a_bounded_depth() {
    let ours = laid_out(&super::formatters::parts_of(&["1".to_owned()])[0], WrapLayout::Ours);
    let deep = |depth| (0..depth).fold(ours.clone(), |line, _| wrapped(&line, Wrap::FluentBit));
    assert!(read_line(&deep(crate::limits::READ_WRAPS_MAX - 1)).is_some());
    assert_eq!(read_line(&deep(crate::limits::READ_WRAPS_MAX)), None);
}

#[test]
fn notices_read_back_with_their_client_and_time() {
    let text = "outage ended after 1.5 s: delivered 16, spilled 4000 (outage 4000), lost 0";
    let ours =
        serde_json::to_string(&crate::spill::Notice::new(LogLevel::Warn, "0123456789abcdef", text)).unwrap();
    let lines = [
        ours,
        json!({ "timestamp": "2026-11-26T12:19:45.123Z", "level": "WARN", "target": "overspill::notice",
            "fields": { "message": text, "spill_client": "0123456789abcdef" } })
        .to_string(),
        format!("2026-11-26T12:19:45.123Z  WARN overspill::notice: {text} spill_client=\"0123456789abcdef\""),
        format!(
            "  2026-11-26T12:19:45.123Z  WARN overspill::notice: {text}, spill_client: \"0123456789abcdef\""
        ),
    ];
    for (nth, line) in lines.iter().enumerate() {
        for log in [line.clone(), wrapped(line, Wrap::Cri), wrapped(line, Wrap::FluentBit)] {
            let read: Vec<Entry> = Records::new(log.as_bytes()).entries().map(Result::unwrap).collect();
            let [Entry::Notice(notice)] = &read[..] else { panic!("{read:?} of {log}") };
            assert_eq!((notice.client.as_str(), notice.text.as_str()), ("0123456789abcdef", text), "{log}");
            let at = notice.written_at.map(|at| crate::spill::Rfc3339(at).to_string());
            assert!(nth == 0 || at.as_deref() == Some("2026-11-26T12:19:45.123Z"), "{log}");
        }
    }
}
