//! What a flag's answer means, as tables.
//!
//! In: an answer. Out: a value, or what is wrong. M1: anything that is not a clear value is
//! trouble, and trouble changes nothing. In particular, a provider that returns a type's default
//! because the flag is disabled or failed (an empty text, `false`, zero) has not said "off".

use super::limits::VALUE_CHARS_MAX;
use crate::Mode;
use crate::QueueShare;
use open_feature::{EvaluationErrorCode, EvaluationReason};
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A value as the provider returns it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Text(String),
    Truth(bool),
    Number(i64),
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The evaluation failed: the code's name.
    Failed(&'static str),
    NoAnswer(Duration),
    Panicked,
    /// There was an answer, but its reason says that the value is not the flag's.
    NoValue(&'static str),
    /// A value, and what the flag may be.
    Unknown(String, &'static str),
}

impl Trouble {
    /// Whether it is the same as another, ignoring details: a
    /// value that changes and never means anything is one trouble.
    pub(super) fn is_like(&self, other: &Trouble) -> bool {
        match (self, other) {
            (Trouble::Failed(one), Trouble::Failed(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether the flag may be of another type. OFREP's provider says `PARSE_ERROR` for what others call `TYPE_MISMATCH`.
    pub(super) fn may_be_another_type(&self) -> bool {
        matches!(self, Trouble::Failed("TYPE_MISMATCH" | "PARSE_ERROR"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Failed(code) => write!(f, "its evaluation failed: {code}"),
            Trouble::NoAnswer(timeout) => write!(f, "the provider gave no answer within {timeout:?}"),
            Trouble::Panicked => f.write_str("the provider panicked"),
            Trouble::NoValue(reason) => write!(f, "it has no value now: {reason}"),
            Trouble::Unknown(value, expected) => write!(f, "its value {value} is not {expected}"),
        }
    }
}

/// The name of a code, never its message: the provider wrote that, and it may contain addresses and tokens.
pub(super) fn name_of(code: &EvaluationErrorCode) -> &'static str {
    match code {
        EvaluationErrorCode::ProviderNotReady => "PROVIDER_NOT_READY",
        EvaluationErrorCode::FlagNotFound => "FLAG_NOT_FOUND",
        EvaluationErrorCode::ParseError => "PARSE_ERROR",
        EvaluationErrorCode::TypeMismatch => "TYPE_MISMATCH",
        EvaluationErrorCode::TargetingKeyMissing => "TARGETING_KEY_MISSING",
        EvaluationErrorCode::InvalidContext => "INVALID_CONTEXT",
        EvaluationErrorCode::General(_) => "GENERAL",
    }
}

/// A value returned for this reason, if it is one of the flag's (M1).
pub(super) fn given_for(reason: Option<&EvaluationReason>, given: Given) -> Result<Given, Trouble> {
    // By name, because some providers return all of them as `Other`.
    match reason.map(EvaluationReason::to_string).as_deref() {
        Some("ERROR") => Err(Trouble::NoValue("ERROR")),
        Some("DISABLED") => Err(Trouble::NoValue("DISABLED")),
        _ => Ok(given),
    }
}

pub(super) fn mode_of(given: &Given) -> Result<Mode, Trouble> {
    let mode = match given {
        Given::Truth(true) => Some(Mode::On),
        Given::Truth(false) => Some(Mode::Off),
        Given::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(Mode::On),
            "false" => Some(Mode::Off),
            word => word.parse().ok(),
        },
        Given::Number(_) => None,
    };
    mode.ok_or_else(|| unknown(given, "on, log_only, off, true or false"))
}

pub(super) fn share_of(given: &Given) -> Result<QueueShare, Trouble> {
    let share = match given {
        Given::Text(text) => text.trim().parse().ok(),
        Given::Truth(_) | Given::Number(_) => None,
    };
    share.ok_or_else(|| unknown(given, "whole, half, quarter or eighth"))
}

pub(super) fn rate_of(given: &Given) -> Result<NonZeroU32, Trouble> {
    let rate = match given {
        Given::Number(number) => u32::try_from(*number).ok().and_then(NonZeroU32::new),
        Given::Text(_) | Given::Truth(_) => None,
    };
    rate.ok_or_else(|| {
        unknown(given, "a whole number from 1 to 4294967295 (to send none of them is the mode's business)")
    })
}

fn unknown(given: &Given, expected: &'static str) -> Trouble {
    let shown = match given {
        Given::Text(text) => format!("{:?}", text.chars().take(VALUE_CHARS_MAX).collect::<String>()),
        Given::Truth(truth) => truth.to_string(),
        Given::Number(number) => number.to_string(),
    };
    Trouble::Unknown(shown, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn a_mode_is_a_word_or_a_boolean_and_nothing_else() {
        for (given, mode) in [
            (text("on"), Some(Mode::On)),
            (text("log_only"), Some(Mode::LogOnly)),
            (text("off"), Some(Mode::Off)),
            (text(" Log-Only\n"), Some(Mode::LogOnly)),
            (text("OFF"), Some(Mode::Off)),
            (text("true"), Some(Mode::On)),
            (text("False"), Some(Mode::Off)),
            (Given::Truth(true), Some(Mode::On)),
            (Given::Truth(false), Some(Mode::Off)),
            (text(""), None),
            (text("maybe"), None),
            (text("0"), None),
            (Given::Number(0), None),
            (Given::Number(1), None),
        ] {
            assert_eq!(mode_of(&given).ok(), mode, "{given:?}");
        }
    }

    #[test]
    fn a_rate_is_a_number_from_one_up() {
        for (given, rate) in [
            (Given::Number(1), Some(1)),
            (Given::Number(100), Some(100)),
            (Given::Number(i64::from(u32::MAX)), Some(u32::MAX)),
            (Given::Number(0), None),
            (Given::Number(-1), None),
            (Given::Number(i64::from(u32::MAX) + 1), None),
            (Given::Number(i64::MIN), None),
            (text("100"), None),
            (Given::Truth(true), None),
        ] {
            assert_eq!(rate_of(&given).ok().map(NonZeroU32::get), rate, "{given:?}");
        }
    }

    #[test]
    fn a_share_is_a_word() {
        for (given, share) in [
            (text("whole"), Some(QueueShare::Whole)),
            (text("Half"), Some(QueueShare::Half)),
            (text("quarter "), Some(QueueShare::Quarter)),
            (text("eighth"), Some(QueueShare::Eighth)),
            (text("third"), None),
            (text(""), None),
            (Given::Number(2), None),
            (Given::Truth(true), None),
        ] {
            assert_eq!(share_of(&given).ok(), share, "{given:?}");
        }
    }

    #[test]
    fn a_default_that_stands_for_no_value_is_none() {
        let off = || Given::Truth(false);
        for (reason, taken) in [
            (None, true),
            (Some(EvaluationReason::Static), true),
            (Some(EvaluationReason::Default), true),
            (Some(EvaluationReason::TargetingMatch), true),
            (Some(EvaluationReason::Split), true),
            (Some(EvaluationReason::Cached), true),
            (Some(EvaluationReason::Unknown), true),
            (Some(EvaluationReason::Other("STALE".to_owned())), true),
            (Some(EvaluationReason::Disabled), false),
            (Some(EvaluationReason::Error), false),
            (Some(EvaluationReason::Other("DISABLED".to_owned())), false),
        ] {
            assert_eq!(given_for(reason.as_ref(), off()).is_ok(), taken, "{reason:?}");
        }
    }

    #[test]
    fn trouble_is_one_line_and_shows_a_value_by_its_beginning_and_no_message_of_the_providers() {
        let long = mode_of(&text(&"x\n\u{202e}".repeat(500))).unwrap_err().to_string();
        assert!(long.len() < 500 && !long.contains('\n') && !long.contains('\u{202e}'), "{long}");
        let secret = EvaluationErrorCode::General("https://user:token@flags".to_owned());
        assert_eq!(name_of(&secret), "GENERAL");
    }

    #[test]
    fn two_values_that_mean_nothing_are_one_trouble_and_two_codes_are_two() {
        let (one, other) = (mode_of(&text("a")).unwrap_err(), mode_of(&text("b")).unwrap_err());
        assert!(one.is_like(&other) && !one.is_like(&Trouble::Panicked));
        assert!(!Trouble::Failed("GENERAL").is_like(&Trouble::Failed("FLAG_NOT_FOUND")));
    }
}
