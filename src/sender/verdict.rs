//! What an answer means for the events it is about: a pure function, no state, no clock but the one given.
//!
//! | answer | verdict |
//! |---|---|
//! | 200..=299 | delivered |
//! | 200..=299 with a web page | broken: an intermediary's answer (a captive portal, a login page), `maybe_delivered`; counts |
//! | 400, 413, 422 | the batch is halved until the refused event is alone: that one spills as `refused` |
//! | 401, 402, 403, 404, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 431, 451, every 3xx | denied: the settings are wrong; out at once, unless others deliver |
//! | 408, 425, 429, 503, other 4xx | unavailable: counts toward an outage; its Retry-After is honored |
//! | 500, other 5xx | the same, and the events are `maybe_delivered`: the endpoint failed while it had them |
//! | 1xx, below 100, 600 and above | broken: not an HTTP answer to a request |
//! | any, if the format reads more from it | what it says: about each event, some, or all ([`format::Verdict`](crate::format::Verdict)) |
//! | no connection | connect: counts toward an outage, certainly not delivered |
//! | no answer in time; exchange broken off | timeout, broken: counts, `maybe_delivered` |
//!
//! The answer's own words, if it has any, follow the status.

use super::sorted::{Sorted, sort};
use super::{hint, words};
use crate::config::HtmlAnswers;
use crate::format::{Repeats, Verdict};
use crate::outcome::{MaybeDelivered, Reason};
use crate::transport::{BodyEnd, Failure, FailureKind, Reply};
use std::time::{Duration, SystemTime};

/// What to do with a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PostVerdict {
    Delivered,
    /// The answer is about single events.
    Sorted(Sorted),
    /// One or some of the events are refused: halve, or spill the single one.
    Halve(SpillCause),
    /// Spill, and count toward an outage.
    Failed(SpillCause, RetryAfter),
    /// Spill, and go out at once, unless others deliver.
    Denied(SpillCause),
}

impl PostVerdict {
    /// Why the post counts as failed, if it does.
    pub(crate) fn failed_by(&self) -> Option<Reason> {
        match self {
            PostVerdict::Delivered => None,
            PostVerdict::Sorted(sorted) => sorted.failed_by(),
            PostVerdict::Halve(cause) | PostVerdict::Failed(cause, _) | PostVerdict::Denied(cause) => {
                Some(cause.reason)
            }
        }
    }
}

/// What the log says about a spilled event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpillCause {
    pub(crate) reason: Reason,
    pub(crate) maybe_delivered: MaybeDelivered,
    pub(crate) detail: String,
}

impl SpillCause {
    pub(crate) fn of(reason: Reason, detail: impl Into<String>) -> SpillCause {
        SpillCause { reason, maybe_delivered: MaybeDelivered::No, detail: detail.into() }
    }

    pub(crate) fn maybe(reason: Reason, detail: impl Into<String>) -> SpillCause {
        SpillCause { reason, maybe_delivered: MaybeDelivered::Yes, detail: detail.into() }
    }
}

/// When the endpoint wants the next request; zero if it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RetryAfter(pub(crate) Duration);

/// What a verdict needs besides the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heed<'a> {
    /// For a Retry-After that is a date, in an answer that has no `date` header.
    pub(crate) wall: SystemTime,
    /// The answer's own words, if they may be shown.
    pub(crate) words: &'a str,
    pub(crate) html: HtmlAnswers,
    /// What the format reads from it, about this many events.
    pub(crate) said: &'a Verdict,
    pub(crate) events: usize,
    pub(crate) repeats: Repeats,
}

impl Heed<'_> {
    #[cfg(all(test, not(overspill_model)))]
    pub(crate) fn nothing(wall: SystemTime) -> Heed<'static> {
        let (said, repeats) = (&Verdict::ByStatus, Repeats::Double);
        Heed { wall, words: "", html: HtmlAnswers::Refused, said, events: 1, repeats }
    }
}

