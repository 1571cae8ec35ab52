//! A line that is JSON: the record in it, or the line that it wraps.
//!
//! In: JSON text. Out: the parts that may matter, borrowed where possible; the rest is only checked
//! to be JSON. OB1: a text that is not valid JSON to its end yields nothing.

use super::line::is_version;
use super::scalar::Scalar;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A field's name and its value.
pub(super) type ObjectField<'a> = (Cow<'a, str>, Scalar<'a>);

/// The parts of an object that may matter.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    /// Our fields: their names contain `spill_`.
    pub(super) fields: Vec<ObjectField<'a>>,
    /// Our fields, one level down.
    pub(super) in_folder: Vec<ObjectField<'a>>,
    /// The line that the object wraps, if it has one.
    line: Option<(Wraps, Cow<'a, str>)>,
    /// What a logger calls its message, here or one level down; then its target and its time.
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) target: Option<Cow<'a, str>>,
    pub(super) time: Option<Cow<'a, str>>,
    stream: Option<Cow<'a, str>>,
    /// Whether it is a journal entry, a logger's own event, a line with a syslog header, or a container's line.
    is_entry: Is,
    is_event: Is,
    is_syslog: Is,
    is_container: Is,
    /// Objects that may be lines themselves.
    pub(super) inner: Vec<Object<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Is {
    #[default]
    No,
    Yes,
}

/// The kinds of wrappings around a line, most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wraps {
    /// `log`: the container runtimes, and programs that read their files.
    Container,
    /// `MESSAGE`, next to a cursor.
    Journal,
    /// `message` and others, which loggers use too.
    Shipper,
}

/// Where formatters put the fields of an event.
const FOLDERS: [&str; 3] = ["fields", "labels", "attributes"];
/// The members in which exports nest lines.
const NESTS: [&str; 5] = ["resourceLogs", "scopeLogs", "logRecords", "_source", "result"];
/// What shippers call the line that they read.
const LINES: [&str; 7] = ["message", "msg", "line", "text", "body", "_raw", "raw"];
/// What an application's logger writes about its own event; a shipper's line has none of these.
const EVENTS: [&str; 14] = [
    "level",
    "severity",
    "lvl",
    "levelname",
    "log.level",
    "log_level",
    "loglevel",
    "log.logger",
    "severityText",
    "severityNumber",
    "severity_text",
    "logger",
    "target",
    "logger_name",
];
/// What a syslog reader adds about the header; a severity next to it belongs to the header.
const SYSLOG: [&str; 5] = ["facility", "syslogtag", "programname", "syslogfacility-text", "facility_label"];
/// Marks `log` as a container's line, even if the fields of that line were merged in.
const CONTAINER: [&str; 4] = ["stream", "kubernetes", "container_id", "container_name"];
const TIMES: [&str; 4] = ["timestamp", "@timestamp", "time", "__REALTIME_TIMESTAMP"];

/// More of our fields than any record has.
const FIELDS_MAX: usize = 32;
/// A record's usual number of fields.
const FIELDS_USUAL: usize = 16;

/// The object in `text`, or the objects of the array in it; `None` if it is not valid JSON to its end.
pub(super) fn parse(text: &str) -> Option<Object<'_>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let object = NestVisitor.deserialize(&mut json).ok()?;
    json.end().ok()?;
    object
}

/// Whether the text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

