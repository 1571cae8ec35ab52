//! What an answer means for the events it is about: a pure function, no state, no clock but the one given.
//!
//! | answer | verdict |
//! |---|---|
//! | 200..=299 | delivered |
//! | 400, 413, 422 | the batch is halved until the event that is refused is alone: that one spills as `refused` |
//! | 401, 402, 403, 404, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 431, 451, every 3xx | denied: the settings are wrong; out at once |
//! | 408, 425, 429, 503, other 4xx | unavailable: counts towards an outage; with Retry-After, out until then |
//! | 500, other 5xx | the same, and the events are `maybe_delivered`: the endpoint failed while it had them |
//! | 1xx, below 100, 600 and above | broken: not an HTTP answer to a request |
//! | no connection | connect: counts towards an outage, certainly not delivered |
//! | no answer in time; exchange broken off | timeout, broken: counts, `maybe_delivered` |

use crate::limits::RETRY_AFTER_MAX;
use crate::outcome::{MaybeDelivered, Reason};
use crate::transport::{Failure, FailureKind, Reply};
use std::time::{Duration, SystemTime};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    /// One or some of the events are refused: halve, or spill the single one.
    Halve(Cause),
    /// Spill, and count towards an outage.
    Failed(Cause, RetryAfter),
    /// Spill, and go out at once.
    Denied(Cause),
}

/// What the log says about a spilled event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: Reason,
    pub(crate) maybe_delivered: MaybeDelivered,
    pub(crate) detail: String,
}

impl Cause {
    pub(crate) fn of(reason: Reason, detail: impl Into<String>) -> Cause {
        Cause { reason, maybe_delivered: MaybeDelivered::No, detail: detail.into() }
    }

    pub(crate) fn maybe(reason: Reason, detail: impl Into<String>) -> Cause {
        Cause { reason, maybe_delivered: MaybeDelivered::Yes, detail: detail.into() }
    }
}

/// When the endpoint wants to hear from us again; zero if it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RetryAfter(pub(crate) Duration);

/// Judges one exchange. `wall` is for a Retry-After that is a date.
pub(crate) fn judge(answer: &Result<Reply, Failure>, wall: SystemTime) -> Verdict {
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => {
            let reason = match failure.kind {
                FailureKind::Connect => Reason::Connect,
                FailureKind::Timeout => Reason::Timeout,
                FailureKind::Broken | FailureKind::Stale => Reason::Broken,
            };
            let maybe_delivered = failure.maybe_delivered;
            return Verdict::Failed(
                Cause { reason, maybe_delivered, detail: failure.detail.clone() },
                RetryAfter::default(),
            );
        }
    };
    let detail = format!("status {}", reply.status);
    let retry_after =
        RetryAfter(reply.retry_after.as_deref().map_or(Duration::ZERO, |text| retry_after(text, wall)));
    match reply.status {
        200..=299 => Verdict::Delivered,
        400 | 413 | 422 => Verdict::Halve(Cause::of(Reason::Refused, detail)),
        300..=399 | 401..=407 | 410 | 411 | 414 | 415 | 417 | 421 | 426 | 431 | 451 => {
            Verdict::Denied(Cause::of(Reason::Denied, detail))
        }
        503 | 400..=499 => Verdict::Failed(Cause::of(Reason::Unavailable, detail), retry_after),
        500..=599 => Verdict::Failed(Cause::maybe(Reason::Unavailable, detail), retry_after),
        _ => Verdict::Failed(Cause::maybe(Reason::Broken, detail), RetryAfter::default()),
    }
}

