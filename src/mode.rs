//! The toggle: on, to the log only, or off; switched at any time from any thread.

use crate::names::names;
use crate::sync::plain::{AtomicU8, Ordering};

/// What `emit` does with an event. There will never be more than these three, so code that maps another switch to this one may match on it.
///
/// ```
/// use overspill::Mode;
///
/// # let events = overspill::Client::builder("http://127.0.0.1:9/").build().unwrap();
/// let word = "log_only"; // from wherever your switches are
/// if let Ok(mode) = word.parse() {
///     events.set_mode(mode);
/// }
/// assert_eq!(events.mode(), Mode::LogOnly);
/// # events.shutdown_blocking(std::time::Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Queue it for the endpoint.
    #[default]
    On,
    /// Write it to the application log, with [`Reason::LogOnly`](crate::Reason::LogOnly).
    LogOnly,
    /// Do nothing: one load; the event is not even looked at.
    Off,
}

names!(Mode, "a mode", { On = "on", LogOnly = "log_only", Off = "off", });

/// The switch itself. Relaxed: an event follows the mode that its one load saw, and no other memory depends on it.
#[derive(Debug)]
pub(crate) struct ModeSwitch(AtomicU8);

/// Off for good: nobody can switch it. Greater than [`Mode::Off`], so that one comparison finds both.
const OFF_FOR_GOOD: u8 = Mode::Off as u8 + 1;

impl ModeSwitch {
    pub(crate) fn new(mode: Mode) -> ModeSwitch {
        ModeSwitch(AtomicU8::new(mode as u8))
    }

    pub(crate) fn off_for_good() -> ModeSwitch {
        ModeSwitch(AtomicU8::new(OFF_FOR_GOOD))
    }

    pub(crate) fn is_off_for_good(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OFF_FOR_GOOD
    }

    #[inline]
    pub(crate) fn get(&self) -> Mode {
        match self.0.load(Ordering::Relaxed) {
            0 => Mode::On,
            1 => Mode::LogOnly,
            _ => Mode::Off,
        }
    }

    /// The mode, unless it is Off: one load and one comparison for a caller whose event is not wanted.
    #[inline]
    pub(crate) fn unless_off(&self) -> Option<Mode> {
        let mode = self.0.load(Ordering::Relaxed);
        // Off, or off for good.
        if mode >= Mode::Off as u8 {
            return None;
        }
        Some(if mode == Mode::On as u8 { Mode::On } else { Mode::LogOnly })
    }

    /// Sets the mode and returns the previous one. If it is off for good, changes nothing and returns `mode`.
    pub(crate) fn swap(&self, mode: Mode) -> Mode {
        // Once set, this never changes.
        if self.is_off_for_good() {
            return mode;
        }
        match self.0.swap(mode as u8, Ordering::Relaxed) {
            0 => Mode::On,
            1 => Mode::LogOnly,
            _ => Mode::Off,
        }
    }
}
