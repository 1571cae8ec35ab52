//! Kafka's REST proxy, version 2 of its API.

use crate::format::{Demands, Fate, Format, Frame, Layout, Verdict};
use crate::transport::Reply;
use serde_json::Value;

/// Confluent's REST proxy in front of Kafka, `/topics/TOPIC`: one record per event. Tested by script, because it cannot be installed.
///
/// The reply names each record by position: one with an offset is in the topic. A repeated event is stored twice; detect it with
/// [`common fields`](crate::Builder::common_field) and ids of your own.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct KafkaRest {}

impl KafkaRest {
    /// As documented above.
    pub const fn new() -> KafkaRest {
        KafkaRest {}
    }
}

const FRAME: Frame =
    Frame { before: br#"{"records":[{"value":"#, between: br#"},{"value":"#, behind: b"}]}" };

impl Format for KafkaRest {
    fn content_type(&self) -> &'static str {
        "application/vnd.kafka.json.v2+json"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(FRAME)
    }

    /// `{"offsets":[{"partition":0,"offset":1,"error_code":null,"error":null}]}`
    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        if !(200..=299).contains(&reply.status) {
            return Verdict::ByStatus;
        }
        let answer = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
        match answer.get("offsets").and_then(Value::as_array) {
            Some(offsets) if offsets.len() == events => Verdict::Each(offsets.iter().map(fate).collect()),
            _ => Verdict::Unknown,
        }
    }

    fn reply_bytes_max(&self, events_max: usize) -> usize {
        (64 << 10) + events_max * 512
    }

    fn demands(&self) -> Demands {
        Demands::NONE.encodings(&[])
    }
}

/// Code 1 is a permanent error, code 2 a temporary one.
fn fate(offset: &Value) -> Fate {
    let error = offset.get("error").and_then(Value::as_str).unwrap_or_default();
    let words = |code: u64| format!("error code {code}: {error}");
    let code = match offset.get("error_code") {
        None | Some(Value::Null) => None,
        Some(code) => Some(code.as_u64().unwrap_or(0)),
    };
    match (code, offset.get("offset").and_then(Value::as_i64)) {
        (None, Some(0..)) => Fate::Delivered,
        (Some(1), _) => Fate::Refused(words(1)),
        (Some(code), _) => Fate::Unavailable(words(code)),
        (None, _) => Fate::Unknown("neither an offset nor an error".to_owned()),
    }
}