/// Seconds or an HTTP date, within [0, [`RETRY_AFTER_MAX`]]; what cannot be read is zero.
pub(crate) fn retry_after(text: &str, wall: SystemTime) -> Duration {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit into a number are a number above the maximum.
        return text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs).min(RETRY_AFTER_MAX);
    }
    httpdate::parse_http_date(text)
        .ok()
        .and_then(|date| date.duration_since(wall).ok())
        .map_or(Duration::ZERO, |delay| delay.min(RETRY_AFTER_MAX))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::transport::BodyEnd;
    use proptest::prelude::*;

    fn of(status: u16) -> Verdict {
        judge(&Ok(Reply::of_status(status)), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn only_2xx_is_delivered_and_every_other_status_is_as_tabled() {
        for status in 0..=u16::MAX {
            let verdict = of(status);
            match status {
                200..=299 => assert_eq!(verdict, Verdict::Delivered),
                400 | 413 | 422 => assert!(matches!(verdict, Verdict::Halve(_)), "{status}"),
                300..=399 | 401..=407 | 410 | 411 | 414 | 415 | 417 | 421 | 426 | 431 | 451 => {
                    assert!(matches!(verdict, Verdict::Denied(_)), "{status}");
                }
                400..=599 => {
                    let Verdict::Failed(cause, _) = verdict else { panic!("{status}") };
                    let maybe = status >= 500 && status != 503;
                    assert_eq!(cause.maybe_delivered == MaybeDelivered::Yes, maybe, "{status}");
                    assert_eq!(cause.reason, Reason::Unavailable);
                }
                _ => assert!(
                    matches!(verdict, Verdict::Failed(cause, _) if cause.reason == Reason::Broken),
                    "{status}"
                ),
            }
        }
    }

    #[test]
    fn no_answer_keeps_the_transports_word_on_whether_it_may_have_arrived() {
        for (kind, reason) in [
            (FailureKind::Connect, Reason::Connect),
            (FailureKind::Timeout, Reason::Timeout),
            (FailureKind::Broken, Reason::Broken),
        ] {
            for maybe_delivered in [MaybeDelivered::No, MaybeDelivered::Yes] {
                let failure = Failure { kind, maybe_delivered, detail: "why".to_owned() };
                let expected = Cause { reason, maybe_delivered, detail: "why".to_owned() };
                assert_eq!(
                    judge(&Err(failure), SystemTime::UNIX_EPOCH),
                    Verdict::Failed(expected, RetryAfter::default())
                );
            }
        }
    }

    #[test]
    fn retry_after_is_honoured_within_its_bounds() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        for (text, seconds) in [
            ("0", 0),
            ("30", 30),
            (" 7 ", 7),
            ("601", 600),
            ("1000000000000000000000000000000", 600),
            ("-5", 0),
            ("", 0),
            ("soon", 0),
            ("1.5", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 600),
        ] {
            assert_eq!(retry_after(text, wall).as_secs(), seconds, "{text}");
        }
    }

    /// What an endpoint may write after `retry-after:`, and worse.
    fn any_retry_after() -> impl Strategy<Value = String> {
        let signs = proptest::sample::select(vec!["", "-", "+", " ", "0", "0x", "١"]);
        prop_oneof![
            "[0-9]{1,40}",
            (any::<u64>(), signs).prop_map(|(seconds, sign)| format!("{sign}{seconds}")),
            (1..10_240_usize, "[0-9]").prop_map(|(digits, digit)| digit.repeat(digits)),
            // The dates that HTTP knows: up to the year 9999.
            (0..253_402_300_800_u64).prop_map(|seconds| {
                httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            }),
            "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
            "\\PC{0,80}",
            proptest::collection::vec(any::<char>(), 0..80).prop_map(|chars| chars.into_iter().collect()),
        ]
    }

    fn any_wall() -> impl Strategy<Value = SystemTime> {
        (0..253_402_300_800_u64).prop_map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    proptest! {
        #[test]
        fn no_retry_after_panics_or_exceeds_its_bound(text in any_retry_after(), wall in any_wall()) {
            prop_assert!(retry_after(&text, wall) <= RETRY_AFTER_MAX);
        }

        #[test]
        fn seconds_and_dates_are_honoured_exactly_within_the_bound(seconds in 0..2_000_u64, wall in any_wall()) {
            let expected = Duration::from_secs(seconds).min(RETRY_AFTER_MAX);
            prop_assert_eq!(retry_after(&seconds.to_string(), wall), expected);
            let date = wall + Duration::from_secs(seconds);
            // Beyond the year 9999 there is no way to write it down.
            if date < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800) {
                prop_assert_eq!(retry_after(&httpdate::fmt_http_date(date), wall), expected);
            }
            let past = SystemTime::UNIX_EPOCH.max(wall - Duration::from_secs(seconds.min(1)));
            prop_assert_eq!(retry_after(&httpdate::fmt_http_date(past), wall), Duration::ZERO);
        }

        #[test]
        fn a_verdict_is_the_same_whatever_the_body_says_and_only_2xx_delivers(
            status in 0..=1100_u16,
            body in proptest::collection::vec(any::<u8>(), 0..64),
            cut in any::<bool>(),
            retry_after in proptest::option::of(any_retry_after()),
        ) {
            let body_end = if cut { BodyEnd::Cut } else { BodyEnd::Whole };
            let answer =
                Ok(Reply { retry_after: retry_after.clone(), body, body_end, ..Reply::of_status(status) });
            let verdict = judge(&answer, SystemTime::UNIX_EPOCH);
            let bare = Ok(Reply { retry_after, ..Reply::of_status(status) });
            prop_assert_eq!(&verdict, &judge(&bare, SystemTime::UNIX_EPOCH));
            prop_assert_eq!(&verdict, &judge(&answer, SystemTime::UNIX_EPOCH));
            prop_assert_eq!(verdict == Verdict::Delivered, (200..=299).contains(&status));
        }
    }
}
