//! What formats read from answers: what is documented, and nothing that is not there.

use overspill::MaybeDelivered;
use overspill::format::*;
use overspill::transport::{BodyEnd, Reply};
use proptest::prelude::*;

fn reply(status: u16, body: &str) -> Reply {
    Reply::of_status(status).with_body(body)
}

fn refused(words: &str) -> Fate {
    Fate::Refused(words.to_owned())
}

fn each(fates: &[Fate]) -> Verdict {
    Verdict::Each(fates.to_vec())
}

#[test]
fn a_bulk_answer_is_read_item_by_item_whatever_the_server_calls_them() {
    use Fate::Delivered;
    let of = |body: &str, events| Bulk::new().verdict(&reply(200, body), events);
    // Elasticsearch 8, OpenSearch, filtered and not; Quickwit; an old server whose error is a text.
    for (body, expected) in [
        (
            r#"{"took":1,"errors":false,"items":[{"create":{"_index":"i","_id":"a-1","status":201}},{"create":{"status":200}}]}"#,
            vec![Delivered, Delivered],
        ),
        (
            r#"{"errors":false,"items":[{"create":{"status":201}},{"index":{"status":201}}]}"#,
            vec![Delivered, Delivered],
        ),
        (
            r#"{"errors":true,"items":[{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[a-1]: document already exists"}}},{"create":{"status":201}}]}"#,
            vec![Delivered, Delivered],
        ),
        (
            r#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed","caused_by":{"type":"x","reason":"why"}}}},{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}"#,
            vec![
                refused("400 document_parsing_exception: failed: why"),
                Fate::Unavailable("429 es_rejected_execution_exception: full".to_owned()),
            ],
        ),
        (
            r#"{"items":[{"create":{"status":503}},{"create":{"status":400,"error":"MapperParsingException"}}],"errors":true}"#,
            vec![Fate::Unavailable("503".to_owned()), refused("400 MapperParsingException")],
        ),
    ] {
        assert_eq!(of(body, 2), each(&expected), "{body}");
    }
    for (body, why) in [
        ("", "VictoriaLogs' empty 200: an undecodable line has stopped it"),
        (r#"{"errors":false,"items":[{"create":{"status":201}}]}"#, "one item for two events"),
        (
            r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}},{"create":{"status":201}}]}"#,
            "three",
        ),
        (r#"{"errors":false}"#, "none"),
        (r#"{"items":[{},{}]}"#, "no action"),
        ("[]", "no object"),
    ] {
        assert_eq!(of(body, 2), Verdict::Unknown, "{why}");
    }
    // A missing status belongs to no event.
    let Verdict::Each(fates) = of(r#"{"items":[{"create":{}},{"create":{"status":0}}]}"#, 2) else {
        panic!("each")
    };
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Unknown(_))), "{fates:?}");
    assert_eq!(Bulk::new().verdict(&reply(429, ""), 2), Verdict::ByStatus);
}

