//! The early warning about all processes together: the container, or the machine, fills up, whichever process fills it.
//!
//! In: how full it is. Out: whether to warn now. CW1: it warns once, and again only after the usage was well below the limit.

use super::cgroup::Fill;
use super::limits::{HYSTERESIS_SHARE, WARNING_SHARE};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Crowd {
    #[default]
    Quiet,
    Told,
}

impl Crowd {
    /// Whether to warn now.
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
    fn a_container_that_fills_up_is_reported_once_until_its_usage_was_well_below() {
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
