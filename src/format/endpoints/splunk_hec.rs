//! Splunk's HTTP Event Collector: concatenated objects.

use crate::format::{Body, Demands, Events, Fate, Format, Overhead, Placement, Verdict, members, moment};
use crate::limits::EVENT_NAME_BYTES_MAX;
use crate::transport::Reply;
use serde_json::Value;

/// Splunk HEC, `/services/collector/event`, with [`token`](crate::Builder::token). Tested by script, because there is no Splunk to test
/// against.
///
/// The common fields `host.name` and `service.name` are the event's `host` and `source`. The others are its `fields`, along with the
/// event's name (`event_name`) and its id (`event_id`; Splunk stores a repeated event twice, and a search can detect it by this id). The
/// token determines index and source type unless [`index`](SplunkHec::index) and [`sourcetype`](SplunkHec::sourcetype) set them.
///
/// An answer that refuses an event names it by number: the events before it are stored, those after it are not. It is not documented
/// whether Splunk counts from 0 or from 1, so the two events it may mean are spilled, `maybe_delivered`, and those after them are posted
/// again.
#[derive(Debug, Clone, Copy, Default)]
pub struct SplunkHec {
    index: Option<&'static str>,
    sourcetype: Option<&'static str>,
}

impl SplunkHec {
    /// Sends to the token's own index.
    pub const fn new() -> SplunkHec {
        SplunkHec { index: None, sourcetype: None }
    }

    /// Sends to this index: letters, digits, hyphens and underscores.
    pub const fn index(self, index: &'static str) -> SplunkHec {
        SplunkHec { index: Some(index), ..self }
    }

    /// Sends with this source type.
    pub const fn sourcetype(self, sourcetype: &'static str) -> SplunkHec {
        SplunkHec { sourcetype: Some(sourcetype), ..self }
    }
}

impl Format for SplunkHec {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let common = events.common_fields();
        for event in events {
            let nanos = moment::nanos(&event);
            body.push(format!("{{\"time\":{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000));
            for (place, name) in [(",\"host\":", "host.name"), (",\"source\":", "service.name")] {
                if let Some(json) = common.get(name).filter(|json| json.starts_with('"')) {
                    body.push(place);
                    body.push(json);
                }
            }
            for (place, value) in [(",\"index\":\"", self.index), (",\"sourcetype\":\"", self.sourcetype)] {
                if let Some(value) = value {
                    body.push(place);
                    members::escape(value.as_bytes(), body);
                    body.push("\"");
                }
            }
            body.push(",\"event\":");
            body.push(event.json());
            body.push(",\"fields\":{\"event_id\":\"");
            moment::push_id(&event, |piece| body.push(piece));
            body.push("\"");
            if let Some(name) = event.name() {
                [",\"event_name\":\"", name, "\""].iter().for_each(|piece| body.push(piece));
            }
            for (name, json) in common.iter() {
                // Fields cannot be nested.
                let has_place = json.starts_with('"') && matches!(name, "host.name" | "service.name");
                if has_place || json == "null" {
                    continue;
                }
                body.push(",");
                body.push(serde_json::to_string(name).unwrap_or_default());
                body.push(":");
                if json.starts_with(['{', '[']) {
                    body.push("\"");
                    members::escape(json.as_bytes(), body);
                    body.push("\"");
                } else {
                    body.push(json);
                }
            }
            body.push("}}");
        }
    }

    fn overhead(&self) -> Overhead {
        let own = self.index.map_or(0, str::len) + self.sourcetype.map_or(0, str::len);
        Overhead { per_batch: 0, per_event: 192 + 2 * own + EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        Placement::BesideEachEvent
    }

    /// Nested common fields become strings; the event itself does not grow.
    fn growth_max(&self) -> usize {
        2
    }

    fn length(&self, json: &[u8]) -> usize {
        json.len()
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        let answer = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
        let (code, number) = (answer.get("code").and_then(Value::as_u64), answer.get("invalid-event-number"));
        let words = || match (code, answer.get("text").and_then(Value::as_str)) {
            (Some(code), Some(text)) => format!("code {code}: {text}"),
            _ => String::from_utf8_lossy(&reply.body).into_owned(),
        };
        match (reply.status, code, number.and_then(Value::as_u64)) {
            (200..=299, Some(0), _) => Verdict::ByStatus,
            (200..=299, ..) => Verdict::Unknown,
            (400, _, Some(number)) => stopped_at(number, events, &Fate::NotTaken, &words()),
            (503, _, Some(number)) => stopped_at(number, events, &Fate::Unavailable(words()), &words()),
            // These concern the whole request: it is empty, its channel is missing, or the
            // token may not write to the index.
            (400, Some(7 | 10 | 11 | 14 | 15), None) => Verdict::Denied { words: words() },
            // Part of it may be stored.
            (400, ..) if events > 1 => Verdict::SomeRefused { refused: None, words: words() },
            _ => Verdict::ByStatus,
        }
    }

    fn demands(&self) -> Demands {
        Demands::NONE.encodings(&["gzip"]).token("authorization", "Splunk ")
    }
}

/// Everything before `number` is stored. That event, or the one before it, is refused. Nothing after it was processed.
fn stopped_at(number: u64, events: usize, behind: &Fate, words: &str) -> Verdict {
    let Some(number) = usize::try_from(number).ok().filter(|&number| number <= events) else {
        return Verdict::Unknown;
    };
    let fates = (0..events).map(|nth| match nth {
        nth if nth + 1 < number => Fate::Delivered,
        // No event comes before it, so it must be this one.
        nth if nth == number && number == 0 => Fate::Refused(words.to_owned()),
        nth if nth + 1 == number || nth == number => Fate::MaybeRefused(words.to_owned()),
        _ => behind.clone(),
    });
    Verdict::Each(fates.collect())
}
