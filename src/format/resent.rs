//! Events from a log, in their endpoint's format: with their original id, time, name and common fields.
//!
//! In: events that carry another event, as [`Carried`] builds them. Out: the body that
//! the carried events would have had. RS1: a body is never longer than the carrying events
//! plus the inner format's overhead, because they already contain everything in it.
//!
//! Not here, on purpose: which events share a request. If the format writes common fields once per
//! request, a request has only one set of them.

use super::{
    Body, CommonFields, Demands, Events, Format, Layout, Overhead, Placement, Refused, Repeats, SettledBy,
    Verdict, members,
};
use crate::common::{CommonField, splice};
use crate::spill::Joined;
use crate::transport::Reply;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An event from a log, as an event of the client that resends it. The number comes first, because
/// only the number is read of an event that comes back.
pub(crate) struct Carried<'a>(pub(crate) u64, pub(crate) &'a Joined);

impl Serialize for Carried<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Carried(number, event) = self;
        let at = event.emitted_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut fields = serializer.serialize_struct("Carried", 7)?;
        fields.serialize_field("number", number)?;
        fields.serialize_field("client", &event.client)?;
        fields.serialize_field("seq", &event.seq)?;
        fields.serialize_field("at", &u64::try_from(at.as_millis()).unwrap_or(u64::MAX))?;
        fields.serialize_field("event.name", &event.name)?;
        fields.serialize_field("common", &event.common)?;
        fields.serialize_field("event", &event.event)?;
        fields.end()
    }
}

/// The number of a carried event, from the beginning of its JSON.
pub(crate) fn number_of(json: &str) -> Option<u64> {
    let digits = json.strip_prefix("{\"number\":")?;
    digits[..digits.find(',')?].parse().ok()
}

/// An event that was carried by another.
#[derive(Debug)]
pub(crate) struct ResentEvent {
    client: String,
    seq: u64,
    at: SystemTime,
    name: Option<String>,
    common: Option<String>,
    json: String,
}

impl ResentEvent {
    fn of(json: &[u8]) -> Option<ResentEvent> {
        let mut carried: Map<String, Value> = serde_json::from_slice(json).ok()?;
        let number = |value: Option<&Value>| value?.as_u64();
        let (seq, at) = (number(carried.get("seq"))?, number(carried.get("at"))?);
        let mut text = |name| match carried.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Some(ResentEvent {
            seq,
            at: UNIX_EPOCH.checked_add(Duration::from_millis(at))?,
            client: text("client")?,
            name: text("event.name"),
            common: text("common"),
            json: text("event")?,
        })
    }

    pub(crate) fn json(&self) -> &[u8] {
        self.json.as_bytes()
    }

    pub(crate) fn id(&self) -> (&str, u64) {
        (&self.client, self.seq)
    }

    pub(crate) fn time(&self) -> SystemTime {
        self.at
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Puts the name and common fields into the event, for a format without a separate place for them.
    fn put_together(&mut self, name_key: &str) {
        let (name, common) = (self.name.take(), self.common.take());
        let common = common.as_deref().and_then(|common| common.strip_prefix('{')?.strip_suffix('}'));
        let name = name.map(|name| format!("{name_key}:\"{name}\","));
        let common = common.filter(|members| !members.is_empty()).map(|members| format!("{members},"));
        let pieces = [common.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default()];
        if pieces.iter().all(|piece| piece.is_empty()) {
            return;
        }
        let mut whole = Vec::new();
        splice(self.json.as_bytes(), [&pieces.map(str::as_bytes)[..]], &mut whole);
        self.json = String::from_utf8_lossy(&whole).into_owned();
    }
}

/// The endpoint's format, applied to carried events.
pub(crate) struct AsTheyWere {
    format: Box<dyn Format>,
    /// The name's key, as JSON.
    name_key: String,
}

impl AsTheyWere {
    pub(crate) fn new(format: Box<dyn Format>, name_field: &str) -> AsTheyWere {
        AsTheyWere { format, name_key: Value::from(name_field).to_string() }
    }

    /// Whether common fields and names have a separate place.
    pub(crate) fn is_beside(&self) -> bool {
        self.format.placement().is_beside() && matches!(self.format.layout(), Layout::Encoded)
    }
}

/// The fields of a JSON object; empty for any other value.
fn fields_of(common: &str) -> Vec<CommonField> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let json = |value: members::JsonValue<'_>| match value {
        members::JsonValue::Null => "null".to_owned(),
        members::JsonValue::Bool(bool) => bool.to_string(),
        members::JsonValue::Int(int) => int.to_string(),
        members::JsonValue::Text(value) => text(value.quoted),
        members::JsonValue::Double(_, json)
        | members::JsonValue::Array(json)
        | members::JsonValue::Object(json) => text(json),
    };
    members::members(common.as_bytes())
        .into_iter()
        .flatten()
        .map(|(key, value)| CommonField {
            name: text(&key.decoded()),
            key: text(key.quoted),
            json: json(value),
        })
        .collect()
}

impl Format for AsTheyWere {
    fn content_type(&self) -> &'static str {
        self.format.content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let mut resent: Vec<ResentEvent> = events.filter_map(|event| ResentEvent::of(event.json())).collect();
        if !self.is_beside() {
            resent.iter_mut().for_each(|event| event.put_together(&self.name_key));
        }
        let object = resent.first().and_then(|event| event.common.clone());
        let fields = object.as_deref().map(fields_of).unwrap_or_default();
        let common = CommonFields::new(&fields, object.as_deref().unwrap_or("{}"));
        let events = Events::again(&resent, common);
        match self.format.layout() {
            Layout::Framed(frame) => frame.encode(events, body),
            Layout::Encoded => self.format.encode(events, body),
        }
    }

    fn overhead(&self) -> Overhead {
        self.format.overhead()
    }

    /// Adds nothing to the carrying event.
    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }

    fn settled_by(&self) -> SettledBy {
        self.format.settled_by()
    }

    fn refused(&self, reply: &Reply, events: usize) -> Refused {
        self.format.refused(reply, events)
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        self.format.verdict(reply, events)
    }

    fn repeats(&self) -> Repeats {
        self.format.repeats()
    }

    fn reply_bytes_max(&self, events_max: usize) -> usize {
        self.format.reply_bytes_max(events_max)
    }

    fn reply_headers(&self) -> &'static [&'static str] {
        self.format.reply_headers()
    }

    fn growth_max(&self) -> usize {
        self.format.growth_max()
    }

    /// The length of the carrying event, which is longer than the carried one.
    fn length(&self, json: &[u8]) -> usize {
        self.format.length(json)
    }

    fn demands(&self) -> Demands {
        self.format.demands()
    }
}
