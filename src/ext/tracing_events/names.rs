//! Ensures that no name is twice in an event: knows which names are taken, and renames a field whose name is.
//!
//! TN1: a name that is written is new in its event. TN2: the first owner keeps the name: the client and the
//! layer, then the event's fields, then the spans' from the innermost outwards. TN3: none of an event's own
//! fields is left out; a span's field is left out only if a nearer one has its name, or there is no room.
//!
//! Names are compared only if one may already be there: [`NameFilter`] says "never seen" for most of them.

use super::limits::SPAN_MEMBERS_MAX;
use std::borrow::Cow;
use tracing::field::{Field, FieldSet};

/// Appended to a name that is taken.
const MARK: char = '_';

/// Names that belong to the client or the layer.
#[derive(Debug)]
pub(super) struct Reserved {
    names: Vec<String>,
    seen: NameFilter,
}

impl Reserved {
    pub(super) fn new(names: Vec<String>) -> Reserved {
        let mut seen = NameFilter::default();
        names.iter().for_each(|name| _ = seen.is_new(name));
        Reserved { names, seen }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|reserved| reserved == name)
    }
}

/// Two bits per name, one from its length and its ends, one from its middle: a name whose
/// bits are not both set was not there. Of twenty names, one or two are looked up needlessly.
#[derive(Debug, Clone, Copy, Default)]
struct NameFilter {
    by_ends: u64,
    by_middle: u64,
}

impl NameFilter {
    /// Whether this name was certainly not seen before. Marks it as seen.
    #[inline]
    fn is_new(&mut self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let letter = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
        let len = bytes.len();
        let ends = 1 << ((len * 5 + letter(0) * 3 + letter(len.wrapping_sub(1))) & 63);
        let middle = 1 << ((letter(len / 2) + letter(len / 4) * 7) & 63);
        let is_new = self.by_ends & ends == 0 || self.by_middle & middle == 0;
        self.by_ends |= ends;
        self.by_middle |= middle;
        is_new
    }
}

/// A field's name without Rust's raw prefix: `r#type` is `type`.
#[inline]
pub(super) fn meant(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => &name[2..],
        _ => name,
    }
}

/// The names in one event.
pub(super) struct EventNames<'a> {
    reserved: &'a Reserved,
    fields: &'a FieldSet,
    seen: NameFilter,
    /// A bit for each of the event's fields that was written; see `bit_of`.
    written: u64,
    /// Fields that were not written under their own name.
    renamed: Vec<String>,
    of_spans: Option<OfSpans>,
}

/// The fields that came from spans, by their own names.
struct OfSpans {
    names: [&'static str; SPAN_MEMBERS_MAX],
    count: usize,
}

impl OfSpans {
    fn none() -> OfSpans {
        OfSpans { names: [""; SPAN_MEMBERS_MAX], count: 0 }
    }
}

/// What happens to a span's field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OfSpan {
    Called(Cow<'static, str>),
    /// A nearer one has its name.
    Shadowed,
    NoRoom,
}

impl<'a> EventNames<'a> {
    #[inline]
    pub(super) fn new(reserved: &'a Reserved, fields: &'a FieldSet) -> EventNames<'a> {
        EventNames { reserved, fields, seen: reserved.seen, written: 0, renamed: Vec::new(), of_spans: None }
    }

    /// Whether the name of one of the event's own fields is certainly new; if not, [`of_event`](EventNames::of_event) looks.
    #[inline]
    pub(super) fn is_new(&mut self, name: &str, field: &Field) -> bool {
        let is_new = self.seen.is_new(name);
        if is_new {
            self.written |= bit_of(field.index());
        }
        is_new
    }

    /// The name under which one of the event's own fields is written.
    pub(super) fn of_event(&mut self, name: &'static str, field: &Field) -> Cow<'static, str> {
        let is_taken = self.reserved.has(name) || self.event_has(name) || self.is_renamed(name);
        self.written |= bit_of(field.index());
        if is_taken { Cow::Owned(self.rename(name)) } else { Cow::Borrowed(name) }
    }

    /// The name under which a span's field is written. Called after the event's own fields, from the innermost span outwards.
    pub(super) fn of_span(&mut self, name: &'static str) -> OfSpan {
        let is_new = self.seen.is_new(name);
        if !is_new && (self.spans_have(name) || self.event_has(name)) {
            return OfSpan::Shadowed;
        }
        let of_spans = self.of_spans.get_or_insert_with(OfSpans::none);
        let Some(place) = of_spans.names.get_mut(of_spans.count) else { return OfSpan::NoRoom };
        *place = name;
        of_spans.count += 1;
        let is_taken = !is_new && (self.reserved.has(name) || self.is_renamed(name));
        OfSpan::Called(if is_taken { Cow::Owned(self.rename(name)) } else { Cow::Borrowed(name) })
    }

    /// Appends as many underscores as needed. Never uses the name of a later field of the event.
    fn rename(&mut self, name: &str) -> String {
        let mut called = name.to_owned();
        loop {
            called.push(MARK);
            let is_a_field = self.fields.iter().any(|field| meant(field.name()) == called);
            if !is_a_field
                && !self.reserved.has(&called)
                && !self.is_renamed(&called)
                && !self.spans_have(&called)
            {
                self.seen.is_new(&called);
                self.renamed.push(called.clone());
                return called;
            }
        }
    }

    fn event_has(&self, name: &str) -> bool {
        self.fields
            .iter()
            .any(|field| self.written & bit_of(field.index()) != 0 && meant(field.name()) == name)
    }

    fn spans_have(&self, name: &str) -> bool {
        self.of_spans.as_ref().is_some_and(|of_spans| of_spans.names[..of_spans.count].contains(&name))
    }

    fn is_renamed(&self, name: &str) -> bool {
        self.renamed.iter().any(|renamed| renamed == name)
    }
}

/// Fields from the 64th on share a bit: one of them may be renamed without need, but no name appears twice.
#[inline]
fn bit_of(index: usize) -> u64 {
    1 << index.min(63)
}
