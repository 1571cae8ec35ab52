//! What is kept of a span: its fields, as recorded, in the span's extensions.
//!
//! SP1: bounded: [`SPAN_BYTES_MAX`] per span; fields that do not fit are counted. SP2: none of the
//! application's code runs while the extensions are locked: a `Debug` that logs, or records,
//! comes back to this span. So values are read first, then stored. SP3: kept under tracing's
//! names, whatever the layer calls them, so that several layers in one registry share them.
//!
//! Fields are kept as values, not as JSON: only text takes effort to make, and that happens once, here. Writing it into an event is a copy.

use super::limits::SPAN_BYTES_MAX;
use super::names::meant;
use super::value::{Chain, DebugText, KeptValue};
use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Debug, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Replaces a text whose `Debug` panicked: the application must fix that, but its request must not fail because of it.
const PANICKED: &str = "(its Debug panicked)";

thread_local! {
    /// Whether this thread is reading a span: the `Debug` of a field may make spans that have the same value as a field.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// The fields of a span.
#[derive(Debug, Default)]
pub(super) struct Kept {
    fields: Vec<(&'static str, KeptValue)>,
    bytes: usize,
    pub(super) left_out: u64,
}

impl Kept {
    pub(super) fn of_new<S: for<'a> LookupSpan<'a>>(attributes: &Attributes<'_>, span: &SpanRef<'_, S>) {
        // Another of our layers has read this span already.
        if attributes.values().is_empty() || span.extensions().get::<Kept>().is_some() {
            return;
        }
        let kept = Kept::read(|reading| attributes.record(reading));
        span.extensions_mut().replace(kept);
    }

    pub(super) fn of_later<S: for<'a> LookupSpan<'a>>(values: &Record<'_>, span: &SpanRef<'_, S>) {
        let later = Kept::read(|reading| values.record(reading));
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<Kept>() {
            Some(kept) => {
                later.fields.into_iter().for_each(|(name, value)| kept.put(name, value));
                kept.left_out += later.left_out;
            }
            None => _ = extensions.replace(later),
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &KeptValue)> {
        self.fields.iter().map(|(name, value)| (*name, value))
    }

    fn read(record: impl FnOnce(&mut Kept)) -> Kept {
        let mut kept = Kept::default();
        if READING.replace(true) {
            kept.left_out = 1;
            return kept;
        }
        let _reading = SpanReading;
        record(&mut kept);
        kept
    }

    /// Replaces an earlier value of the same name.
    fn put(&mut self, name: &'static str, value: KeptValue) {
        let earlier = self.fields.iter_mut().find(|(earlier, _)| *earlier == name);
        let freed = earlier.as_ref().map_or(0, |(_, earlier)| earlier.text_bytes());
        let place = if earlier.is_some() { 0 } else { size_of::<(&str, KeptValue)>() };
        let bytes = self.bytes - freed + place + value.text_bytes();
        if bytes > SPAN_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        self.bytes = bytes;
        match earlier {
            Some((_, earlier)) => *earlier = value,
            None => self.fields.push((name, value)),
        }
    }

    fn put_text(&mut self, field: &Field, text: &dyn Display) {
        let mut room = LimitedText { text: String::new() };
        let value = match catch_unwind(AssertUnwindSafe(|| write!(room, "{text}"))) {
            Ok(Ok(())) => room.text,
            Ok(Err(fmt::Error)) => {
                self.left_out += 1;
                return;
            }
            Err(_) => PANICKED.to_owned(),
        };
        self.put(meant(field.name()), KeptValue::Text(value.into_boxed_str()));
    }
}

struct SpanReading;

impl Drop for SpanReading {
    fn drop(&mut self) {
        READING.set(false);
    }
}

/// Stops at the text limit of a span, however much a `Debug` writes.
struct LimitedText {
    text: String,
}

impl Write for LimitedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > SPAN_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl Visit for Kept {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(meant(field.name()), KeptValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(meant(field.name()), KeptValue::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.put_text(field, &value),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.put_text(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(meant(field.name()), KeptValue::F64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(meant(field.name()), KeptValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put_text(field, &Chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field, &DebugText(value));
    }
}
