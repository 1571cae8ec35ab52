//! Decides which events are taken: by level, target and marker.
//! Pure, except for the visits that read a value from an event.

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level};

/// The field in which tracing-log passes a record's target.
pub(super) const LOG_TARGET: &str = "log.target";

#[derive(Debug)]
pub(super) struct Choice {
    pub(super) max_level: LevelFilter,
    /// Empty: all.
    pub(super) targets: Vec<String>,
    pub(super) except: Vec<String>,
    pub(super) marker: Option<&'static str>,
}

impl Choice {
    #[inline]
    pub(super) fn takes_level(&self, level: Level) -> bool {
        level <= self.max_level
    }

    #[inline]
    pub(super) fn takes_target(&self, target: &str) -> bool {
        let begins = |prefix: &String| target.starts_with(prefix.as_str());
        (self.targets.is_empty() || self.targets.iter().any(begins))
            && !self.except.iter().any(begins)
            && !is_ours(target)
    }

    /// Whether it takes the target of a record of the `log` crate, which is a value.
    pub(super) fn takes_log_target(&self, event: &Event<'_>) -> bool {
        let mut looking = LogTarget { choice: self, takes: false };
        event.record(&mut looking);
        looking.takes
    }

    #[inline]
    pub(super) fn takes_marked(&self, event: &Event<'_>) -> bool {
        match self.marker {
            None => true,
            Some(marker) => is_marked(event, marker),
        }
    }
}

/// What overspill logs about itself never becomes an event.
fn is_ours(target: &str) -> bool {
    target.strip_prefix("overspill").is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_marked(event: &Event<'_>, marker: &'static str) -> bool {
    // Most call sites have no such field: then no value is read.
    if event.metadata().fields().field(marker).is_none() {
        return false;
    }
    let mut looking = Marker { name: marker, is_set: false };
    event.record(&mut looking);
    looking.is_set
}

struct Marker {
    name: &'static str,
    is_set: bool,
}

impl Visit for Marker {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.is_set |= value && field.name() == self.name;
    }

    // Only a `bool` can be the marker; other values are not formatted.
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

struct LogTarget<'a> {
    choice: &'a Choice,
    takes: bool,
}

impl Visit for LogTarget<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == LOG_TARGET {
            self.takes = self.choice.takes_target(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn choice(targets: &[&str], except: &[&str]) -> Choice {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Choice { max_level: LevelFilter::INFO, targets: owned(targets), except: owned(except), marker: None }
    }

    #[test]
    fn a_target_is_selected_by_its_prefix_unless_it_is_excluded_or_ours() {
        for (targets, except, target, takes) in [
            (&[][..], &[][..], "orders", true),
            (&[], &[], "hyper::proto", true),
            (&[], &[], "overspill", false),
            (&[], &[], "overspill::spill", false),
            (&[], &[], "overspill::notice", false),
            (&[], &[], "overspill_shop", true),
            (&["overspill"], &[], "overspill::notice", false),
            (&["orders"], &[], "orders", true),
            (&["orders"], &[], "orders::paid", true),
            (&["orders"], &[], "stock", false),
            (&["orders", "stock"], &[], "stock::moved", true),
            (&["orders"], &["orders::debug"], "orders::debug::sql", false),
            (&["orders"], &["orders::debug"], "orders::paid", true),
            (&[], &["hyper"], "hyper_util::client", false),
            (&[], &["hyper"], "orders", true),
        ] {
            assert_eq!(
                choice(targets, except).takes_target(target),
                takes,
                "{targets:?} {except:?} {target}"
            );
        }
    }

    #[test]
    fn a_level_is_taken_up_to_the_most_verbose_one_chosen() {
        let all = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        for (max_level, taken) in
            [(LevelFilter::OFF, 0), (LevelFilter::ERROR, 1), (LevelFilter::INFO, 3), (LevelFilter::TRACE, 5)]
        {
            let choice = Choice { max_level, ..choice(&[], &[]) };
            assert_eq!(all.into_iter().filter(|&level| choice.takes_level(level)).count(), taken);
        }
    }
}
