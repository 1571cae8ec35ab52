//! A tracing event as `Serialize`: its values go straight into the JSON, without a map in between.

use super::TracingEvents;
use super::choice::LOG_TARGET;
use super::limits::SCOPE_SPANS_MAX;
use super::member::{Member, SpanFields};
use super::names::{EventNames, OfSpan, meant};
use super::spans::Kept;
use super::value::{Chain, DebugText, Wide};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::error::Error;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Which macros an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MacroKind {
    Tracing,
    /// Those of the `log` crate, through tracing-log.
    Log,
}

impl MacroKind {
    pub(super) fn of(metadata: &Metadata<'_>) -> MacroKind {
        let is_log = metadata.target() == "log" && metadata.name() == "log event";
        if is_log { MacroKind::Log } else { MacroKind::Tracing }
    }

    /// The event's name, if the program gave it one: tracing calls the others `event src/main.rs:12`.
    #[inline]
    pub(super) fn given_name(self, metadata: &'static Metadata<'static>) -> Option<&'static str> {
        let name = metadata.name();
        let is_made = self == MacroKind::Log
            || name
                .strip_prefix("event ")
                .is_some_and(|place| metadata.file().is_some_and(|file| place.starts_with(file)));
        (!is_made).then_some(name)
    }
}

/// An event that is being written as JSON.
pub(super) struct EventObject<'a, S> {
    pub(super) layer: &'a TracingEvents,
    pub(super) event: &'a Event<'a>,
    pub(super) context: &'a Context<'a, S>,
    pub(super) source: MacroKind,
}

impl<S> Serialize for EventObject<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let metadata = self.event.metadata();
        let mut map = serializer.serialize_map(None)?;
        let mut writing = Writing {
            layer: self.layer,
            source: self.source,
            has_message: false,
            taken: EventNames::new(&self.layer.members.reserved, metadata.fields()),
            map: &mut map,
            failed: None,
        };
        writing.member(Member::Level, metadata.level().as_str());
        if self.source == MacroKind::Tracing {
            writing.member(Member::Target, metadata.target());
            writing.member_if(Member::ModulePath, metadata.module_path());
            writing.member_if(Member::File, metadata.file());
            writing.member_if(Member::Line, metadata.line());
        }
        self.event.record(&mut writing);
        self.spans(&mut writing);
        match writing.failed {
            None => map.end(),
            Some(error) => Err(error),
        }
    }
}

impl<S> EventObject<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    #[inline]
    fn spans<M: SerializeMap>(&self, writing: &mut Writing<'_, M>) {
        let depth = match self.layer.spans {
            SpanFields::None if self.layer.members.name(Member::Span).is_none() => return,
            SpanFields::None => 0,
            SpanFields::Current => 1,
            SpanFields::All => SCOPE_SPANS_MAX,
        };
        let Some(mut span) = self.context.event_span(self.event) else { return };
        writing.member(Member::Span, span.name());
        let mut left_out = 0;
        for _ in 0..depth {
            // None of the application's code runs while this is held: what is kept is plain data.
            if let Some(kept) = span.extensions().get::<Kept>() {
                left_out += kept.left_out;
                for (name, value) in kept.fields() {
                    match writing.taken.of_span(name) {
                        OfSpan::Called(name) => writing.put(&name, value),
                        OfSpan::Shadowed => {}
                        OfSpan::NoRoom => left_out += 1,
                    }
                }
            }
            match span.parent() {
                Some(parent) => span = parent,
                None => return writing.left_out(left_out),
            }
        }
        // There are more spans around the event than were read. How many fields they have is unknown, so they count as one.
        let has_more = u64::from(self.layer.spans == SpanFields::All);
        writing.left_out(left_out + has_more);
    }
}

struct Writing<'a, M: SerializeMap> {
    layer: &'a TracingEvents,
    source: MacroKind,
    has_message: bool,
    taken: EventNames<'a>,
    map: &'a mut M,
    failed: Option<M::Error>,
}

/// What the layer makes of a field of an event.
enum Role {
    Member(Member),
    /// A field, by its name without a raw prefix.
    Field(&'static str),
    Nothing,
}

impl<M: SerializeMap> Writing<'_, M> {
    #[inline]
    fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.failed.is_none() {
            self.failed = self.map.serialize_entry(name, value).err();
        }
    }

    #[inline]
    fn member<T: Serialize + ?Sized>(&mut self, member: Member, value: &T) {
        if let Some(name) = self.layer.members.name(member) {
            self.put(name, value);
        }
    }

    #[inline]
    fn member_if<T: Serialize>(&mut self, member: Member, value: Option<T>) {
        if let Some(value) = value {
            self.member(member, &value);
        }
    }

    fn left_out(&mut self, fields: u64) {
        if fields > 0 {
            self.member(Member::SpanFieldsLeftOut, &fields);
        }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, field: &Field, value: &T) {
        match self.role(field.name()) {
            Role::Field(name) => match self.taken.is_new(name, field) {
                true => self.put(name, value),
                false => self.put_not_new(name, field, value),
            },
            Role::Member(member) => self.member(member, value),
            Role::Nothing => {}
        }
    }

    #[cold]
    fn put_not_new<T: Serialize + ?Sized>(&mut self, name: &'static str, field: &Field, value: &T) {
        let name = self.taken.of_event(name, field);
        self.put(&name, value);
    }

    #[inline]
    fn role(&mut self, name: &'static str) -> Role {
        if name == "message" && !self.has_message {
            self.has_message = true;
            return Role::Member(Member::Message);
        }
        if self.source == MacroKind::Log {
            return of_log(name);
        }
        if self.layer.choice.marker == Some(name) { Role::Nothing } else { Role::Field(meant(name)) }
    }
}

/// The fields that tracing-log adds; there are no others.
fn of_log(name: &'static str) -> Role {
    match name {
        LOG_TARGET => Role::Member(Member::Target),
        "log.module_path" => Role::Member(Member::ModulePath),
        "log.file" => Role::Member(Member::File),
        "log.line" => Role::Member(Member::Line),
        _ => Role::Field(name),
    }
}

impl<M: SerializeMap> Visit for Writing<'_, M> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.field(field, &Wide(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.field(field, &Wide(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.field(field, &Chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, &DebugText(value));
    }
}