impl<'a> Object<'a> {
    /// The fields of a record, if there is one.
    pub(super) fn record(&self) -> Option<(&str, &[ObjectField<'a>])> {
        [&self.fields, &self.in_folder].into_iter().find_map(|fields| {
            let (version, _) = fields.iter().find(|(name, _)| is_version(name))?;
            Some((version.as_ref(), fields.as_slice()))
        })
    }

    /// The line that this object wraps. A logger's own event wraps none: its message is text, not a line.
    pub(super) fn line(&self) -> Option<&str> {
        let (wraps, line) = self.line.as_ref()?;
        let is_event = self.is_event == Is::Yes;
        let is_line = match wraps {
            Wraps::Container => !is_event || self.is_container == Is::Yes,
            Wraps::Journal => self.is_entry == Is::Yes,
            Wraps::Shipper => !is_event || self.is_syslog == Is::Yes,
        };
        is_line.then_some(line)
    }

    /// The stream, if this is a line of Docker's files. Its text ends with a line break unless it was cut.
    pub(super) fn docker_stream(&self) -> Option<&str> {
        let (Wraps::Container, _) = self.line.as_ref()? else { return None };
        self.time.as_ref()?;
        self.stream.as_deref()
    }

    fn put_line(&mut self, wraps: Wraps, text: MemberValue<'a>) {
        if let MemberValue::Scalar(Scalar::Text(text)) = text {
            if self.line.as_ref().is_none_or(|(known, _)| wraps < *known) {
                self.line = Some((wraps, text));
            }
        }
    }

    fn take_in<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let known = |names: &[&str]| names.contains(&key);
        if known(&CONTAINER) {
            self.is_container = Is::Yes;
        }
        if known(&SYSLOG) {
            self.is_syslog = Is::Yes;
        }
        if known(&FOLDERS) {
            return map.next_value_seed(FieldsVisitor(self));
        }
        if known(&NESTS) {
            self.inner.extend(map.next_value_seed(NestVisitor)?);
            return Ok(());
        }
        let is_event = known(&EVENTS);
        let wanted = is_event
            || known(&LINES)
            || known(&TIMES)
            || matches!(key, "log" | "MESSAGE" | "__CURSOR" | "stream");
        if !wanted {
            return map.next_value::<IgnoredAny>().map(drop);
        }
        let value = map.next_value_seed(TextVisitor)?;
        match (key, value) {
            ("log", MemberValue::OfAnEvent) => self.is_event = Is::Yes,
            ("log", value) => self.put_line(Wraps::Container, value),
            ("MESSAGE", value) => self.put_line(Wraps::Journal, value),
            ("__CURSOR", _) => self.is_entry = Is::Yes,
            ("stream", value) => self.stream = value.text(),
            ("target", value) => (self.is_event, self.target) = (Is::Yes, value.text()),
            // OpenTelemetry writes 0 or an empty string for a missing value.
            (_, MemberValue::Scalar(said)) if is_event && !matches!(said.text().as_ref(), "" | "0") => {
                self.is_event = Is::Yes;
            }
            (_, value) if known(&TIMES) => self.time = self.time.take().or(value.text()),
            (_, MemberValue::Scalar(Scalar::Text(text))) if known(&LINES) => {
                self.message.get_or_insert_with(|| text.clone());
                self.put_line(Wraps::Shipper, MemberValue::Scalar(Scalar::Text(text)));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A value, as far as it matters.
#[derive(Debug)]
enum MemberValue<'a> {
    Scalar(Scalar<'a>),
    /// An object with a level in it.
    OfAnEvent,
    Other,
}

impl<'a> MemberValue<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            MemberValue::Scalar(Scalar::Text(text)) => Some(text),
            MemberValue::Scalar(other) => Some(Cow::Owned(other.text().into_owned())),
            MemberValue::OfAnEvent | MemberValue::Other => None,
        }
    }
}

fn is_ours(name: &str) -> bool {
    // Our names have at most a short prefix before `spill_`.
    name.starts_with("spill_") || name.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"spill_"))
}

/// Reads an object, or an array with objects in it; skips anything else.
#[derive(Clone, Copy)]
struct NestVisitor;

impl<'de> DeserializeSeed<'de> for NestVisitor {
    type Value = Option<Object<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

/// Skips all other types.
macro_rules! pass_over {
    ($nothing:expr) => {
        fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }
    };
}

impl<'de> Visitor<'de> for NestVisitor {
    type Value = Option<Object<'de>>;

