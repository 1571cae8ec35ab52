//! Parses the words of a notice. They are documented at `NOTICE_TARGET`.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ToldNotice<'a> {
    /// With the cause.
    OutageBegan(&'a str),
    OutageContinues(Duration, &'a str),
    OutageEnded(Duration, NoticeSums),
    ShutDown(NoticeSums),
    Other,
}

/// The numbers from the books that a notice contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeSums {
    pub(crate) delivered: u64,
    pub(crate) spilled: u64,
    pub(crate) lost: u64,
}

pub(crate) fn read(text: &str) -> ToldNotice<'_> {
    told(text).unwrap_or(ToldNotice::Other)
}

fn told(text: &str) -> Option<ToldNotice<'_>> {
    if let Some(rest) = text.strip_prefix("outage began: ") {
        return Some(ToldNotice::OutageBegan(rest.split("; events go to the log").next().unwrap_or(rest)));
    }
    if let Some(rest) = text.strip_prefix("outage continues after ") {
        let (seconds, rest) = rest.split_once(" s: ")?;
        let cause = rest.split_once("; it began with ").map_or("", |(_, cause)| cause);
        return Some(ToldNotice::OutageContinues(lasted(seconds)?, cause));
    }
    if let Some(rest) = text.strip_prefix("outage ended after ") {
        let (seconds, sums) = rest.split_once(" s: ")?;
        return Some(ToldNotice::OutageEnded(lasted(seconds)?, sums_of(sums)?));
    }
    Some(ToldNotice::ShutDown(sums_of(text.strip_prefix("shut down: ")?)?))
}

fn lasted(seconds: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.parse().ok()?).ok()
}

fn sums_of(text: &str) -> Option<NoticeSums> {
    Some(NoticeSums {
        delivered: number(text, "delivered ")?,
        spilled: number(text, "spilled ")?,
        lost: number(text, "lost ")?,
    })
}

fn number(text: &str, name: &str) -> Option<u64> {
    let rest = &text[text.find(name)? + name.len()..];
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
