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
pub(super) enum FlagValue {
    Text(String),
    Truth(bool),
    Number(i64),
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FlagTrouble {
    /// The evaluation failed: the code's name.
    Failed(&'static str),
    NoAnswer(Duration),
    Panicked,
    /// There was an answer, but its reason says that the value is not the flag's.
    NoValue(&'static str),
    /// An invalid value, and the valid ones.
    Unknown(String, &'static str),
}

impl FlagTrouble {
    /// Whether it is the same as another, ignoring details: a value that keeps changing and is never valid is one trouble.
    pub(super) fn is_like(&self, other: &FlagTrouble) -> bool {
        match (self, other) {
            (FlagTrouble::Failed(one), FlagTrouble::Failed(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether the flag may have another type than the one asked for. OFREP's
    /// provider says `PARSE_ERROR` for what others call `TYPE_MISMATCH`.
    pub(super) fn may_be_another_type(&self) -> bool {
        matches!(self, FlagTrouble::Failed("TYPE_MISMATCH" | "PARSE_ERROR"))
    }
}

impl fmt::Display for FlagTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlagTrouble::Failed(code) => write!(f, "its evaluation failed: {code}"),
            FlagTrouble::NoAnswer(timeout) => write!(f, "the provider gave no answer within {timeout:?}"),
            FlagTrouble::Panicked => f.write_str("the provider panicked"),
            FlagTrouble::NoValue(reason) => write!(f, "it has no value now: {reason}"),
            FlagTrouble::Unknown(value, expected) => write!(f, "its value {value} is not {expected}"),
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

/// The value, unless the reason says that it is not the flag's own (M1).
pub(super) fn given_for(
    reason: Option<&EvaluationReason>,
    given: FlagValue,
) -> Result<FlagValue, FlagTrouble> {
    // Compared by name, because some providers return all of them as `Other`.
    match reason.map(EvaluationReason::to_string).as_deref() {
        Some("ERROR") => Err(FlagTrouble::NoValue("ERROR")),
        Some("DISABLED") => Err(FlagTrouble::NoValue("DISABLED")),
        _ => Ok(given),
    }
}

pub(super) fn mode_of(given: &FlagValue) -> Result<Mode, FlagTrouble> {
    let mode = match given {
        FlagValue::Truth(true) => Some(Mode::On),
        FlagValue::Truth(false) => Some(Mode::Off),
        FlagValue::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(Mode::On),
            "false" => Some(Mode::Off),
            word => word.parse().ok(),
        },
        FlagValue::Number(_) => None,
    };
    mode.ok_or_else(|| unknown(given, "on, log_only, off, true or false"))
}

pub(super) fn share_of(given: &FlagValue) -> Result<QueueShare, FlagTrouble> {
    let share = match given {
        FlagValue::Text(text) => text.trim().parse().ok(),
        FlagValue::Truth(_) | FlagValue::Number(_) => None,
    };
    share.ok_or_else(|| unknown(given, "whole, half, quarter or eighth"))
}

pub(super) fn rate_of(given: &FlagValue) -> Result<NonZeroU32, FlagTrouble> {
    let rate = match given {
        FlagValue::Number(number) => u32::try_from(*number).ok().and_then(NonZeroU32::new),
        FlagValue::Text(_) | FlagValue::Truth(_) => None,
    };
    rate.ok_or_else(|| {
        unknown(given, "a whole number from 1 to 4294967295 (to send none of them is the mode's business)")
    })
}

fn unknown(given: &FlagValue, expected: &'static str) -> FlagTrouble {
    let shown = match given {
        FlagValue::Text(text) => format!("{:?}", text.chars().take(VALUE_CHARS_MAX).collect::<String>()),
        FlagValue::Truth(truth) => truth.to_string(),
        FlagValue::Number(number) => number.to_string(),
    };
    FlagTrouble::Unknown(shown, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> FlagValue {
        FlagValue::Text(text.to_owned())
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
            (FlagValue::Truth(true), Some(Mode::On)),
            (FlagValue::Truth(false), Some(Mode::Off)),
            (text(""), None),
            (text("maybe"), None),
            (text("0"), None),
            (FlagValue::Number(0), None),
            (FlagValue::Number(1), None),
        ] {
            assert_eq!(mode_of(&given).ok(), mode, "{given:?}");
        }
    }

    #[test]
    fn a_rate_is_a_number_from_one_up() {
        for (given, rate) in [
            (FlagValue::Number(1), Some(1)),
            (FlagValue::Number(100), Some(100)),
            (FlagValue::Number(i64::from(u32::MAX)), Some(u32::MAX)),
            (FlagValue::Number(0), None),
            (FlagValue::Number(-1), None),
            (FlagValue::Number(i64::from(u32::MAX) + 1), None),
            (FlagValue::Number(i64::MIN), None),
            (text("100"), None),
            (FlagValue::Truth(true), None),
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
            (FlagValue::Number(2), None),
            (FlagValue::Truth(true), None),
        ] {
            assert_eq!(share_of(&given).ok(), share, "{given:?}");
        }
    }

    #[test]
    fn a_default_that_means_no_value_is_no_value() {
        let off = || FlagValue::Truth(false);
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
        assert!(one.is_like(&other) && !one.is_like(&FlagTrouble::Panicked));
        assert!(!FlagTrouble::Failed("GENERAL").is_like(&FlagTrouble::Failed("FLAG_NOT_FOUND")));
    }
}
