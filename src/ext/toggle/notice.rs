//! Every line that the toggle logs: target `overspill::toggle`.
//!
//! Only changes are logged, as decided by the [course](super::course).
//! A WARN notice that no subscriber reads goes to standard error.

use super::course::FlagReport;
use crate::spill::{LogLevel, Notice, SpillSink, Stderr};
use std::fmt::Display;
use std::time::Duration;

/// The target of the toggle's log records.
pub const TOGGLE_TARGET: &str = "overspill::toggle";

macro_rules! say {
    ($level:ident, { $($field:ident = $value:expr),* $(,)? }, $($text:tt)+) => {
        if tracing::enabled!(target: TOGGLE_TARGET, tracing::Level::$level) {
            tracing::event!(target: TOGGLE_TARGET, parent: None, tracing::Level::$level, $($field = $value,)* $($text)+);
        } else if tracing::Level::$level <= tracing::Level::WARN {
            // Nowhere else to report.
            let text = format!("toggle: {}", format_args!($($text)+));
            drop(Stderr.notice(&Notice::new(LogLevel::Warn, "", &text)));
        }
    };
}

pub(super) fn started(flags: &str, interval: Duration) {
    say!(INFO, { flags = flags }, "toggle started: looks every {interval:?} at {flags}");
}

/// Reports about the flag `key`, which controls `what`.
pub(super) fn tell<V: Display>(what: &'static str, key: &str, tell: &FlagReport<V>) {
    match tell {
        FlagReport::Value(value) => {
            say!(INFO, { flag = key, what = what }, "{what} {value} by the flag {key:?}");
        }
        FlagReport::Well(value) => {
            say!(INFO, { flag = key, what = what }, "the flag {key:?} for the {what} is well again: {value}");
        }
        FlagReport::Trouble(trouble, Some(kept)) => {
            say!(WARN, { flag = key, what = what }, "the flag {key:?} for the {what} cannot be followed: {trouble}; {kept} is kept");
        }
        FlagReport::Trouble(trouble, None) => {
            say!(
                WARN,
                { flag = key, what = what },
                "the flag {key:?} for the {what} cannot be followed: {trouble}; the {what} stays as the program has set it"
            );
        }
    }
}
