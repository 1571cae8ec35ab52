//! What events have in common: fields given once, an event's time and its name; and how they get into an event's JSON.
//!
//! In: the texts of events. Out: the texts as a request or a record carries them. They are added when a batch takes the event, or when
//! its record is written, never in `emit`.
//! CM1: whatever the event's JSON value is, the result is one JSON object: these members first, then the event's own; a value that is not
//!     an object goes under `"value"`.
//! CM2: a text is never longer than [`Common::length`] says.
//! CM3: nothing is added if the format has its own place for it.
//!
//! Not here, on purpose: what may be set (`config`), and what a format does with what it gets.

mod names;
pub(crate) mod placement;

pub(crate) use names::Names;

use crate::clock::{Calendar, Clock, Stamp};
use crate::limits::EVENT_NAME_BYTES_MAX;
use crate::mark::NameId;
use crate::time::Rfc3339;
use placement::{CommonFields, Overhead, Placement};
use std::borrow::Cow;

/// A field of every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommonField {
    pub(crate) name: String,
    /// Its name and its value, as JSON.
    pub(crate) key: String,
    pub(crate) json: String,
}

/// What one client's events have in common.
#[derive(Debug)]
pub(crate) struct Common {
    placement: Placement,
    fields: Vec<CommonField>,
    /// Whether an event without a name stays unchanged.
    idle: bool,
    /// `{"service.name":"orders"}`
    object: String,
    /// `"service.name":"orders",`: what comes before an event's own members.
    members: String,
    /// `"timestamp":"`, if events have their time.
    time_key: Option<String>,
    /// `"event.name":"`
    name_key: String,
    pub(crate) names: Names,
    /// The names of the members that may come before an event's own.
    added_names: Vec<String>,
}

/// Where the value goes if an event is not an object.
const VALUE_KEY: &[u8] = b"\"value\":";
/// `{` before it and `}` after it.
const WRAP_BYTES: usize = 1 + VALUE_KEY.len() + 1;
/// After a name and a time.
const TEXT_END: &[u8] = b"\",";

impl Common {
    /// The keys are JSON strings.
    pub(crate) fn new(
        placement: Placement,
        fields: Vec<CommonField>,
        time_key: Option<&str>,
        name_key: &str,
        names: Names,
    ) -> Common {
        // The keys were built from names a moment ago, so none fails to parse.
        let own =
            [time_key, Some(name_key)].into_iter().flatten().filter_map(|key| serde_json::from_str(key).ok());
        let added_names = fields.iter().map(|field| field.name.clone()).chain(own).collect();
        let members: String = fields.iter().map(|field| format!("{}:{},", field.key, field.json)).collect();
        Common {
            object: format!("{{{}}}", members.strip_suffix(',').unwrap_or_default()),
            idle: placement.is_beside() || (members.is_empty() && time_key.is_none()),
            members,
            placement,
            fields,
            time_key: time_key.map(|key| format!("{key}:\"")),
            name_key: format!("{name_key}:\""),
            names,
            added_names,
        }
    }

    /// The same for another process, without the names seen so far: a thread of this process may be adding one, and the other process would
    /// wait for it forever.
    pub(crate) fn again(&self) -> Common {
        Common {
            placement: self.placement,
            fields: self.fields.clone(),
            idle: self.idle,
            object: self.object.clone(),
            members: self.members.clone(),
            time_key: self.time_key.clone(),
            name_key: self.name_key.clone(),
            names: self.names.again(),
            added_names: self.added_names.clone(),
        }
    }

    pub(crate) fn added_names(&self) -> Vec<String> {
        self.added_names.clone()
    }