/// Judges one exchange.
pub(crate) fn judge(answer: &Result<Reply, Failure>, heed: &Heed<'_>) -> PostVerdict {
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => {
            let reason = match failure.kind {
                FailureKind::Connect => Reason::Connect,
                FailureKind::Timeout => Reason::Timeout,
                FailureKind::Broken | FailureKind::Stale => Reason::Broken,
            };
            let maybe_delivered = failure.maybe_delivered;
            return PostVerdict::Failed(
                SpillCause { reason, maybe_delivered, detail: failure.detail.clone() },
                RetryAfter::default(),
            );
        }
    };
    if (200..=299).contains(&reply.status) && heed.html == HtmlAnswers::Refused && words::is_page(reply) {
        let page = "an HTML page instead of an answer: a captive portal or login page?";
        let detail = format!("status {}: {page}", reply.status);
        return PostVerdict::Failed(SpillCause::maybe(Reason::Broken, detail), RetryAfter::default());
    }
    let retry_after = RetryAfter(hint::of(reply, heed.wall));
    let detail = |words: &str| match words {
        "" => format!("status {}", reply.status),
        words => format!("status {}: {words}", reply.status),
    };
    match heed.said {
        Verdict::ByStatus => by_status(reply.status, detail(heed.words), retry_after),
        Verdict::Each(fates) => sort(fates, heed.events, retry_after, detail),
        Verdict::NoneTaken { words } => PostVerdict::Halve(SpillCause::of(Reason::Refused, detail(words))),
        Verdict::SomeRefused { refused: Some(0), .. } => PostVerdict::Delivered,
        Verdict::SomeRefused { refused, words } => {
            let all = heed.events == 1 || refused.is_some_and(|refused| refused >= heed.events);
            match (all, heed.repeats) {
                (true, _) => Sorted::all(heed.events, SpillCause::of(Reason::Refused, detail(words))),
                (false, Repeats::Harmless) => {
                    PostVerdict::Halve(SpillCause::maybe(Reason::Refused, detail(words)))
                }
                (false, Repeats::Double) => {
                    let some = refused.map_or_else(|| "some".to_owned(), |refused| refused.to_string());
                    let which = format!("{some} of {} refused, and not said which: {words}", heed.events);
                    Sorted::all(heed.events, SpillCause::maybe(Reason::Refused, detail(&which)))
                }
            }
        }
        &Verdict::Unavailable { maybe_delivered, ref words } => {
            let cause = SpillCause { reason: Reason::Unavailable, maybe_delivered, detail: detail(words) };
            PostVerdict::Failed(cause, retry_after)
        }
        Verdict::Denied { words } => PostVerdict::Denied(SpillCause::of(Reason::Denied, detail(words))),
        Verdict::Unknown => {
            let why = match reply.body_end {
                BodyEnd::Whole => "the answer does not say which events were refused",
                BodyEnd::Cut => "the answer was cut off",
            };
            PostVerdict::Failed(SpillCause::maybe(Reason::Broken, detail(why)), retry_after)
        }
    }
}

