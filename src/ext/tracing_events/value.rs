//! Values in an event: those that tracing passes by reference, and those that a span keeps.

use super::limits::ERROR_SOURCES_MAX;
use serde::{Serialize, Serializer};
use std::error::Error;
use std::fmt::{self, Debug, Display};

/// Text by `Debug`, which is also how tracing passes a message and values recorded by `Display`.
pub(super) struct DebugText<'a>(pub(super) &'a dyn Debug);

impl Display for DebugText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for DebugText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error and its causes.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)?;
        let mut cause = self.0.source();
        for _ in 0..ERROR_SOURCES_MAX {
            let Some(error) = cause else { return Ok(()) };
            write!(f, ": {error}")?;
            cause = error.source();
        }
        if cause.is_some() { f.write_str(": ...") } else { Ok(()) }
    }
}

impl Serialize for Chain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A 128-bit number: many JSON readers know at most 64 bits, and would round it.
pub(super) struct Wide<T>(pub(super) T);

impl<T: Copy + Display + TryInto<i64> + TryInto<u64>> Serialize for Wide<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(number) = TryInto::<u64>::try_into(self.0) {
            serializer.serialize_u64(number)
        } else if let Ok(number) = TryInto::<i64>::try_into(self.0) {
            serializer.serialize_i64(number)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

/// A value that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KeptValue {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Text(Box<str>),
}

impl KeptValue {
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            KeptValue::Text(text) => text.len(),
            _ => 0,
        }
    }
}

impl Serialize for KeptValue {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            KeptValue::I64(number) => serializer.serialize_i64(*number),
            KeptValue::U64(number) => serializer.serialize_u64(*number),
            KeptValue::F64(number) => serializer.serialize_f64(*number),
            KeptValue::Bool(value) => serializer.serialize_bool(*value),
            KeptValue::Text(text) => serializer.serialize_str(text),
        }
    }
}
