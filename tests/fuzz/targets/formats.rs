//! Every format with any events and any answer: its parser accepts the body, the body is never longer than the format says, and nothing
//! counts as delivered unless the answer says so.
//!
//! Those lines of the input that are JSON are events, and the whole input is an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overspill::format::*;
use overspill::transport::{BodyEnd, Reply};
use serde_json::Value;

/// How an endpoint reads a body.
enum Parsed {
    Json,
    Lines,
    Text,
    Protobuf,
}

fn formats() -> [(Box<dyn Format>, Parsed); 17] {
    [
        (Box::new(Bulk::new()), Parsed::Lines),
        (Box::new(ClickHouse::new()), Parsed::Lines),
        (Box::new(Datadog::new()), Parsed::Json),
        (Box::new(Envelope::new("{\"events\":[", "]}")), Parsed::Json),
        (Box::new(FluentBit::new()), Parsed::Json),
        (Box::new(Honeycomb::new()), Parsed::Json),
        (Box::new(Influx::new().tags(&["a"])), Parsed::Text),
        (Box::new(JsonArray), Parsed::Json),
        (Box::new(KafkaRest::new()), Parsed::Json),
        (Box::new(Loki::new().labels(&[])), Parsed::Json),
        (Box::new(Ndjson), Parsed::Lines),
        (Box::new(NewRelic::new()), Parsed::Json),
        (Box::new(Otlp::new()), Parsed::Protobuf),
        (Box::new(OtlpJson::new()), Parsed::Json),
        (Box::new(SplunkHec::new()), Parsed::Lines),
        (Box::new(Vector::new()), Parsed::Lines),
        (Box::new(VictoriaLogs::new()), Parsed::Lines),
    ]
}

fuzz_target!(|input: (u16, bool, Vec<u8>)| {
    let (status, cut, bytes) = input;
    // Printable and on one line, as the encoder writes them.
    let texts: Vec<String> = String::from_utf8_lossy(&bytes)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|event| event.to_string())
        .filter(|text| text.is_ascii() && !text.contains('\x7f'))
        // The parser below has its own limit, and some formats put a few brackets around an event.
        .filter(|text| text.matches(['[', '{']).count() < 64)
        .collect();
    let events: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (format, kind) in formats() {
        no_verdict_claims_more_than_the_answer_says(
            &format,
            status,
            if cut { BodyEnd::Cut } else { BodyEnd::Whole },
            &bytes,
        );
        // A request always has events.
        if events.is_empty() {
            continue;
        }
        let body = Body::of_texts(&format, &events).expect("no longer than it says");
        match kind {
            Parsed::Json => drop(serde_json::from_slice::<Value>(&body).expect("JSON")),
            Parsed::Lines => {
                let values = serde_json::Deserializer::from_slice(&body).into_iter::<Value>();
                let values = values.collect::<Result<Vec<_>, _>>().expect("JSON");
                assert!(values.len() == events.len() || values.len() == 2 * events.len());
            }
            Parsed::Text => {
                let text = std::str::from_utf8(&body).expect("text");
                assert_eq!(text.matches('\n').count(), events.len());
            }
            Parsed::Protobuf => assert!(well_formed(&body), "{body:?}"),
        }
    }
});

fn no_verdict_claims_more_than_the_answer_says(
    format: &dyn Format,
    status: u16,
    body_end: BodyEnd,
    bytes: &[u8],
) {
    let reply = Reply { body_end, ..Reply::of_status(status).with_body(bytes) };
    if let Verdict::Each(fates) = format.verdict(&reply, 7) {
        let delivered = fates.iter().filter(|fate| **fate == Fate::Delivered).count();
        assert!(fates.len() <= 7 && delivered <= 7);
        // An item that reports a delivery takes some bytes of the answer.
        assert!(delivered == 0 || !bytes.is_empty());
    }
}

/// Whether it consists of fields with their lengths, to the end.
fn well_formed(mut message: &[u8]) -> bool {
    while let Some((&tag, rest)) = message.split_first() {
        message = rest;
        let len = match tag & 7 {
            1 => 8,
            2 => {
                let (mut len, mut shift) = (0_usize, 0);
                loop {
                    let Some((&byte, rest)) = message.split_first() else { return false };
                    message = rest;
                    len |= usize::from(byte & 0x7f) << shift;
                    shift += 7;
                    if byte < 0x80 {
                        break len;
                    }
                }
            }
            _ => return false,
        };
        let Some(rest) = message.get(len..) else { return false };
        message = rest;
    }
    true
}
