//! An answer about single events: what happens to each, and what the post counts as.
//!
//! In: a fate for each event. Out: runs of events with the same fate, and what the post counts as. A pure rule.
//! V1: an event that the answer does not mention may have been taken, and is never counted as delivered.

use super::verdict::{PostVerdict, RetryAfter, SpillCause};
use crate::format::Fate;
use crate::outcome::Reason;
use std::ops::Range;

/// The events of a request grouped by fate, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sorted {
    pub(crate) runs: Vec<Run>,
    pub(crate) counts_as: CountsAs,
    pub(crate) retry_after: RetryAfter,
}

/// Positions within the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) range: Range<usize>,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Deliver,
    Spill(SpillCause),
    /// Post again.
    Again,
}

/// What a post means for the state of its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CountsAs {
    /// Some were taken; if not all, this is a reason why.
    Delivery(Option<SpillCause>),
    /// More were not taken for now, or have an unknown fate, than were taken.
    Failure(SpillCause),
    /// None was taken, and some are refused.
    Refusal(SpillCause),
}

impl Sorted {
    /// All events with the same fate: refused, for certain or not.
    pub(crate) fn all(events: usize, cause: SpillCause) -> PostVerdict {
        let counts_as = match cause.maybe_delivered {
            crate::MaybeDelivered::No => CountsAs::Refusal(cause.clone()),
            crate::MaybeDelivered::Yes => CountsAs::Delivery(Some(cause.clone())),
        };
        let runs = vec![Run { range: 0..events, what: What::Spill(cause) }];
        PostVerdict::Sorted(Sorted { runs, counts_as, retry_after: RetryAfter::default() })
    }

    /// Why none of the events were taken, or hardly any; `None`: some were.
    pub(crate) fn failed_by(&self) -> Option<Reason> {
        match &self.counts_as {
            CountsAs::Delivery(_) => None,
            CountsAs::Failure(cause) | CountsAs::Refusal(cause) => Some(cause.reason),
        }
    }
}

/// What happens to `events` events with these fates; `detail` puts the answer's status before its words.
pub(crate) fn sort(
    fates: &[Fate],
    events: usize,
    retry_after: RetryAfter,
    detail: impl Fn(&str) -> String,
) -> PostVerdict {
    let silent = Fate::Unknown("the answer does not say what happened to it".to_owned());
    let fates = || fates.iter().chain(std::iter::repeat(&silent)).take(events);
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<&Fate> = None;
    for (nth, fate) in fates().enumerate() {
        match runs.last_mut() {
            Some(run) if last == Some(fate) => run.range.end = nth + 1,
            _ => runs.push(Run { range: nth..nth + 1, what: what(fate, &detail) }),
        }
        last = Some(fate);
    }
    let counted = |wanted: fn(&Fate) -> bool| fates().filter(|fate| wanted(fate)).count();
    let delivered = counted(|fate| *fate == Fate::Delivered);
    let failed = counted(|fate| matches!(fate, Fate::Unavailable(_) | Fate::Unknown(_)));
    let cause = |wanted: fn(&SpillCause) -> bool| {
        runs.iter().find_map(|run| match &run.what {
            What::Spill(cause) if wanted(cause) => Some(cause.clone()),
            _ => None,
        })
    };
    let failure = cause(|cause| cause.reason != Reason::Refused);
    let refusal = cause(|cause| cause.reason == Reason::Refused);
    let counts_as = match (failure, refusal) {
        (None, None) if delivered == events => return PostVerdict::Delivered,
        (None, None) if delivered == 0 => {
            // None was taken, and no reason is given.
            return PostVerdict::Failed(
                SpillCause::of(Reason::Unavailable, detail("none was taken")),
                retry_after,
            );
        }
        (Some(cause), _) if failed > delivered => CountsAs::Failure(cause),
        (_, Some(cause)) if delivered == 0 => CountsAs::Refusal(cause),
        (failure, refusal) => CountsAs::Delivery(failure.or(refusal)),
    };
    PostVerdict::Sorted(Sorted { runs, counts_as, retry_after })
}

