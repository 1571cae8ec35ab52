//! The report as one page: style and chart are inside it, nothing is
//! loaded from elsewhere, no script, light or dark as the reader prefers.

use super::chart::{self, colour, hex};
use super::summary::{Certain, Summary};
use super::words::{self, Mood};
use crate::units::{grouped, moment, share, span, whole_span};
use std::fmt::Write;

/// Maximum rows of a table; --json has all.
const TABLE_ROWS: usize = 100;

const STYLE: &str = include_str!("page.css");

pub(crate) fn of(summary: &Summary) -> Result<String, String> {
    let svg = if summary.books.events > 0 { chart::svg(summary)? } else { String::new() };
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = write_all(&mut page, summary, &svg);
    Ok(page)
}

fn write_all(out: &mut String, summary: &Summary, svg: &str) -> std::fmt::Result {
    let logs = summary.logs.join(", ");
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Events that were not delivered: {logs}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>",
        logs = escaped(&logs)
    )?;
    writeln!(out, "<h1>Events that were not delivered</h1>\n<p class=\"of\">{}</p>", escaped(&logs))?;
    for (mood, line) in words::headline(summary) {
        let class = match mood {
            Mood::Plain => "",
            Mood::Good => " class=\"good\"",
            Mood::Bad => " class=\"bad\"",
        };
        writeln!(out, "<p{class}>{}</p>", escaped(&line))?;
    }
    writeln!(
        out,
        "<p class=\"of\">Services send events to an endpoint, and write those that it does not take into their log, so that none \
         disappears. This page tells what is in that log. <code>overspill replay</code> sends it again.</p>"
    )?;
    if summary.books.events > 0 {
        let each = whole_span(summary.books.timeline.width());
        writeln!(
            out,
            "<h2>When</h2>\n<figure>{svg}<figcaption>Events in the log, a bar for each {each}, by reason. "
        )?;
        writeln!(
            out,
            "<span class=\"swatch out\"></span>the endpoint was out. Times are UTC.</figcaption></figure>"
        )?;
        reasons(out, summary)?;
        outages(out, summary)?;
        missing(out, summary)?;
        kinds(out, summary)?;
        writeln!(out, "<h2>What it cost the log</h2>\n<p>{}</p>", escaped(&words::cost(summary)))?;
        odd(out, summary)?;
    }
    writeln!(
        out,
        "<footer>Made by overspill {} report.</footer>\n</main>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn reasons(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let books = &summary.books;
    table(out, "Why", &["reason", "events", "share", "it means"])?;
    for (reason, events) in words::reasons(&books.by_reason) {
        let swatch = format!("<span class=\"swatch\" style=\"background:{}\"></span>", hex(colour(reason)));
        writeln!(
            out,
            "<tr><td>{swatch}<code>{reason}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            grouped(events),
            share(events, books.events),
            escaped(words::meaning(reason))
        )?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn outages(out: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.rows.is_empty() {
        return Ok(());
    }
    table(out, "Outages", &["began (UTC)", "ended", "lasted", "clients", "events", "lag", "cause"])?;
    for row in summary.rows.iter().take(TABLE_ROWS) {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"cause\">{}</td></tr>",
            moment(row.began),
            words::ended(row),
            span(row.lasted(summary.end())),
            grouped(row.clients),
            grouped(row.seen),
            escaped(&words::lag(row)),
            escaped(&row.cause)
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    more(out, summary.rows.len())?;
    writeln!(
        out,
        "<p class=\"of\">Lag: the endpoint was back for less than this before a client noticed. Clients try once in a while; this is the time \
         between the last attempt that failed and the one that did not.</p>"
    )
}

fn missing(out: &mut String, summary: &Summary) -> std::fmt::Result {
    if !summary.shorts.is_empty() {
        table(out, "What is missing", &["client", "written", "missing"])?;
        for short in summary.shorts.iter().take(TABLE_ROWS) {
            writeln!(
                out,
                "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n bad\">{}</td></tr>",
                escaped(&short.client),
                grouped(short.spilled),
                grouped(short.missing)
            )?;
        }
        writeln!(out, "</tbody></table></div>")?;
        more(out, summary.shorts.len())?;
    }
    if summary.holes.is_empty() {
        return Ok(());
    }
    table(out, "Gaps in the numbers", &["client", "from", "to", "events", "between (UTC)", "and", ""])?;
    for hole in summary.holes.iter().take(TABLE_ROWS) {
        let why = match hole.certain {
            Certain::Yes => "missing",
            Certain::No => "perhaps delivered by a probe",
        };
        writeln!(
            out,
            "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td>\
             <td>{why}</td></tr>",
            escaped(&hole.client),
            hole.hole.seqs.start(),
            hole.hole.seqs.end(),
            grouped(hole.hole.len()),
            moment(hole.hole.after),
            moment(hole.hole.before)
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    more(out, summary.holes.len())
}

fn kinds(out: &mut String, summary: &Summary) -> std::fmt::Result {
    table(out, "Kinds of events", &["name", "events", "share"])?;
    for (name, events) in words::kinds(summary, TABLE_ROWS) {
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escaped(&name),
            grouped(events),
            share(events, summary.books.events)
        )?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn odd(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let books = &summary.books;
    for (number, what) in [
        (books.again, "were in the log again: counted once."),
        (books.incomplete(), "long events have a part missing."),
        (books.redacted, "were redacted: they cannot be sent again as they were."),
    ] {
        if number > 0 {
            writeln!(out, "<p>{} {what}</p>", grouped(number))?;
        }
    }
    Ok(())
}

fn table(out: &mut String, heading: &str, columns: &[&str]) -> std::fmt::Result {
    let numbers = ["events", "share", "lasted", "clients", "lag", "from", "to", "written", "missing"];
    let head: String = columns
        .iter()
        .map(|name| format!("<th{}>{name}</th>", if numbers.contains(name) { " class=\"n\"" } else { "" }))
        .collect();
    writeln!(out, "<h2>{heading}</h2>\n<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>")
}

fn more(out: &mut String, number: usize) -> std::fmt::Result {
    match number.saturating_sub(TABLE_ROWS) {
        0 => Ok(()),
        more => writeln!(
            out,
            "<p class=\"of\">And {more} more: <code>overspill report --json</code> has all.</p>"
        ),
    }
}

/// Text from a log is always escaped.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
