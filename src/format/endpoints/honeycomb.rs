//! Honeycomb's batches: a verdict for each event, by position.

use crate::format::{Body, Demands, Events, Fate, Format, Overhead, Verdict};
use crate::time::Rfc3339;
use crate::transport::Reply;
use serde_json::Value;

/// Honeycomb, `https://api.honeycomb.io/1/batch/DATASET`, with [`token`](crate::Builder::token) (`X-Honeycomb-Team`). Tested by script,
/// because it cannot be installed.
///
/// `data` is the event, including the [common fields](crate::Builder::common_field); its time is that of the `emit`. Honeycomb cannot
/// detect a repeated event.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Honeycomb {}

impl Honeycomb {
    /// As documented above.
    pub const fn new() -> Honeycomb {
        Honeycomb {}
    }
}

const BEFORE: &[u8] = b"{\"time\":\"";
const BETWEEN: &[u8] = b"\",\"data\":";
const WRAPPED: (&[u8], &[u8]) = (br#"{"value":"#, b"}");

impl Format for Honeycomb {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        body.push("[");
        for (nth, event) in events.enumerate() {
            body.push(if nth == 0 { "" } else { "," });
            body.push(BEFORE);
            body.push(Rfc3339(event.time()).text());
            body.push(BETWEEN);
            if event.json().starts_with(b"{") {
                body.push(event.json());
            } else {
                [WRAPPED.0, event.json(), WRAPPED.1].iter().for_each(|piece| body.push(piece));
            }
            body.push("}");
        }
        body.push("]");
    }

    fn overhead(&self) -> Overhead {
        let wrapped = WRAPPED.0.len() + WRAPPED.1.len();
        let per_event = BEFORE.len() + Rfc3339::BYTES + BETWEEN.len() + wrapped + 2;
        Overhead { per_batch: 2, per_event }
    }

    /// `[{"status":202},{"status":400,"error":"why"}]`
    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        if !(200..=299).contains(&reply.status) {
            return Verdict::ByStatus;
        }
        let answer = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
        match answer.as_array() {
            Some(items) if items.len() == events => Verdict::Each(items.iter().map(fate).collect()),
            _ => Verdict::Unknown,
        }
    }

    fn reply_bytes_max(&self, events_max: usize) -> usize {
        (64 << 10) + events_max * 256
    }

    fn demands(&self) -> Demands {
        const BODY_BYTES_MAX: usize = 5_000_000;
        const EVENT_BYTES_MAX: usize = 1_000_000;
        let demands = Demands::NONE.body_bytes_max(BODY_BYTES_MAX).event_bytes_max(EVENT_BYTES_MAX);
        demands.encodings(&["gzip", "zstd"]).token("x-honeycomb-team", "")
    }
}

fn fate(item: &Value) -> Fate {
    let error = item.get("error").and_then(Value::as_str).unwrap_or_default();
    let words = |status: u64| format!("{status} {error}").trim_end().to_owned();
    match item.get("status").and_then(Value::as_u64) {
        Some(200..=299) => Fate::Delivered,
        Some(status @ (429 | 500..=599)) => Fate::Unavailable(words(status)),
        Some(status @ 300..=499) => Fate::Refused(words(status)),
        _ => Fate::Unknown("an item without a status".to_owned()),
    }
}
