//! The value of a field: a string, a number or a boolean; numbers and booleans may also be strings.

use std::borrow::Cow;

/// The value of one of our fields: numbers and booleans may also be strings, because aggregators convert them.
#[derive(Debug, Clone)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    Bool(bool),
}

impl Scalar<'_> {
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Scalar::Number(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Bool(_) => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Scalar::Bool(bool) => Some(*bool),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Number(_) => None,
        }
    }

    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Scalar::Text(text) => Cow::Borrowed(text),
            Scalar::Number(number) => Cow::Owned(number.to_string()),
            Scalar::Bool(bool) => Cow::Owned(bool.to_string()),
        }
    }

    /// The same value, borrowed.
    pub(super) fn borrowed(&self) -> Scalar<'_> {
        match self {
            Scalar::Text(text) => Scalar::Text(Cow::Borrowed(text)),
            Scalar::Number(number) => Scalar::Number(*number),
            Scalar::Bool(bool) => Scalar::Bool(*bool),
        }
    }
}
