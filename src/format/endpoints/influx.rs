//! InfluxDB's line protocol, which VictoriaMetrics accepts too.

use crate::format::members::{self, JsonText, JsonValue};
use crate::format::{Body, Demands, Events, Fate, Format, Overhead, Placement, Repeats, Verdict, moment};
use crate::limits::EVENT_NAME_BYTES_MAX;
use crate::transport::Reply;

/// Line protocol, for events that are numbers. InfluxDB: `/write?db=…&precision=ns` of version 1 or `/api/v2/write?…&precision=ns` of
/// version 2, with [`token`](crate::Builder::token) (`Authorization: Token`). VictoriaMetrics: `/write`.
///
/// The measurement is the event's name, or `events`. The tags are the [common fields](crate::Builder::common_field) and the members that
/// [`tags`](Influx::tags) names. Every other member is a field: texts, numbers, booleans; nested values become their JSON text. An event
/// without a field gets `event=true`; one that is not an object has `value`.
///
/// Outside of texts, a backslash becomes a slash and a line end an underscore, because the protocol cannot represent them.
///
/// The time is exact to the millisecond. The digits below it keep events from the same moment apart, because InfluxDB stores one point per
/// series and time. So it stores a repeated event once. VictoriaMetrics only knows milliseconds and stores it twice, unless you configure
/// it to deduplicate.
///
/// InfluxDB stores the good lines of a request and refuses the others, which are found by halving. **VictoriaMetrics silently drops** what
/// it cannot read, and **stores a text as 0**.
#[derive(Debug, Clone, Copy, Default)]
pub struct Influx {
    tags: &'static [&'static str],
}

impl Influx {
    /// Sends only the common fields as tags.
    pub const fn new() -> Influx {
        Influx { tags: &[] }
    }

    /// Makes these members of an event tags, if they are texts, numbers or booleans: what you search and group by. Each combination is a
    /// series.
    pub const fn tags(self, names: &'static [&'static str]) -> Influx {
        Influx { tags: names }
    }

    fn is_tag(&self, key: JsonText<'_>, value: &JsonValue<'_>) -> bool {
        let is_flat = !matches!(value, JsonValue::Array(_) | JsonValue::Object(_) | JsonValue::Null);
        is_flat && self.tags.iter().any(|tag| tag.as_bytes() == key.inner())
    }
}

impl Format for Influx {
    fn content_type(&self) -> &'static str {
        "text/plain; charset=utf-8"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let common = events.common_fields();
        let (mut tags, mut line, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in members::members(common.json().as_bytes()).into_iter().flatten() {
            tag(name, value, &mut tags);
        }
        for event in events {
            line.clear();
            fields.clear();
            escaped(event.name().unwrap_or("events").as_bytes(), b", ", &mut line);
            line.extend_from_slice(&tags);
            match members::members(event.json()) {
                Some(members) => {
                    for (name, value) in members {
                        if self.is_tag(name, &value) {
                            tag(name, value, &mut line);
                        } else {
                            field(name, value, &mut fields);
                        }
                    }
                }
                None => field_of(b"value", members::value(event.json()), &mut fields),
            }
            if fields.is_empty() {
                fields.extend_from_slice(b" event=true");
            }
            line.extend_from_slice(&fields);
            line.push(b' ');
            line.extend_from_slice(moment::Digits::of(moment::distinct_nanos(&event)).as_ref());
            line.push(b'\n');
            body.push(&line);
        }
    }

    /// The name is counted next to each event already; each of its bytes may need a backslash as well.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 48 + EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        Placement::BesideEachEvent
    }

    /// A backslash before each character, or `1i` for `1`.
    fn growth_max(&self) -> usize {
        3
    }

    fn length(&self, json: &[u8]) -> usize {
        // A backslash is doubled; a quote or a blank gets one; a nested value gets quotes,
        // and an integer gets its suffix.
        let special = |byte| matches!(byte, b'"' | b'\\' | b' ' | b',' | b'=' | b':' | b'[');
        json.len() + members::count(json, special) + members::count(json, |byte| byte == b'\\')
    }

    fn repeats(&self) -> Repeats {
        Repeats::Harmless
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        let words = || String::from_utf8_lossy(&reply.body).trim().to_owned();
        match reply.status {
            // The valid lines are stored. Version 3 names the invalid ones.
            400 | 422 => named(&reply.body, events)
                .map_or_else(|| Verdict::SomeRefused { refused: None, words: words() }, Verdict::Each),
            _ => Verdict::ByStatus,
        }
    }

    fn demands(&self) -> Demands {
        Demands::NONE.encodings(&["gzip"]).token("authorization", "Token ")
    }
}

