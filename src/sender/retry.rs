//! A second try, at once and on another connection, for a post that was certainly not taken: which posts may have one, and what it costs.
//!
//! In: how posts ended. Out: whether one is posted again. A pure rule.
//!
//! R1: a post is made at most twice, never as a probe, never in an outage, and never if the endpoint may have taken it. The exception
//!     is a reused connection that ended before an answer, or within its head: the `idempotency-key` identifies the post.
//! R2: a post that the endpoint answered is tried again on a budget earned by deliveries, so that an overloaded endpoint
//!     gets little more load, and one that delivers nothing gets none.
//! R3: a post that reached no endpoint cost it nothing: only R1 limits those second tries.

use super::verdict::PostVerdict;
use crate::limits::{SECOND_TRIES_PER_DELIVERY, SECOND_TRIES_SAVED_MAX};
use crate::outcome::MaybeDelivered;
use crate::transport::{Failure, FailureKind, Reply};

/// What a second try costs the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    /// The endpoint saw nothing of the first try.
    Nothing,
    /// The endpoint answered the first try.
    Post,
}

/// What a second try of this post would cost; `None` if it may not have one.
pub(crate) fn price(answer: &Result<Reply, Failure>, verdict: &PostVerdict) -> Option<Price> {
    match (answer, verdict) {
        (Err(failure), _) => match failure.kind {
            FailureKind::Connect if failure.maybe_delivered == MaybeDelivered::No => Some(Price::Nothing),
            FailureKind::Stale => Some(Price::Nothing),
            FailureKind::Connect | FailureKind::Timeout | FailureKind::Broken => None,
        },
        (Ok(_), PostVerdict::Failed(cause, _) | PostVerdict::Denied(cause)) => {
            (cause.maybe_delivered == MaybeDelivered::No).then_some(Price::Post)
        }
        (Ok(_), PostVerdict::Delivered | PostVerdict::Sorted(_) | PostVerdict::Halve(_)) => None,
    }
}

/// The budget for second tries (R2).
#[derive(Debug)]
pub(crate) struct SecondTries {
    saved: f64,
}

impl Default for SecondTries {
    /// One, for the very first post.
    fn default() -> SecondTries {
        SecondTries { saved: 1.0 }
    }
}

impl SecondTries {
    pub(crate) fn delivered(&mut self) {
        self.saved = (self.saved + SECOND_TRIES_PER_DELIVERY).min(SECOND_TRIES_SAVED_MAX);
    }

    /// Spends a try. Returns whether one was left.
    pub(crate) fn spend(&mut self, price: Price) -> bool {
        if price == Price::Nothing {
            return true;
        }
        let granted = self.saved >= 1.0;
        if granted {
            self.saved -= 1.0;
        }
        granted
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::sender::verdict::{Heed, judge};
    use std::time::SystemTime;

    #[test]
    fn only_what_was_certainly_not_taken_and_is_not_about_its_events_goes_once_more() {
        let of = |answer| price(&answer, &judge(&answer, &Heed::nothing(SystemTime::UNIX_EPOCH)));
        for status in 0..=999 {
            let expected = match status {
                400 | 413 | 422 | 200..=299 => None,
                300..=499 | 503 => Some(Price::Post),
                _ => None,
            };
            assert_eq!(of(Ok(Reply::of_status(status))), expected, "{status}");
        }
        for (kind, maybe_delivered, expected) in [
            (FailureKind::Connect, MaybeDelivered::No, Some(Price::Nothing)),
            (FailureKind::Connect, MaybeDelivered::Yes, None),
            (FailureKind::Stale, MaybeDelivered::Yes, Some(Price::Nothing)),
            (FailureKind::Broken, MaybeDelivered::Yes, None),
            (FailureKind::Broken, MaybeDelivered::No, None),
            (FailureKind::Timeout, MaybeDelivered::Yes, None),
        ] {
            let failure = Failure { kind, maybe_delivered, detail: String::new() };
            assert_eq!(of(Err(failure)), expected, "{kind:?} {maybe_delivered:?}");
        }
    }

    /// Requests per post over many posts, at an endpoint that answers this share of requests with success.
    fn load(served: f64) -> f64 {
        let (mut tries, mut rng) = (SecondTries::default(), fastrand::Rng::with_seed(7));
        let (mut requests, posts) = (0_u32, 100_000);
        for _ in 0..posts {
            for nth in 0..2 {
                requests += 1;
                if rng.f64() < served {
                    tries.delivered();
                    break;
                }
                if nth == 1 || !tries.spend(Price::Post) {
                    break;
                }
            }
        }
        f64::from(requests) / f64::from(posts)
    }

    #[test]
    fn second_tries_never_make_much_more_of_an_endpoint_with_too_much_to_do() {
        for (served, most) in
            [(1.0, 1.0), (0.9, 1.11), (0.7, 1.31), (0.6, 1.41), (0.5, 1.34), (0.2, 1.12), (0.0, 1.001)]
        {
            let load = load(served);
            println!("{served} served: {load:.3} requests for each post");
            assert!(load <= most, "{served}: {load:.3}");
        }
    }
}
