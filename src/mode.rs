//! The toggle: on, to the log only, or off; switched at any time from any thread.

use crate::sync::plain::{AtomicU8, Ordering};
use std::fmt;
use std::str::FromStr;

/// What `emit` does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Queue it for the endpoint.
    #[default]
    On,
    /// Write it to the application log, with [`Reason::LogOnly`](crate::Reason::LogOnly).
    LogOnly,
    /// Nothing: one load, the event is not even looked at.
    Off,
}

impl Mode {
    const ALL: [Mode; 3] = [Mode::On, Mode::LogOnly, Mode::Off];

    /// The name that `OVERSPILL_MODE` takes: `on`, `log_only`, `off`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::On => "on",
            Mode::LogOnly => "log_only",
            Mode::Off => "off",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of `on`, `log_only`, `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMode;

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mode is one of on, log_only, off")
    }
}

impl std::error::Error for UnknownMode {}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Mode, UnknownMode> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownMode)
    }
}

/// The switch itself. Relaxed: an event is under the mode its one load saw, and no other memory hangs on it.
#[derive(Debug)]
pub(crate) struct ModeSwitch(AtomicU8);

impl ModeSwitch {
    pub(crate) fn new(mode: Mode) -> ModeSwitch {
        ModeSwitch(AtomicU8::new(mode as u8))
    }

    #[inline]
    pub(crate) fn get(&self) -> Mode {
        match self.0.load(Ordering::Relaxed) {
            0 => Mode::On,
            1 => Mode::LogOnly,
            _ => Mode::Off,
        }
    }

    /// The mode, unless it is Off: one load and one comparison for the caller who is not wanted.
    #[inline]
    pub(crate) fn unless_off(&self) -> Option<Mode> {
        let mode = self.0.load(Ordering::Relaxed);
        // The last of them.
        if mode >= Mode::Off as u8 {
            return None;
        }
        Some(if mode == Mode::On as u8 { Mode::On } else { Mode::LogOnly })
    }

    /// Sets the mode and says what it was.
    pub(crate) fn swap(&self, mode: Mode) -> Mode {
        match self.0.swap(mode as u8, Ordering::Relaxed) {
            0 => Mode::On,
            1 => Mode::LogOnly,
            _ => Mode::Off,
        }
    }
}
