//! The early warning about everybody: the container, or the machine, fills up, and it is not this process alone.
//!
//! In: how full it is, and whether the ladder of this process has warned already. Out: whether to say so now. C1: said once, and again
//! only after it has been well below.

use super::cgroup::Fill;
use super::limits::{HYSTERESIS_SHARE, WARNING_SHARE};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Crowd {
    #[default]
    Quiet,
    Told,
}

impl Crowd {
    /// Whether it is to be told now.
    pub(super) fn look(&mut self, fill: Option<Fill>) -> bool {
        let Some(Fill { limit, in_use }) = fill else { return false };
        let share = in_use as f64 / limit.max(1) as f64;
        match self {
            Crowd::Quiet if share >= WARNING_SHARE => {
                *self = Crowd::Told;
                true
            }
            Crowd::Told if share < WARNING_SHARE - HYSTERESIS_SHARE => {
                *self = Crowd::Quiet;
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_fills_up_is_told_once_until_it_has_been_well_below() {
        let mut crowd = Crowd::default();
        let course = [
            (500, false),
            (899, false),
            (900, true),
            (990, false),
            (850, false),
            (950, false),
            (799, false),
            (905, true),
        ];
        for (in_use, expected) in course {
            assert_eq!(crowd.look(Some(Fill { limit: 1_000, in_use })), expected, "{in_use}");
        }
        assert!(!crowd.look(None));
        assert!(Crowd::default().look(Some(Fill { limit: 0, in_use: 1 })), "a limit of nothing is full");
    }
}