/// `{"error":"partial write of line protocol occurred","data":[{"line_number":2,"error_message":"why"}]}`:
/// at most a hundred lines, numbered from 1.
fn named(body: &[u8], events: usize) -> Option<Vec<Fate>> {
    const NAMED_MAX: usize = 100;
    let answer = serde_json::from_slice::<serde_json::Value>(body).ok()?;
    let lines =
        answer.get("data")?.as_array().filter(|lines| !lines.is_empty() && lines.len() < NAMED_MAX)?;
    answer.get("error")?.as_str().filter(|error| error.contains("partial write"))?;
    let mut fates = vec![Fate::Delivered; events];
    for line in lines {
        let nth = usize::try_from(line.get("line_number")?.as_u64()?).ok()?.checked_sub(1)?;
        let words = line.get("error_message").and_then(|words| words.as_str()).unwrap_or_default();
        *fates.get_mut(nth)? = Fate::Refused(words.to_owned());
    }
    Some(fates)
}

/// `,name=value`
fn tag(key: JsonText<'_>, value: JsonValue<'_>, line: &mut Vec<u8>) {
    let text = match value {
        JsonValue::Null => return,
        JsonValue::Text(text) => text.decoded(),
        JsonValue::Bool(bool) => bool.to_string().into_bytes().into(),
        JsonValue::Int(int) => int.to_string().into_bytes().into(),
        JsonValue::Double(_, text) | JsonValue::Array(text) | JsonValue::Object(text) => text.into(),
    };
    // A tag cannot be empty.
    if text.is_empty() {
        return;
    }
    line.push(b',');
    escaped(name(&key.decoded()), b",= ", line);
    line.push(b'=');
    escaped(&text, b",= ", line);
}

fn field(key: JsonText<'_>, value: JsonValue<'_>, fields: &mut Vec<u8>) {
    field_of(&key.decoded(), value, fields);
}

/// ` name=value`, or `,name=value` after another field.
fn field_of(key: &[u8], value: JsonValue<'_>, fields: &mut Vec<u8>) {
    if value == JsonValue::Null {
        return;
    }
    fields.push(if fields.is_empty() { b' ' } else { b',' });
    escaped(name(key), b",= ", fields);
    fields.push(b'=');
    match value {
        JsonValue::Null => {}
        JsonValue::Bool(bool) => fields.extend_from_slice(if bool { b"true" } else { b"false" }),
        JsonValue::Int(int) => {
            if int < 0 {
                fields.push(b'-');
            }
            fields.extend_from_slice(moment::Digits::of(int.unsigned_abs()).as_ref());
            fields.push(b'i');
        }
        JsonValue::Double(double, text) if double.is_finite() => fields.extend_from_slice(text),
        JsonValue::Double(_, text) | JsonValue::Array(text) | JsonValue::Object(text) => string(text, fields),
        JsonValue::Text(text) => string(&text.decoded(), fields),
    }
}

/// A name cannot be empty, and `time` would collide with the timestamp at the end of a line.
fn name(key: &[u8]) -> &[u8] {
    match key {
        b"" => b"_",
        b"time" => b"time_",
        name => name,
    }
}

/// Escapes text outside quotes. Replaces a line break, and turns a backslash, which
/// would escape the next character, into a slash.
fn escaped(text: &[u8], special: &[u8], line: &mut Vec<u8>) {
    let stands_out = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'\\') || special.contains(byte);
    in_runs(text, stands_out, line, |byte, line| match byte {
        b'\n' | b'\r' => line.push(b'_'),
        b'\\' => line.push(b'/'),
        byte => line.extend([b'\\', byte]),
    });
}

/// Writes a string in quotes, with a line break as `\n`, which every version reads as two characters.
fn string(text: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    in_runs(
        text,
        |byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r'),
        line,
        |byte, line| match byte {
            b'\n' => line.extend_from_slice(b"\\\\n"),
            b'\r' => line.extend_from_slice(b"\\\\r"),
            byte => line.extend([b'\\', byte]),
        },
    );
    line.push(b'"');
}

/// Copies runs of ordinary bytes unchanged.
fn in_runs(
    mut text: &[u8],
    stands_out: impl Fn(&u8) -> bool,
    line: &mut Vec<u8>,
    write: impl Fn(u8, &mut Vec<u8>),
) {
    while let Some(at) = text.iter().position(&stands_out) {
        line.extend_from_slice(&text[..at]);
        write(text[at], line);
        text = &text[at + 1..];
    }
    line.extend_from_slice(text);
}
