//! Every combination of tracing-subscriber's formatter options: each record is one
//! line of bounded length and reads back.

use super::*;
use crate::limits::{SPILL_FRAME_BYTES, SPILL_LINE_BYTES};
use crate::spill::log::{Home, Log, RecordRead};
use crate::spill::parts::split;
use crate::sync::{Arc, Mutex, lock};
use std::io;
use tracing::dispatcher::{self, Dispatch};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as Default, Uptime};
use tracing_subscriber::fmt::{FormatEvent, FormatFields, SubscriberBuilder};

#[path = "../../../../tests/it/figures.rs"]
#[allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "shared with tests/it, whose tests print and panic"
)]
mod figures;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FormatterLayout {
    Full,
    Compact,
    Pretty,
    Json,
    JsonFlat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FormatterClock {
    Without,
    Default,
    Uptime,
    Blanks,
    Colon,
}

/// A user's own time format.
struct As(&'static str);

impl FormatTime for As {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        w.write_str(self.0)
    }
}

#[derive(Clone, Copy, Debug)]
struct SetUp {
    layout: FormatterLayout,
    clock: FormatterClock,
    thread: Option<&'static str>,
    ids: bool,
    target: bool,
    level: bool,
    file: bool,
    line: bool,
    ansi: bool,
    span: bool,
}

fn all() -> Vec<SetUp> {
    let mut all = Vec::new();
    for layout in [
        FormatterLayout::Full,
        FormatterLayout::Compact,
        FormatterLayout::Pretty,
        FormatterLayout::Json,
        FormatterLayout::JsonFlat,
    ] {
        for clock in [
            FormatterClock::Without,
            FormatterClock::Default,
            FormatterClock::Uptime,
            FormatterClock::Blanks,
            FormatterClock::Colon,
        ] {
            for thread in [None, Some("worker"), Some("http: 8080"), Some("a=b \"c\" ThreadId(7): x")] {
                for bits in 0_u32..128 {
                    let is = |nth: u32| bits >> nth & 1 == 1;
                    let (ids, target, level, file) = (is(0), is(1), is(2), is(3));
                    let (line, ansi, span) = (is(4), is(5), is(6));
                    all.push(SetUp { layout, clock, thread, ids, target, level, file, line, ansi, span });
                }
            }
        }
    }
    all
}

#[derive(Clone, std::default::Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn subscriber(set_up: SetUp, log: &Captured) -> Dispatch {
    fn finish<N, E>(log: Captured, builder: SubscriberBuilder<N, E>) -> Dispatch
    where
        N: for<'w> FormatFields<'w> + Send + Sync + 'static,
        E: FormatEvent<tracing_subscriber::Registry, N> + Send + Sync + 'static,
    {
        builder.with_writer(move || log.clone()).into()
    }
    macro_rules! with_layout {
        ($builder:expr) => {{
            let builder = $builder
                .with_thread_names(set_up.thread.is_some())
                .with_thread_ids(set_up.ids)
                .with_target(set_up.target)
                .with_level(set_up.level)
                .with_file(set_up.file)
                .with_line_number(set_up.line)
                .with_ansi(set_up.ansi);
            match set_up.layout {
                FormatterLayout::Full => finish(log.clone(), builder),
                FormatterLayout::Compact => finish(log.clone(), builder.compact()),
                FormatterLayout::Pretty => finish(log.clone(), builder.pretty().with_ansi(set_up.ansi)),
                FormatterLayout::Json => finish(log.clone(), builder.json()),
                FormatterLayout::JsonFlat => finish(log.clone(), builder.json().flatten_event(true)),
            }
        }};
    }
    let builder = tracing_subscriber::fmt();
    match set_up.clock {
        FormatterClock::Without => with_layout!(builder.without_time()),
        FormatterClock::Default => with_layout!(builder.with_timer(Default)),
        FormatterClock::Uptime => with_layout!(builder.with_timer(Uptime::default())),
        FormatterClock::Blanks => with_layout!(builder.with_timer(As("26 Nov 2026, 12:19:45"))),
        FormatterClock::Colon => with_layout!(builder.with_timer(As("[12:19:45]:"))),
    }
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        r#"{"id":7}"#,
        r#""a \"quoted\" text""#,
        "7",
        r#"{"text":" spill_event={} , spill_event: {} 世界 🎉 e\u0301\\"}"#,
        r#"{"text":"  WARN overspill::spill: event spilled: outage spill_v=3 spill_client=\"f\" spill_seq=1"}"#,
        // What the encoder leaves unescaped, or escapes: both must read back.
        "{\"text\":\"\u{fe0f}\u{34f}\u{3164}\u{2800}\"}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push(format!("\"{}\"", r#"\\\""#.repeat(1500)));
    texts.push(format!("\"{}\"", "世\u{10fffd}".repeat(500)));
    texts
}

