//! The report for a terminal: sentences, a chart of blocks, tables.

use super::summary::{Certain, Summary};
use super::words::{self, Mood};
use crate::out::{Tone, paint};
use crate::units::{grouped, moment, share, span, whole_span};
use std::fmt::Write;
use std::time::SystemTime;

/// Columns and rows of the chart, chosen to fit a terminal of 80 by 24.
const COLUMNS: usize = 68;
const ROWS: usize = 7;
/// Maximum rows of a table; --json has all.
const TABLE_ROWS: usize = 20;

pub(crate) fn of(summary: &Summary) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_all(&mut text, summary);
    text
}

fn write_all(out: &mut String, summary: &Summary) -> std::fmt::Result {
    for (mood, line) in words::headline(summary) {
        match mood {
            Mood::Plain => writeln!(out, "{line}")?,
            Mood::Good => writeln!(out, "{}", paint(Tone::Good, line))?,
            Mood::Bad => writeln!(out, "{}", paint(Tone::Bad, line))?,
        }
    }
    if summary.books.events == 0 {
        return Ok(());
    }
    chart(out, summary)?;
    outages(out, summary)?;
    reasons(out, summary)?;
    missing(out, summary)?;
    heading(out, "What it cost the log")?;
    writeln!(out, "  {}", words::cost(summary))?;
    let books = &summary.books;
    let mut odd = |number: u64, what: &str| {
        if number > 0 { writeln!(out, "  {} {what}", grouped(number)) } else { Ok(()) }
    };
    odd(books.again, "were in the log again: counted once")?;
    odd(books.incomplete(), "long events have a part missing")?;
    odd(books.redacted, "were redacted: they cannot be sent again as they were")?;
    odd(books.other_clients, "belong to clients beyond those counted separately")?;
    odd(books.other_outages, "more outages are not listed")
}

fn heading(out: &mut String, text: &str) -> std::fmt::Result {
    writeln!(out, "\n{}", paint(Tone::Heading, text))
}

/// How much of a column a row fills, from empty to full.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

fn chart(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let timeline = &summary.books.timeline;
    let sums: Vec<u64> = timeline.buckets().map(|bucket| bucket.iter().sum()).collect();
    let together = sums.len().div_ceil(COLUMNS);
    let columns: Vec<u64> = sums.chunks(together).map(|chunk| chunk.iter().sum()).collect();
    // A few buckets are drawn wider.
    let broad = (COLUMNS / columns.len().max(1)).clamp(1, 4);
    let width = timeline.width() * together as u32;
    heading(out, &format!("Events in the log; a column is {}", whole_span(width)))?;
    let highest = columns.iter().copied().max().unwrap_or(1).max(1);
    let scale = grouped(highest);
    let margin = scale.len();
    for row in (0..ROWS).rev() {
        let label = if row == ROWS - 1 { scale.as_str() } else { "" };
        let line: String = columns
            .iter()
            .flat_map(|column| {
                // In eighths of a row; anything above zero is visible.
                let eighths = (*column * (ROWS as u64 * 8)).div_ceil(highest) as usize;
                std::iter::repeat_n(BLOCKS[eighths.saturating_sub(row * 8).min(8)], broad)
            })
            .collect();
        writeln!(out, "  {label:>margin$} │{}", line.trim_end())?;
    }
    let drawn = columns.len() * broad;
    writeln!(out, "  {:>margin$} └{}", "0", "─".repeat(drawn))?;
    if !summary.rows.is_empty() {
        let of_column = |nth: usize| {
            let from = timeline.start() + width * nth as u32;
            let to = from + width;
            let out_then = |row: &super::summary::OutageRow| {
                row.began < to && row.ended.is_none_or(|ended| ended > from)
            };
            if summary.rows.iter().any(out_then) { '▀' } else { ' ' }
        };
        let line: String =
            (0..columns.len()).flat_map(|nth| std::iter::repeat_n(of_column(nth), broad)).collect();
        writeln!(out, "  {:>margin$}  {}", "out", paint(Tone::Bad, line.trim_end()))?;
    }
    let (start, end) = (clock(timeline.start(), summary), clock(timeline.end(), summary));
    let blank = drawn.saturating_sub(start.len() + end.len()).max(1);
    writeln!(out, "  {:>margin$}  {start}{}{end}", "UTC", " ".repeat(blank))
}

/// The time of day, with the date if the log spans more than one day.
fn clock(at: SystemTime, summary: &Summary) -> String {
    let timeline = &summary.books.timeline;
    let long = timeline.end().duration_since(timeline.start()).is_ok_and(|length| length.as_secs() > 86_400);
    let text = moment(at);
    if long { text[..16].to_owned() } else { text[11..].to_owned() }
}

fn outages(out: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.rows.is_empty() {
        return Ok(());
    }
    heading(out, "Outages")?;
    writeln!(
        out,
        "  {:<19}  {:<19}  {:>12}  {:>7}  {:>10}  {:>10}",
        "began (UTC)", "ended", "lasted", "clients", "events", "lag"
    )?;
    for row in summary.rows.iter().take(TABLE_ROWS) {
        writeln!(
            out,
            "  {:<19}  {:<19}  {:>12}  {:>7}  {:>10}  {:>10}",
            moment(row.began),
            words::ended(row),
            span(row.lasted(summary.end())),
            grouped(row.clients),
            grouped(row.seen),
            words::lag(row)
        )?;
        if !row.cause.is_empty() {
            writeln!(out, "    {}", paint(Tone::Faint, &row.cause))?;
        }
    }
    more(out, summary.rows.len(), "outages")?;
    writeln!(
        out,
        "  lag: the endpoint was back for less than this before a client noticed, between two attempts"
    )
}

fn more(out: &mut String, number: usize, what: &str) -> std::fmt::Result {
    match number.saturating_sub(TABLE_ROWS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} {what} more (--json has all)"),
    }
}

fn reasons(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let books = &summary.books;
    heading(out, "Why events are here")?;
    for (reason, events) in words::reasons(&books.by_reason) {
        let share = share(events, books.events);
        writeln!(
            out,
            "  {:<13} {:>12}  {share:>7}  {}",
            reason.as_str(),
            grouped(events),
            paint(Tone::Faint, words::meaning(reason))
        )?;
    }
    heading(out, "Kinds of events")?;
    for (name, events) in words::kinds(summary, TABLE_ROWS) {
        writeln!(out, "  {:>12}  {:>7}  {name}", grouped(events), share(events, books.events))?;
    }
    Ok(())
}

fn missing(out: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.shorts.is_empty() && summary.holes.is_empty() {
        return Ok(());
    }
    heading(out, "What is missing")?;
    for short in summary.shorts.iter().take(TABLE_ROWS) {
        let text =
            format!("client {}: {} of {}", short.client, grouped(short.missing), grouped(short.spilled));
        writeln!(out, "  {}", paint(Tone::Bad, text))?;
    }
    more(out, summary.shorts.len(), "clients")?;
    for hole in summary.holes.iter().take(TABLE_ROWS) {
        let (seqs, certain) = (&hole.hole.seqs, hole.certain);
        let why = match certain {
            Certain::Yes => "",
            Certain::No => "; perhaps delivered by a probe",
        };
        writeln!(
            out,
            "  client {}: numbers {} to {} ({}), between {} and {}{why}",
            hole.client,
            seqs.start(),
            seqs.end(),
            grouped(hole.hole.len()),
            moment(hole.hole.after),
            moment(hole.hole.before)
        )?;
    }
    more(out, summary.holes.len(), "gaps")
}