fn by_status(status: u16, detail: String, retry_after: RetryAfter) -> PostVerdict {
    match status {
        200..=299 => PostVerdict::Delivered,
        400 | 413 | 422 => PostVerdict::Halve(SpillCause::of(Reason::Refused, detail)),
        300..=399 | 401..=407 | 410 | 411 | 414 | 415 | 417 | 421 | 426 | 431 | 451 => {
            PostVerdict::Denied(SpillCause::of(Reason::Denied, detail))
        }
        503 | 400..=499 => PostVerdict::Failed(SpillCause::of(Reason::Unavailable, detail), retry_after),
        500..=599 => PostVerdict::Failed(SpillCause::maybe(Reason::Unavailable, detail), retry_after),
        _ => PostVerdict::Failed(SpillCause::maybe(Reason::Broken, detail), RetryAfter::default()),
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(status: u16) -> PostVerdict {
        judge(&Ok(Reply::of_status(status)), &Heed::nothing(SystemTime::UNIX_EPOCH))
    }

    #[test]
    fn only_2xx_is_delivered_and_every_other_status_is_as_tabled() {
        for status in 0..=u16::MAX {
            let verdict = of(status);
            match status {
                200..=299 => assert_eq!(verdict, PostVerdict::Delivered),
                400 | 413 | 422 => assert!(matches!(verdict, PostVerdict::Halve(_)), "{status}"),
                300..=399 | 401..=407 | 410 | 411 | 414 | 415 | 417 | 421 | 426 | 431 | 451 => {
                    assert!(matches!(verdict, PostVerdict::Denied(_)), "{status}");
                }
                400..=599 => {
                    let PostVerdict::Failed(cause, _) = verdict else { panic!("{status}") };
                    let maybe = status >= 500 && status != 503;
                    assert_eq!(cause.maybe_delivered == MaybeDelivered::Yes, maybe, "{status}");
                    assert_eq!(cause.reason, Reason::Unavailable);
                }
                _ => assert!(
                    matches!(verdict, PostVerdict::Failed(cause, _) if cause.reason == Reason::Broken),
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
            (FailureKind::Stale, Reason::Broken),
        ] {
            for maybe_delivered in [MaybeDelivered::No, MaybeDelivered::Yes] {
                let failure = Failure { kind, maybe_delivered, detail: "why".to_owned() };
                let expected = SpillCause { reason, maybe_delivered, detail: "why".to_owned() };
                assert_eq!(
                    judge(&Err(failure), &Heed::nothing(SystemTime::UNIX_EPOCH)),
                    PostVerdict::Failed(expected, RetryAfter::default())
                );
            }
        }
    }

    #[test]
    fn a_web_page_in_a_2xx_is_no_delivery_unless_the_user_says_so_and_an_answers_words_stand_behind_its_status()
     {
        let page = || Reply { body: b"<!doctype html>".to_vec(), ..Reply::of_status(200) };
        let heed = Heed { words: "why", ..Heed::nothing(SystemTime::UNIX_EPOCH) };
        let PostVerdict::Failed(cause, _) = judge(&Ok(page()), &heed) else { panic!("no delivery") };
        assert_eq!((cause.reason, cause.maybe_delivered), (Reason::Broken, MaybeDelivered::Yes));
        assert!(cause.detail.starts_with("status 200: an HTML page instead of an answer"));
        let accepting = Heed { html: HtmlAnswers::Accepted, ..heed };
        assert_eq!(judge(&Ok(page()), &accepting), PostVerdict::Delivered);
        let PostVerdict::Halve(cause) = judge(&Ok(Reply::of_status(400)), &heed) else { panic!("refused") };
        assert_eq!(cause.detail, "status 400: why");
    }

    proptest! {
        #[test]
        fn a_verdict_is_the_same_whatever_the_body_says_and_only_2xx_delivers(
            status in 0..=1100_u16,
            body in proptest::collection::vec(any::<u8>(), 0..64),
            cut in any::<bool>(),
            retry_after in proptest::option::of("[0-9]{0,12}"),
        ) {
            let body_end = if cut { BodyEnd::Cut } else { BodyEnd::Whole };
            let answer = Ok(Reply { retry_after: retry_after.clone(), body, body_end, ..Reply::of_status(status) });
            let verdict = judge(&answer, &Heed::nothing(SystemTime::UNIX_EPOCH));
            let bare = Ok(Reply { retry_after, ..Reply::of_status(status) });
            prop_assert_eq!(&verdict, &judge(&bare, &Heed::nothing(SystemTime::UNIX_EPOCH)));
            prop_assert_eq!(&verdict, &judge(&answer, &Heed::nothing(SystemTime::UNIX_EPOCH)));
            // Not even a random body is a page: none begins with a tag.
            prop_assert_eq!(verdict == PostVerdict::Delivered, (200..=299).contains(&status));
        }
    }
}
