//! The sentences that the terminal and the page share.

use super::books::REASONS;
use super::summary::{OutageRow, Summary};
use crate::units::{count, grouped, moment, share, span};
use overspill::Reason;

/// What a reason means, for a person who has not read the documentation.
pub(crate) fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Outage => "the endpoint was known to be out: not tried",
        Reason::Connect => "no connection to the endpoint",
        Reason::Timeout => "no answer in time",
        Reason::Broken => "the connection broke, or the answer was not HTTP",
        Reason::Refused => "the endpoint refused this very event",
        Reason::Denied => "the endpoint refused the client: address or credentials are wrong",
        Reason::Unavailable => "the endpoint answered that it cannot now, like 503",
        Reason::QueueFull => "events came faster than the endpoint took them",
        Reason::Closed => "emitted after the client had been shut down",
        Reason::LogOnly => "the client was switched to its log",
        Reason::Oversized => "longer than an event may be",
        Reason::Deadline => "not delivered before the service ended",
        Reason::FormatFailed => "the format could not write it",
        Reason::Abandoned => "the sender failed with it in hand",
        _ => "see the documentation of overspill::Reason",
    }
}

/// Reasons that occur, the most frequent first.
pub(crate) fn reasons(by_reason: &[u64; REASONS]) -> Vec<(Reason, u64)> {
    let mut all: Vec<(Reason, u64)> =
        Reason::ALL.iter().zip(by_reason).map(|(reason, count)| (*reason, *count)).collect();
    all.retain(|(_, count)| *count > 0);
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all
}

/// Kinds of events, the most frequent first, including those without a name and those not counted individually.
pub(crate) fn kinds(summary: &Summary, top: usize) -> Vec<(String, u64)> {
    let books = &summary.books;
    let mut all: Vec<(String, u64)> =
        books.names.iter().map(|(name, count)| (name.clone(), *count)).collect();
    all.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let rest: u64 = all.iter().skip(top).map(|(_, count)| count).sum::<u64>() + books.other_names;
    all.truncate(top);
    all.extend([("(other names)".to_owned(), rest), ("(no name)".to_owned(), books.unnamed)]);
    all.retain(|(_, count)| *count > 0);
    all
}

/// The essentials in four sentences.
pub(crate) fn headline(summary: &Summary) -> Vec<(Mood, String)> {
    let books = &summary.books;
    let mut lines = Vec::new();
    let (Some(first), Some(last)) = (books.first, books.last) else {
        let none = "No event is in this log: all were delivered, or it is not the log that has them.";
        return vec![(Mood::Plain, none.to_owned())];
    };
    let are = if books.events == 1 { "is" } else { "are" };
    lines.push((
        Mood::Plain,
        format!(
            "{} could not be delivered and {are} in this log instead, emitted from {} to {} UTC.",
            count(books.events, "event"),
            moment(first),
            moment(last)
        ),
    ));
    lines.push((Mood::Plain, outages(summary)));
    let more = |number: u64| {
        format!("{} more {}", grouped(number), if number == 1 { "event was" } else { "events were" })
    };
    lines.push(match (summary.missing, summary.lost) {
        (0, 0) => (Mood::Good, "None is known to be missing.".to_owned()),
        (0, lost) => {
            (Mood::Bad, format!("{} lost: the services could write to no log.", more(lost)))
        }
        (missing, lost) => {
            let lost = if lost > 0 { format!(" {} lost: no log took them.", more(lost)) } else { String::new() };
            let text = format!(
                "{} written by the services and are not here: the log has lost lines, or these are in another file.{lost}",
                more(missing)
            );
            (Mood::Bad, text)
        }
    });
    let maybe = books.maybe_delivered;
    lines.push((
        Mood::Plain,
        if maybe == 0 {
            "None of them can be at the endpoint as well: all may be sent again.".to_owned()
        } else {
            format!(
                "{} of them ({}) may be at the endpoint as well: when they are sent again, remove duplicates by id.",
                grouped(maybe),
                share(maybe, books.events)
            )
        },
    ));
    lines
}

fn outages(summary: &Summary) -> String {
    match summary.rows.len() as u64 {
        0 => "There was no outage: see below why events are here.".to_owned(),
        1 => format!("The endpoint was out once, for {}.", span(summary.out())),
        number => format!(
            "The endpoint was out {} times, {} in all; the longest time was {}.",
            grouped(number),
            span(summary.out()),
            span(summary.longest())
        ),
    }
}

/// The tone of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Plain,
    Good,
    Bad,
}

/// `2026-11-26 21:00:01`, or that it had not ended.
pub(crate) fn ended(row: &OutageRow) -> String {
    row.ended.map_or_else(|| "not over".to_owned(), moment)
}

/// Maximum time until the return of the endpoint was noticed.
pub(crate) fn lag(row: &OutageRow) -> String {
    row.lag.map_or_else(|| "-".to_owned(), |lag| format!("< {}", span(lag)))
}

/// What the outage cost the log.
pub(crate) fn cost(summary: &Summary) -> String {
    let books = &summary.books;
    format!(
        "{} of {} in the log ({}) are {} and {}; {} for each event.",
        crate::units::bytes(books.record_bytes),
        crate::units::bytes(summary.log_bytes),
        share(books.record_bytes, summary.log_bytes),
        count(books.record_lines, "record"),
        count(books.notices, "notice"),
        crate::units::bytes(books.record_bytes / books.events.max(1))
    )
}
