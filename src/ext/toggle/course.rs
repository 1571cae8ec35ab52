//! The history of one flag: what to set, and what to report.
//!
//! In: a moment, and what the flag says or what is wrong with it. Out: a
//! value to set, and something to report, if any. A pure state machine.
//!
//! CS1: a value is set when it differs from the flag's last one, and at no other time. So trouble keeps the last value,
//!     and what others set in between (a person, the memory watch) stays until the flag changes.
//! CS2: trouble is reported once, and its end only if it was reported; neither more often than every [`TOLD_EVERY`].
//! CS3: a change is reported at once. If another was reported within the last [`TOLD_EVERY`], the value at the end of that
//!     time is reported instead.

use super::limits::TOLD_EVERY;
use super::meaning::FlagTrouble;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Course<V> {
    value: Option<V>,
    value_told: Option<V>,
    change_told_at: Option<Instant>,
    trouble_told: Option<FlagTrouble>,
    trouble_told_at: Option<Instant>,
}

/// What to report about a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FlagReport<V> {
    /// It has this value.
    Value(V),
    /// It is in trouble; the value that is kept, if there was one.
    Trouble(FlagTrouble, Option<V>),
    /// The trouble is over: it has this value.
    Well(V),
}

/// The result of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CourseStep<V> {
    pub(super) set: Option<V>,
    pub(super) tell: Option<FlagReport<V>>,
}

impl<V> Default for Course<V> {
    fn default() -> Course<V> {
        Course {
            value: None,
            value_told: None,
            change_told_at: None,
            trouble_told: None,
            trouble_told_at: None,
        }
    }
}

impl<V: Copy + PartialEq> Course<V> {
    pub(super) fn hear(&mut self, now: Instant, said: Result<V, FlagTrouble>) -> CourseStep<V> {
        match said {
            Ok(value) => self.says(now, value),
            Err(trouble) => CourseStep { set: None, tell: self.in_trouble(now, trouble) },
        }
    }

    fn says(&mut self, now: Instant, value: V) -> CourseStep<V> {
        // CS1.
        let set = (self.value != Some(value)).then_some(value);
        self.value = Some(value);
        if self.trouble_told.take().is_some() {
            (self.value_told, self.change_told_at) = (Some(value), Some(now));
            return CourseStep { set, tell: Some(FlagReport::Well(value)) };
        }
        // CS3.
        let is_news = self.value_told != Some(value) && is_time(now, self.change_told_at);
        if is_news {
            (self.value_told, self.change_told_at) = (Some(value), Some(now));
        }
        CourseStep { set, tell: is_news.then_some(FlagReport::Value(value)) }
    }

    /// CS2.
    fn in_trouble(&mut self, now: Instant, trouble: FlagTrouble) -> Option<FlagReport<V>> {
        let is_known = self.trouble_told.as_ref().is_some_and(|told| told.is_like(&trouble));
        if is_known || !is_time(now, self.trouble_told_at) {
            return None;
        }
        (self.trouble_told, self.trouble_told_at) = (Some(trouble.clone()), Some(now));
        Some(FlagReport::Trouble(trouble, self.value))
    }
}

fn is_time(now: Instant, told_at: Option<Instant>) -> bool {
    told_at.is_none_or(|told_at| now.saturating_duration_since(told_at) >= TOLD_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;
    use FlagReport::{Value, Well};
    use std::time::Duration;

    /// Each row: the second, what the flag says, what is set, what is reported.
    type Row = (u64, Result<Mode, FlagTrouble>, Option<Mode>, Option<FlagReport<Mode>>);

    #[track_caller]
    fn goes(rows: Vec<Row>) {
        let (mut course, began) = (Course::default(), Instant::now());
        for (second, said, set, tell) in rows {
            let step = course.hear(began + Duration::from_secs(second), said.clone());
            assert_eq!(step, CourseStep { set, tell }, "at {second} s: {said:?}");
        }
    }

    fn gone() -> FlagTrouble {
        FlagTrouble::Failed("GENERAL")
    }

    #[test]
    fn a_value_is_set_and_reported_once_when_it_arrives() {
        let (on, off) = (Mode::On, Mode::Off);
        goes(vec![
            (0, Ok(on), Some(on), Some(Value(on))),
            (10, Ok(on), None, None),
            (500, Ok(on), None, None),
            (510, Ok(off), Some(off), Some(Value(off))),
            (520, Ok(off), None, None),
        ]);
    }

    #[test]
    fn trouble_keeps_the_last_value_and_is_reported_once_and_so_is_its_end() {
        let log_only = Mode::LogOnly;
        let told = FlagReport::Trouble(gone(), Some(log_only));
        goes(vec![
            (0, Ok(log_only), Some(log_only), Some(Value(log_only))),
            (10, Err(gone()), None, Some(told)),
            (20, Err(gone()), None, None),
            (9_000, Err(gone()), None, None),
            (9_010, Ok(log_only), None, Some(Well(log_only))),
            (9_020, Ok(log_only), None, None),
        ]);
    }

    #[test]
    fn a_missing_flag_changes_nothing_until_it_appears() {
        goes(vec![
            (0, Err(gone()), None, Some(FlagReport::Trouble(gone(), None))),
            (10, Err(gone()), None, None),
            (20, Ok(Mode::Off), Some(Mode::Off), Some(Well(Mode::Off))),
        ]);
    }

    #[test]
    fn a_different_problem_is_reported_but_not_at_every_look() {
        let other = FlagTrouble::Panicked;
        goes(vec![
            (0, Err(gone()), None, Some(FlagReport::Trouble(gone(), None))),
            (10, Err(other.clone()), None, None),
            (20, Err(gone()), None, None),
            (60, Err(other.clone()), None, Some(FlagReport::Trouble(other, None))),
            (70, Err(gone()), None, None),
        ]);
    }

    #[test]
    fn a_flag_that_flips_at_each_look_is_set_each_time_and_reported_every_minute() {
        let (mut course, began, mut told) = (Course::default(), Instant::now(), 0);
        for look in 0..3_600_u64 {
            let value = if look % 2 == 0 { Mode::On } else { Mode::Off };
            let step = course.hear(began + Duration::from_secs(look), Ok(value));
            assert_eq!(step.set, Some(value));
            told += u32::from(step.tell.is_some());
        }
        assert!(told <= 60, "{told}");
    }

    #[test]
    fn a_service_that_comes_and_goes_at_each_look_is_reported_twice_a_minute_at_most() {
        let (mut course, began, mut told) = (Course::default(), Instant::now(), 0);
        for look in 0..3_600_u64 {
            let said = if look % 2 == 0 { Ok(Mode::On) } else { Err(gone()) };
            let step = course.hear(began + Duration::from_secs(look), said);
            assert_eq!(step.set.is_some(), look == 0);
            told += u32::from(step.tell.is_some());
        }
        assert!(told <= 121, "{told}");
    }

    #[test]
    fn a_delayed_change_is_reported_later_unless_it_was_undone() {
        let (on, off) = (Mode::On, Mode::Off);
        goes(vec![
            (0, Ok(on), Some(on), Some(Value(on))),
            (10, Ok(off), Some(off), None),
            (60, Ok(off), None, Some(Value(off))),
            (70, Ok(on), Some(on), None),
            (80, Ok(off), Some(off), None),
            (130, Ok(off), None, None),
        ]);
    }
}