#[test]
fn a_cut_bulk_answer_counts_as_far_as_it_goes_and_delivers_nothing_else() {
    let cut = Reply {
        body_end: BodyEnd::Cut,
        ..reply(200, r#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400}},{"crea"#)
    };
    assert_eq!(Bulk::new().verdict(&cut, 5), each(&[Fate::Delivered, refused("400")]));
    let nothing = Reply { body_end: BodyEnd::Cut, ..reply(200, r#"{"errors":false,"ite"#) };
    assert_eq!(Bulk::new().verdict(&nothing, 5), Verdict::Unknown);
}

#[test]
fn an_otlp_answer_says_how_many_in_either_encoding_and_an_empty_one_is_a_success() {
    let some =
        |refused, words: &str| Verdict::SomeRefused { refused: Some(refused), words: words.to_owned() };
    for (body, expected) in [
        ("", Verdict::ByStatus),
        ("{}", Verdict::ByStatus),
        (r#"{"partialSuccess":null}"#, Verdict::ByStatus),
        (r#"{"partialSuccess":{}}"#, Verdict::ByStatus),
        (r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow down"}}"#, Verdict::ByStatus),
        (r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"why"}}"#, some(3, "why")),
        (r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, some(3, "")),
        (r#"{"partialSuccess":{"rejectedLogRecords":11}}"#, Verdict::Unknown),
        (r#"{"partialSuccess":{"rejectedLogRecords":-1}}"#, Verdict::Unknown),
        (r#"{"partialSuccess":{"rejectedLogRecords":"#, Verdict::Unknown),
        ("{\"partialSuccess\":7}", Verdict::Unknown),
        ("OK", Verdict::Unknown),
    ] {
        assert_eq!(OtlpJson::new().verdict(&reply(200, body), 10), expected, "{body}");
        assert_eq!(
            Otlp::new().verdict(&reply(200, body), 10),
            expected,
            "{body}: an answer in the other encoding"
        );
    }
    let protobuf = |bytes: &[u8]| Otlp::new().verdict(&Reply::of_status(200).with_body(bytes), 10);
    assert_eq!(protobuf(&[0x0a, 0x07, 0x08, 0x03, 0x12, 0x03, b'w', b'h', b'y']), some(3, "why"));
    assert_eq!(protobuf(&[0x0a, 0x00]), Verdict::ByStatus);
    assert_eq!(protobuf(&[0x0a, 0x07, 0x08, 0x03, 0x12, 0x03, b'w']), Verdict::Unknown, "cut short");
    assert_eq!(
        protobuf(&[0x0a, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        Verdict::Unknown,
        "less than none"
    );
    let cut = Reply { body_end: BodyEnd::Cut, ..reply(200, "") };
    assert_eq!(Otlp::new().verdict(&cut, 10), Verdict::Unknown);
}

#[test]
fn splunk_says_where_it_stopped_and_the_event_it_may_be_is_one_of_two() {
    use Fate::{Delivered, NotTaken};
    let of = |status, body: &str| SplunkHec::new().verdict(&reply(status, body), 4);
    let maybe = || Fate::MaybeRefused("code 6: Invalid data format".to_owned());
    let at =
        |number: u64| format!(r#"{{"text":"Invalid data format","code":6,"invalid-event-number":{number}}}"#);
    assert_eq!(of(200, r#"{"text":"Success","code":0}"#), Verdict::ByStatus);
    assert_eq!(
        of(400, &at(0)),
        each(&[refused("code 6: Invalid data format"), NotTaken, NotTaken, NotTaken])
    );
    assert_eq!(of(400, &at(2)), each(&[Delivered, maybe(), maybe(), NotTaken]));
    assert_eq!(of(400, &at(4)), each(&[Delivered, Delivered, Delivered, maybe()]));
    assert_eq!(of(400, &at(5)), Verdict::Unknown, "no such event");
    let busy = of(503, r#"{"text":"Server is busy","code":9,"invalid-event-number":2}"#);
    let words = || "code 9: Server is busy".to_owned();
    assert_eq!(
        busy,
        each(&[
            Delivered,
            Fate::MaybeRefused(words()),
            Fate::MaybeRefused(words()),
            Fate::Unavailable(words())
        ])
    );
    assert_eq!(of(503, r#"{"text":"Server is busy","code":9}"#), Verdict::ByStatus);
    assert_eq!(of(403, r#"{"text":"Invalid token","code":4}"#), Verdict::ByStatus);
    assert_eq!(
        of(400, r#"{"text":"Incorrect index","code":7}"#),
        Verdict::Denied { words: "code 7: Incorrect index".to_owned() }
    );
    assert!(
        matches!(of(400, "what?"), Verdict::SomeRefused { refused: None, .. }),
        "something of it may be stored"
    );
    for body in ["", "OK", r#"{"text":"Success"}"#, r#"{"text":"?","code":5}"#] {
        assert_eq!(of(200, body), Verdict::Unknown, "{body}");
    }
}

#[test]
fn clickhouse_is_read_by_its_own_numbers_whatever_its_status() {
    let of = |status, body: &str| ClickHouse::new().verdict(&reply(status, body), 5);
    let row =
        "Code: 27. DB::Exception: Cannot parse input: expected '{' before: 'x': (at row 2)\n (version 24.8)";
    let expected = Verdict::none_because_of(1, 5, row);
    for status in [400, 500] {
        assert_eq!(of(status, row), expected, "{status}");
    }
    assert!(
        matches!(of(400, "Code: 117. DB::Exception: Unknown field: (at row 6)"), Verdict::NoneTaken { .. }),
        "no such row"
    );
    assert!(matches!(of(500, "Code: 53. DB::Exception: Type mismatch"), Verdict::NoneTaken { .. }));
    for code in [60, 81, 115, 164, 192, 516] {
        assert!(
            matches!(of(404, &format!("Code: {code}. DB::Exception: x")), Verdict::Denied { .. }),
            "{code}"
        );
    }
    for code in [202, 252] {
        let Verdict::Unavailable { maybe_delivered, .. } =
            of(500, &format!("Code: {code}. DB::Exception: x"))
        else {
            panic!("{code}")
        };
        assert_eq!(maybe_delivered, MaybeDelivered::No);
    }
    // As ClickHouse 18.16 says it, which repeats the input that it cannot read.
    for (status, row) in [
        (
            500,
            "Code: 27, e.displayText() = DB::Exception: Cannot parse input: expected \" before: (at row 4)\"}\\n: (while read the value of key n): (at row 2)\n, e.what() = DB::Exception",
        ),
        (
            400,
            "Code: 72, e.displayText() = DB::Exception: Unsigned type must not contain '-' symbol: (while read the value of key n): (at row 2)\n, e.what() = DB::Exception",
        ),
        (
            400,
            "Code: 26, e.displayText() = DB::Exception: Cannot parse JSON string: expected opening quote: (while read the value of key text): (at row 2)\n, e.what() = DB::Exception",
        ),
        (
            500,
            "Code: 117, e.displayText() = DB::Exception: Unknown field found while parsing JSONEachRow format: more: (at row 2)\n, e.what() = DB::Exception",
        ),
    ] {
        assert_eq!(of(status, row), Verdict::none_because_of(1, 5, row), "{row}");
    }
    for (status, settings) in [
        (
            404,
            "Code: 60, e.displayText() = DB::Exception: Table default.none doesn't exist., e.what() = DB::Exception",
        ),
        (
            500,
            "Code: 89, e.displayText() = DB::Exception: Unknown Content-Encoding of HTTP request: zstd, e.what() = DB::Exception",
        ),
        (
            401,
            "Code: 193, e.displayText() = DB::Exception: Wrong password for user writer, e.what() = DB::Exception",
        ),
    ] {
        assert!(matches!(of(status, settings), Verdict::Denied { .. }), "{settings}");
    }
    assert_eq!(of(500, "Code: 241. DB::Exception: Memory limit exceeded"), Verdict::ByStatus);
    assert_eq!(of(502, "<html>Bad Gateway"), Verdict::ByStatus);
    assert_eq!(of(200, ""), Verdict::ByStatus);
    assert_eq!(of(200, row), Verdict::Unknown, "an answer that had already begun");
    let by_header = reply(500, "").with_header("x-clickhouse-exception-code", "60");
    assert!(matches!(ClickHouse::new().verdict(&by_header, 5), Verdict::Denied { .. }));
}

#[test]
fn loki_stores_the_others_and_a_260_is_no_success() {
    let of = |status, body: &str, events| Loki::new().verdict(&reply(status, body), events);
    let words = "entry for stream '{}' has timestamp too old, total ignored: 2 out of 500";
    assert_eq!(of(400, words, 500), Verdict::SomeRefused { refused: None, words: words.to_owned() });
    assert_eq!(of(400, words, 1), Verdict::ByStatus, "the only event");
    assert_eq!(of(260, "blocked", 5), Verdict::Denied { words: "blocked".to_owned() });
    assert_eq!(of(204, "", 5), Verdict::ByStatus);
    assert_eq!(of(429, "ingestion rate limit exceeded for user fake", 5), Verdict::ByStatus);
    let per_stream = of(429, "per stream rate limit exceeded (limit: 3MB/sec)", 5);
    assert!(
        matches!(per_stream, Verdict::Unavailable { maybe_delivered: MaybeDelivered::Yes, .. }),
        "{per_stream:?}"
    );
    assert_eq!(Loki::new().repeats(), Repeats::Harmless);
}

#[test]
fn influx_stores_the_good_lines_and_version_3_names_the_others() {
    let of = |status, body: &str| Influx::new().verdict(&reply(status, body), 3);
    let some = |words: &str| Verdict::SomeRefused { refused: None, words: words.to_owned() };
    let v1 = r#"{"error":"partial write: field type conflict: input field \"n\" is type float, already exists as type integer dropped=1"}"#;
    assert_eq!(of(400, v1), some(v1));
    let unread = r#"{"error":"partial write: unable to parse 'garbage': missing fields dropped=0"}"#;
    assert_eq!(of(400, unread), some(unread));
    let v3 = r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,"error_message":"why"}]}"#;
    assert_eq!(of(400, v3), each(&[Fate::Delivered, refused("why"), Fate::Delivered]));
    let outside = v3.replace("\"line_number\":2", "\"line_number\":4");
    assert_eq!(of(400, &outside), some(&outside));
    assert_eq!(of(204, ""), Verdict::ByStatus);
    assert_eq!(of(404, r#"{"error":"database not found"}"#), Verdict::ByStatus);
}

#[test]
fn honeycomb_and_kafka_have_a_verdict_for_each_position() {
    let honeycomb = |body: &str| Honeycomb::new().verdict(&reply(200, body), 3);
    let expected = each(&[
        Fate::Delivered,
        refused("400 Event has too many columns"),
        Fate::Unavailable("429".to_owned()),
    ]);
    assert_eq!(
        honeycomb(r#"[{"status":202},{"status":400,"error":"Event has too many columns"},{"status":429}]"#),
        expected
    );
    assert_eq!(honeycomb(r#"[{"status":202}]"#), Verdict::Unknown);
    let kafka = |body: &str| KafkaRest::new().verdict(&reply(200, body), 3);
    let body = r#"{"key_schema_id":null,"offsets":[{"partition":2,"offset":100,"error_code":null,"error":null},{"partition":null,"offset":null,"error_code":1,"error":"too large"},{"error_code":2,"error":"leader"}]}"#;
    assert_eq!(
        kafka(body),
        each(&[
            Fate::Delivered,
            refused("error code 1: too large"),
            Fate::Unavailable("error code 2: leader".to_owned())
        ])
    );
    assert_eq!(kafka(r#"{"offsets":[]}"#), Verdict::Unknown);
}

/// Every format, with a complete success answer for two events.
fn all() -> Vec<(&'static str, Box<dyn Format>, &'static str)> {
    vec![
        (
            "bulk",
            Box::new(Bulk::new()),
            r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#,
        ),
        ("loki", Box::new(Loki::new()), ""),
        ("splunk", Box::new(SplunkHec::new()), r#"{"text":"Success","code":0}"#),
        ("clickhouse", Box::new(ClickHouse::new()), ""),
        ("otlp", Box::new(Otlp::new()), ""),
        ("otlp json", Box::new(OtlpJson::new()), r#"{"partialSuccess":{}}"#),
        ("honeycomb", Box::new(Honeycomb::new()), r#"[{"status":202},{"status":202}]"#),
        ("kafka", Box::new(KafkaRest::new()), r#"{"offsets":[{"offset":1},{"offset":2}]}"#),
        ("influx", Box::new(Influx::new()), ""),
        ("new relic", Box::new(NewRelic::new()), r#"{"requestId":"x"}"#),
        ("datadog", Box::new(Datadog::new()), "{}"),
        ("vector", Box::new(Vector::new()), ""),
        ("fluent bit", Box::new(FluentBit::new()), ""),
        ("victoria logs", Box::new(VictoriaLogs::new()), ""),
        ("json array", Box::new(JsonArray), ""),
    ]
}

/// How many of the events a verdict on a 2xx delivers.
fn delivered(verdict: &Verdict, events: usize) -> usize {
    match verdict {
        Verdict::ByStatus => events,
        Verdict::Each(fates) => fates.iter().take(events).filter(|fate| **fate == Fate::Delivered).count(),
        Verdict::SomeRefused { refused, .. } => events.saturating_sub(refused.unwrap_or(1)),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn an_answer_that_broke_off_delivers_no_more_than_it_has_said(at in any::<proptest::sample::Index>()) {
        for (name, format, good) in all().into_iter().filter(|(.., good)| !good.is_empty()) {
            prop_assert_eq!(delivered(&format.verdict(&reply(200, good), 2), 2), 2, "{}", name);
            if format.settled_by() == SettledBy::Status || name == "new relic" {
                continue;
            }
            let part = &good[..at.index(good.len())];
            for end in [BodyEnd::Cut, BodyEnd::Whole] {
                let verdict = format.verdict(&Reply { body_end: end, ..reply(200, part) }, 2);
                let said = part.matches("201}").count() + part.matches("202}").count();
                let empty = part.is_empty() && end == BodyEnd::Whole && name == "otlp json";
                prop_assert!(empty || delivered(&verdict, 2) <= said, "{}: {} {:?}", name, part, verdict);
            }
        }
    }

    #[test]
    fn no_answer_makes_a_format_panic_and_noise_delivers_nothing(
        status in 100..=999_u16,
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        json in "[{}\\[\\]\",:0-9a-z ]{0,60}",
        code in proptest::option::of("[0-9]{0,12}|x"),
        events in 1..20_usize,
    ) {
        for (name, format, good) in all() {
            for body in [bytes.clone(), json.clone().into_bytes()] {
                let mut reply = Reply::of_status(status).with_body(body);
                if let Some(code) = &code {
                    reply = reply.with_header("x-clickhouse-exception-code", code.clone());
                }
                let verdict = format.verdict(&reply, events);
                if let Verdict::Each(fates) = &verdict {
                    prop_assert!(fates.len() <= events, "{}", name);
                }
                let says = !good.is_empty() && !matches!(name, "new relic" | "datadog" | "otlp json");
                if (200..=299).contains(&status) && says {
                    prop_assert_eq!(delivered(&verdict, events), 0, "{}: {:?}", name, reply);
                }
            }
        }
    }
}