fn what(fate: &Fate, detail: impl Fn(&str) -> String) -> What {
    What::Spill(match fate {
        Fate::Delivered => return What::Deliver,
        Fate::NotTaken => return What::Again,
        Fate::Refused(words) => SpillCause::of(Reason::Refused, detail(words)),
        Fate::MaybeRefused(words) => SpillCause::maybe(Reason::Refused, detail(words)),
        Fate::Unavailable(words) => SpillCause::of(Reason::Unavailable, detail(words)),
        Fate::Unknown(words) => SpillCause::maybe(Reason::Broken, detail(words)),
    })
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::outcome::MaybeDelivered;
    use proptest::prelude::*;

    fn detail(words: &str) -> String {
        format!("status 200: {words}")
    }

    fn refused() -> Fate {
        Fate::Refused("bad".to_owned())
    }

    fn busy() -> Fate {
        Fate::Unavailable("busy".to_owned())
    }

    fn of(fates: &[Fate]) -> PostVerdict {
        sort(fates, fates.len(), RetryAfter::default(), detail)
    }

    fn counts_as(fates: &[Fate]) -> CountsAs {
        let PostVerdict::Sorted(sorted) = of(fates) else { panic!("{:?}", of(fates)) };
        sorted.counts_as
    }

    #[test]
    fn a_post_counts_by_what_became_of_most_of_its_events() {
        let (delivered, unknown) = (Fate::Delivered, Fate::Unknown("?".to_owned()));
        assert_eq!(of(&[delivered.clone(), delivered.clone()]), PostVerdict::Delivered);
        let busy_cause = SpillCause::of(Reason::Unavailable, "status 200: busy");
        let bad = SpillCause::of(Reason::Refused, "status 200: bad");
        for (fates, expected) in [
            (vec![delivered.clone(), refused()], CountsAs::Delivery(Some(bad.clone()))),
            (vec![delivered.clone(), busy()], CountsAs::Delivery(Some(busy_cause.clone()))),
            (vec![delivered.clone(), busy(), busy()], CountsAs::Failure(busy_cause.clone())),
            (vec![refused(), Fate::NotTaken], CountsAs::Refusal(bad.clone())),
            (vec![refused(), refused()], CountsAs::Refusal(bad)),
            (vec![refused(), busy()], CountsAs::Failure(busy_cause)),
            (vec![delivered.clone(), Fate::NotTaken], CountsAs::Delivery(None)),
            (vec![unknown], CountsAs::Failure(SpillCause::maybe(Reason::Broken, "status 200: ?"))),
        ] {
            assert_eq!(counts_as(&fates), expected, "{fates:?}");
        }
        assert!(
            matches!(of(&[Fate::NotTaken]), PostVerdict::Failed(cause, _) if cause.maybe_delivered == MaybeDelivered::No)
        );
    }

    proptest! {
        #[test]
        fn each_event_has_one_end_and_none_is_delivered_that_the_answer_does_not_name(
            fates in proptest::collection::vec(0..5_u8, 0..40),
            events in 1..40_usize,
        ) {
            let fates: Vec<Fate> = fates.iter().map(|fate| match fate {
                0 => Fate::Delivered,
                1 => refused(),
                2 => busy(),
                3 => Fate::NotTaken,
                _ => Fate::Unknown(String::new()),
            }).collect();
            let ends: Vec<What> = match sort(&fates, events, RetryAfter::default(), detail) {
                PostVerdict::Delivered => vec![What::Deliver; events],
                PostVerdict::Failed(cause, _) => vec![What::Spill(cause); events],
                PostVerdict::Sorted(sorted) => {
                    prop_assert!(sorted.runs.windows(2).all(|two| two[0].range.end == two[1].range.start));
                    sorted.runs.iter().flat_map(|run| std::iter::repeat_n(run.what.clone(), run.range.len())).collect()
                }
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(ends.len(), events);
            for (nth, end) in ends.iter().enumerate() {
                prop_assert_eq!(*end == What::Deliver, fates.get(nth) == Some(&Fate::Delivered));
                if nth >= fates.len() {
                    prop_assert!(matches!(end, What::Spill(cause) if cause.maybe_delivered == MaybeDelivered::Yes));
                }
            }
        }
    }
}
