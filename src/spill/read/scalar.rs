//! The value of a field: a text, a number or a boolean, and each of the latter also as a text.

use std::borrow::Cow;

/// A value that a field of ours may have: numbers and booleans also as text, which aggregators make of them.
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

    /// The same, for as long as this is there.
    pub(super) fn borrowed(&self) -> Scalar<'_> {
        match self {
            Scalar::Text(text) => Scalar::Text(Cow::Borrowed(text)),
            Scalar::Number(number) => Scalar::Number(*number),
            Scalar::Bool(bool) => Scalar::Bool(*bool),
        }
    }
}
