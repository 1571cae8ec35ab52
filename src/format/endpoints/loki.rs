//! Loki: streams with labels, one event per line.

use crate::format::{Body, Demands, Events, Format, Overhead, Placement, Repeats, Verdict, members, moment};
use crate::limits::EVENT_NAME_BYTES_MAX;
use crate::outcome::MaybeDelivered;
use crate::transport::Reply;

/// Loki, `/loki/api/v1/push`: the [common fields](crate::Builder::common_field) are the labels, the event's JSON is the line (`| json`
/// parses it).
///
/// A label's name has underscores where the field's has other characters (`service.name` is `service_name`). All fields of all clients
/// together should make only a few streams, and Loki takes 15 labels unless its settings say otherwise. Choose them with
/// [`labels`](Loki::labels); the others become structured metadata of each line, like the event's name (`event_name`). If there is no label
/// at all, `source="overspill"` is added.
///
/// The time of a line is exact to the millisecond. The digits below it keep events from the same moment apart, because Loki keeps only one
/// of two lines with the same time and text. For the same reason an event that was taken may be posted again: if Loki refuses some of a
/// request, it stores the others, and the refused ones are found by halving.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loki {
    labels: Option<&'static [&'static str]>,
}

impl Loki {
    /// All common fields are labels.
    pub const fn new() -> Loki {
        Loki { labels: None }
    }

    /// Makes common fields with these names labels, and the others structured metadata.
    pub const fn labels(self, names: &'static [&'static str]) -> Loki {
        Loki { labels: Some(names) }
    }

    fn is_label(&self, name: &str) -> bool {
        self.labels.is_none_or(|names| names.contains(&name))
    }
}

impl Format for Loki {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let common = events.common_fields();
        body.push(r#"{"streams":[{"stream":{"#);
        let labels = common.iter().filter(|(name, _)| self.is_label(name));
        let mut count = 0;
        for (name, json) in labels {
            body.push(if count == 0 { "\"" } else { ",\"" });
            count += 1;
            body.push(label_name(name));
            body.push("\":");
            text_of(json, body);
        }
        if count == 0 {
            body.push(r#""source":"overspill""#);
        }
        body.push(r#"},"values":["#);
        for (nth, event) in events.enumerate() {
            body.push(if nth == 0 { "[\"" } else { ",[\"" });
            body.push(moment::Digits::of(moment::distinct_nanos(&event)));
            body.push("\",\"");
            members::escape(event.json(), body);
            body.push("\"");
            let mut between = ",{\"";
            if let Some(name) = event.name() {
                [between, "event_name\":\"", name, "\""].iter().for_each(|piece| body.push(piece));
                between = ",\"";
            }
            for (name, json) in common.iter().filter(|(name, _)| !self.is_label(name)) {
                [between, &label_name(name), "\":"].iter().for_each(|piece| body.push(piece));
                text_of(json, body);
                between = ",\"";
            }
            body.push(if between == ",\"" { "}]" } else { "]" });
        }
        body.push("]}]}");
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 96, per_event: 64 + EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        match self.labels {
            None => Placement::OncePerRequest,
            Some(_) => Placement::BesideEachEvent,
        }
    }

    fn growth_max(&self) -> usize {
        2
    }

    fn length(&self, json: &[u8]) -> usize {
        json.len() + members::count(json, |byte| matches!(byte, b'"' | b'\\'))
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        let words = || String::from_utf8_lossy(&reply.body).trim().to_owned();
        match reply.status {
            // Blocked by the server's own settings: nothing is stored, although the status is a 2xx.
            260 => Verdict::Denied { words: words() },
            // The valid lines are stored. "…, total ignored: 2 out of 500"
            400 if events > 1 => Verdict::SomeRefused { refused: None, words: words() },
            // This refuses the streams that exceed their rate limit; the others are stored.
            429 if contains(&reply.body, b"er stream rate limit") => {
                Verdict::Unavailable { maybe_delivered: MaybeDelivered::Yes, words: words() }
            }
            _ => Verdict::ByStatus,
        }
    }

    fn repeats(&self) -> Repeats {
        Repeats::Harmless
    }

    fn demands(&self) -> Demands {
        Demands::NONE.encodings(&["gzip"])
    }
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
fn label_name(name: &str) -> String {
    let mut label: String =
        name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
    if !label.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_') {
        label.insert(0, '_');
    }
    label
}

/// Writes the value as a JSON string; a string already is one.
fn text_of(json: &str, body: &mut Body) {
    if json.starts_with('"') {
        return body.push(json);
    }
    body.push("\"");
    members::escape(json.as_bytes(), body);
    body.push("\"");
}