    pub(crate) fn fields(&self) -> CommonFields<'_> {
        CommonFields::new(&self.fields, &self.object)
    }

    /// The fields as one JSON object, for records and requests whose events do not carry them.
    pub(crate) fn beside_events(&self) -> Option<&str> {
        (self.placement.is_beside() && !self.fields.is_empty()).then_some(&self.object)
    }

    /// An event's name, if its text does not carry it.
    #[inline]
    pub(crate) fn name_beside(&self, name: NameId) -> &str {
        match self.placement {
            placement if placement.is_beside() && name != NameId::NONE => self.names.text(name),
            _ => "",
        }
    }

    /// What a format adds, including the fields where it writes them: they grow like an event's own.
    pub(crate) fn overhead(&self, own: Overhead, growth_max: usize) -> Overhead {
        let fields = self.beside_events().map_or(0, str::len).saturating_mul(growth_max);
        match self.placement {
            Placement::BesideEachEvent => Overhead { per_event: own.per_event.saturating_add(fields), ..own },
            _ => Overhead { per_batch: own.per_batch.saturating_add(fields), ..own },
        }
    }

    /// Maximum bytes added to an event without a name.
    #[inline]
    pub(crate) fn added_max(&self) -> usize {
        if self.idle { 0 } else { self.members_len(NameId::NONE) + WRAP_BYTES }
    }

    /// Maximum bytes that a name adds to an event, in its text or next to it.
    #[inline]
    pub(crate) fn added_by_name(&self, name: &str) -> usize {
        self.name_key.len() + name.len() + TEXT_END.len() + WRAP_BYTES
    }

    /// [`added_by_name`](Common::added_by_name) of the longest name.
    pub(crate) fn added_by_name_max(&self) -> usize {
        self.name_key.len() + EVENT_NAME_BYTES_MAX + TEXT_END.len() + WRAP_BYTES
    }

    /// Whether a text stays unchanged.
    #[inline]
    pub(crate) fn adds_nothing(&self, name: NameId) -> bool {
        self.idle && (name == NameId::NONE || self.placement.is_beside())
    }

    fn members_len(&self, name: NameId) -> usize {
        let time = self.time_key.as_ref().map_or(0, |key| key.len() + Rfc3339::BYTES + TEXT_END.len());
        let name = match self.names.text(name) {
            "" => 0,
            name => self.name_key.len() + name.len() + TEXT_END.len(),
        };
        self.members.len() + name + time
    }

    /// The length that the text will have.
    pub(crate) fn length(&self, text: &[u8], name: NameId) -> usize {
        if self.adds_nothing(name) {
            return text.len();
        }
        text.len() + self.members_len(name)
            - match shape(text) {
                JsonShape::Object => 0,
                JsonShape::EmptyObject => 1,
                JsonShape::Other => return text.len() + self.members_len(name) + WRAP_BYTES,
            }
    }

    /// Appends the text, with what every event has.
    pub(crate) fn write(&self, text: &[u8], name: NameId, time: &mut Time, at: Stamp, to: &mut Vec<u8>) {
        if self.adds_nothing(name) {
            return to.extend_from_slice(text);
        }
        let name = match self.names.text(name) {
            "" => [&b""[..]; 3],
            name => [self.name_key.as_bytes(), name.as_bytes(), TEXT_END],
        };
        let time = match &self.time_key {
            None => [&b""[..]; 3],
            Some(key) => [key.as_bytes(), time.text(at), TEXT_END],
        };
        splice(text, [&[self.members.as_bytes()][..], &name, &time], to);
    }

    /// Like [`write`](Common::write), into a new text; borrowed if nothing is added.
    pub(crate) fn text<'t>(
        &self,
        text: &'t [u8],
        name: NameId,
        time: &mut Option<Time>,
        (at, clock): (Stamp, Clock),
    ) -> Cow<'t, [u8]> {
        if self.adds_nothing(name) {
            return Cow::Borrowed(text);
        }
        let mut whole = Vec::with_capacity(self.length(text, name));
        let time = time.get_or_insert_with(|| Time::of(clock.calendar()));
        self.write(text, name, time, at, &mut whole);
        Cow::Owned(whole)
    }

    /// The text with a name that is not among the [names](Names), as JSON.
    pub(crate) fn with_odd_name(&self, text: &[u8], name: &[u8]) -> Vec<u8> {
        let key = &self.name_key.as_bytes()[..self.name_key.len() - 1];
        let mut whole = Vec::with_capacity(text.len() + key.len() + name.len() + 1 + WRAP_BYTES);
        splice(text, [&[key, name, b","][..]], &mut whole);
        whole
    }
}

/// The wall-clock times of events, as they are written into them.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    calendar: Calendar,
    /// The last one and its text: many events were emitted at the same tick.
    at: Stamp,
    text: [u8; Rfc3339::BYTES],
}

impl Time {
    pub(crate) fn of(calendar: Calendar) -> Time {
        Time { calendar, at: Stamp(0), text: Rfc3339(calendar.time(Stamp(0))).text() }
    }

    pub(crate) fn calendar(&self) -> Calendar {
        self.calendar
    }

    fn text(&mut self, at: Stamp) -> &[u8] {
        if at != self.at {
            (self.at, self.text) = (at, Rfc3339(self.calendar.time(at)).text());
        }
        &self.text
    }
}

/// The kind of JSON value into which members are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonShape {
    Object,
    EmptyObject,
    Other,
}

fn shape(text: &[u8]) -> JsonShape {
    // No leading blanks: encoded text has none, and raw JSON was trimmed when it was made.
    match text.split_first() {
        Some((b'{', members)) => match members.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'}') => JsonShape::EmptyObject,
            _ => JsonShape::Object,
        },
        _ => JsonShape::Other,
    }
}

/// Writes the members, then the text, as one object (CM1). Each member must end in a comma.
pub(crate) fn splice<const N: usize>(text: &[u8], members: [&[&[u8]]; N], to: &mut Vec<u8>) {
    to.push(b'{');
    members.iter().flat_map(|pieces| pieces.iter()).for_each(|piece| to.extend_from_slice(piece));
    match shape(text) {
        JsonShape::Object => to.extend_from_slice(&text[1..]),
        JsonShape::EmptyObject => {
            to.pop();
            to.extend_from_slice(&text[1..]);
        }
        JsonShape::Other => {
            to.extend_from_slice(VALUE_KEY);
            to.extend_from_slice(text);
            to.push(b'}');
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