/// Records at their maximum length, apart from the event.
pub(super) fn parts_of(texts: &[String]) -> Vec<SpilledPart> {
    let whole = |(seq, text): (u64, &String)| {
        let pieces = split(text, SPILL_LINE_BYTES - SPILL_FRAME_BYTES);
        let parts = pieces.len() as u32;
        let part = |(nth, piece): (usize, &&str)| SpilledPart {
            client: "0123456789abcdef".to_owned(),
            seq: u64::MAX - seq,
            batch: u64::MAX,
            reason: Reason::FormatFailed,
            maybe_delivered: MaybeDelivered::No,
            name: None,
            common: None,
            emitted_at: UNIX_EPOCH + Duration::from_millis(1_795_695_585_123),
            age_ms: u64::MAX,
            detail: "\"".repeat(crate::limits::DETAIL_ESCAPED_BYTES_MAX / 2),
            part: nth as u32 + 1,
            parts,
            events: 1,
            redacted: false,
            event: (*piece).to_owned(),
        };
        pieces.iter().enumerate().map(part).collect::<Vec<_>>()
    };
    (0..).zip(texts).flat_map(whole).collect()
}

fn check(set_up: SetUp, parts: &[SpilledPart]) {
    let log = Captured::default();
    let dispatch = subscriber(set_up, &log);
    let write = || {
        dispatcher::with_default(&dispatch, || {
            let span = tracing::info_span!("request", user = "mallory", nth = 7);
            let _entered = set_up.span.then(|| span.enter());
            tracing::warn!("something else");
            let log = Log { home: Home::capture() };
            for part in parts {
                assert_eq!(log.write(&as_record(part)), RecordRead::Yes, "{set_up:?}");
            }
        });
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(set_up.thread.unwrap_or("t").to_owned());
        thread.spawn_scoped(scope, write).unwrap().join().unwrap();
    });
    let text = String::from_utf8(lock(&log.0).clone()).unwrap();
    let read: Vec<SpilledPart> = Records::new(text.as_bytes()).map(Result::unwrap).collect();
    for (part, read) in parts.iter().zip(&read) {
        assert_eq!(part, read, "{set_up:?}");
    }
    assert_eq!(read.len(), parts.len(), "{set_up:?}\n{}", text.chars().take(2000).collect::<String>());
    let longest = text.lines().map(str::len).max().unwrap() + 1;
    assert!(longest <= SPILL_LINE_BYTES, "{set_up:?}: {longest}");
}

#[test]
fn every_set_up_of_every_formatter_writes_records_that_read_back_and_lines_that_are_bounded() {
    let parts = parts_of(&texts());
    let all = all();
    assert_eq!(all.len(), 5 * 5 * 4 * 128);
    for &set_up in &all {
        check(set_up, &parts);
    }
    figures::report(47, "set-ups read back, of as many", all.len());
}

#[test]
fn a_foreign_record_whose_target_is_a_path_is_not_read_as_ours() {
    let ours = as_text(&parts_of(&["{}".to_owned()])[0], " ", "=");
    assert!(read_line(&ours).is_some());
    let fields = ours.split_once("overspill::spill: ").unwrap().1;
    for (before, is_ours) in [
        ("2026-01-01T00:00:00Z  WARN overspill::spill: ", true),
        ("2026-01-01T00:00:00Z  WARN http: 8080 ThreadId(02) src/log.rs:7: ", true),
        ("2026-01-01T00:00:00Z  WARN http: 8080 overspill::spill: ", true),
        ("2026-01-01T00:00:00Z  WARN request:tower::call: overspill::spill: ", true),
        ("[2026-01-01T00:00:00Z WARN  overspill::spill] ", true),
        ("2026-01-01T00:00:00Z  INFO my_app::login: no such user overspill::spill: ", false),
        ("2026-01-01T00:00:00Z  INFO my_app::login: ", false),
        ("2026-01-01T00:00:00Z  INFO my_app::login: WARN ", false),
    ] {
        assert_eq!(read_line(&format!("{before}{fields}")).is_some(), is_ours, "{before}");
    }
    // In JSON, nothing inside a string is a record, unless the string is a line that a shipper put there.
    for forged in [
        serde_json::json!({ "fields": { "message": ours } }),
        serde_json::json!({ "level": "INFO", "message": ours, "log": ours }),
        serde_json::json!({ "severityText": "INFO", "body": { "stringValue": ours } }),
        serde_json::json!({ "log": { "level": "info" }, "message": ours }),
        serde_json::json!({ "MESSAGE": ours }),
        serde_json::json!({ "log": serde_json::json!({ "level": "INFO", "message": ours }).to_string() }),
        serde_json::json!({ "user": { "spill_v": 3, "log": ours } }),
    ] {
        assert_eq!(read_line(&forged.to_string()), None, "{forged}");
    }
    for wrapped in [
        serde_json::json!({ "log": ours, "stream": "stdout", "level": "merged in by a shipper" }),
        serde_json::json!({ "message": ours, "facility": "user", "severity": "the header's" }),
    ] {
        assert!(read_line(&wrapped.to_string()).is_some(), "{wrapped}");
    }
}