    pass_over!(None);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some(key) = map.next_key_seed(StringVisitor)? {
            if is_ours(&key) {
                let value = map.next_value_seed(TextVisitor)?;
                put(&mut object.fields, key, value);
            } else {
                object.take_in(&key, &mut map)?;
            }
        }
        Ok(Some(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some(element) = seq.next_element_seed(NestVisitor)? {
            object.inner.extend(element);
        }
        Ok(Some(object))
    }
}

fn put<'a>(fields: &mut Vec<ObjectField<'a>>, key: Cow<'a, str>, value: MemberValue<'a>) {
    if let MemberValue::Scalar(value) = value {
        if fields.is_empty() {
            fields.reserve_exact(FIELDS_USUAL);
        }
        if fields.len() < FIELDS_MAX {
            fields.push((key, value));
        }
    }
}

/// The fields of an event, as an object or as OpenTelemetry's list of keys and values.
struct FieldsVisitor<'o, 'a>(&'o mut Object<'a>);

impl<'de> DeserializeSeed<'de> for FieldsVisitor<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsVisitor<'_, 'de> {
    type Value = ();

    pass_over!(());

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(StringVisitor)? {
            if is_ours(&key) {
                let value = map.next_value_seed(TextVisitor)?;
                put(&mut self.0.in_folder, key, value);
            } else if key == "message" {
                self.0.message = map.next_value_seed(TextVisitor)?.text();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(pair) = seq.next_element_seed(PairVisitor)? {
            if let Some((key, value)) = pair.filter(|(key, _)| is_ours(key)) {
                put(&mut self.0.in_folder, key, value);
            }
        }
        Ok(())
    }
}

/// `{"key":"spill_v","value":{"intValue":"3"}}`
#[derive(Clone, Copy)]
struct PairVisitor;

impl<'de> DeserializeSeed<'de> for PairVisitor {
    type Value = Option<(Cow<'de, str>, MemberValue<'de>)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PairVisitor {
    type Value = Option<(Cow<'de, str>, MemberValue<'de>)>;

    pass_over!(None);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut name, mut value) = (None, MemberValue::Other);
        while let Some(key) = map.next_key_seed(StringVisitor)? {
            match key.as_ref() {
                "key" => name = map.next_value_seed(TextVisitor)?.text(),
                "value" => value = map.next_value_seed(TextVisitor)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(name.map(|name| (name, value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Reads a member's name, or any string.
#[derive(Clone, Copy)]
struct StringVisitor;

impl<'de> DeserializeSeed<'de> for StringVisitor {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for StringVisitor {
    type Value = Cow<'de, str>;

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
}

/// Reads a value as text. Aggregators turn numbers into strings; the journal turns strings it finds
/// unprintable into arrays of numbers, and OpenTelemetry turns everything into objects.
#[derive(Clone, Copy)]
struct TextVisitor;

impl<'de> DeserializeSeed<'de> for TextVisitor {
    type Value = MemberValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

fn shown<'a>(value: impl fmt::Display) -> MemberValue<'a> {
    MemberValue::Scalar(Scalar::Text(Cow::Owned(value.to_string())))
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = MemberValue<'de>;

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(MemberValue::Scalar(Scalar::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(MemberValue::Scalar(Scalar::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(MemberValue::Scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(shown(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(MemberValue::Scalar(Scalar::Number(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(shown(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(MemberValue::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = MemberValue::Other;
        while let Some(key) = map.next_key_seed(StringVisitor)? {
            match key.as_ref() {
                // serde_json itself uses the last one for a number if some crate has enabled `arbitrary_precision`.
                "stringValue" | "intValue" | "boolValue" | "$serde_json::private::Number" => {
                    found = map.next_value_seed(TextVisitor)?;
                }
                "level" => {
                    map.next_value::<IgnoredAny>()?;
                    found = MemberValue::OfAnEvent;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Some(Vec::new());
        while let Some(element) = seq.next_element_seed(TextVisitor)? {
            let byte = element.text().and_then(|text| text.parse::<u8>().ok());
            bytes = bytes.zip(byte).map(|(mut bytes, byte)| {
                bytes.push(byte);
                bytes
            });
        }
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.map_or(MemberValue::Other, |text| MemberValue::Scalar(Scalar::Text(Cow::Owned(text)))))
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
}
