//! `overspill report`: shows the events in a log that were not delivered, for people and for machines.

mod books;
mod chart;
mod json;
mod names;
mod notice;
mod page;
mod seqs;
mod summary;
mod terminal;
mod timeline;
mod words;

use crate::exit::{CommandFailure, Exit};
use crate::logs;
use crate::out;
use books::ReportBooks;
use clap::Args;
use overspill::spill::{Entry, Records};
use std::path::{Path, PathBuf};
use summary::Summary;

/// Show what logs say about events that were not delivered: outages, reasons, what is missing
#[derive(Debug, Args)]
#[command(after_help = "\
Reads logs in any format that overspill's records survive in (JSON, text, the journal's export, container logs), gzipped or zstd too, in
constant memory. Give the files of one log in the order of time.

Exits with 0 if nothing is known to be missing, with 1 if the log has lost lines, or a service could not write to it.

Examples:
  overspill report /var/log/orders.log.1 /var/log/orders.log
  overspill report --html outage.html /var/log/orders/*.log.gz
  journalctl -u orders -o export --since yesterday | overspill report -
  overspill report --json app.log | jq '.outages[] | {began, seconds, events}'")]
pub(crate) struct Arguments {
    /// Log files, plain, gzipped or zstd; - is standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Write one self-contained HTML page
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    // Checks all files before reading the first: a mistyped name should not cost an hour.
    let opened: Result<Vec<_>, CommandFailure> = arguments
        .logs
        .iter()
        .filter(|path| path.as_path() != Path::new("-"))
        .map(|path| logs::open(path))
        .collect();
    drop(opened?);
    let mut books = ReportBooks::new();
    let mut bytes = 0;
    for path in &arguments.logs {
        bytes += read(path, &mut books)?;
    }
    let logs = arguments.logs.iter().map(|path| path.display().to_string()).collect();
    let summary = summary::of(books, logs, bytes);
    show(arguments, &summary)?;
    Ok(if summary.missing + summary.lost > 0 { Exit::Found } else { Exit::Well })
}

fn show(arguments: &Arguments, summary: &Summary) -> Result<(), CommandFailure> {
    if arguments.json {
        return out::print(&format!("{:#}\n", json::of(summary)));
    }
    if let Some(file) = &arguments.html {
        let page = page::of(summary)
            .map_err(|error| CommandFailure::broken(format!("the chart could not be drawn: {error}")))?;
        std::fs::write(file, page).map_err(|error| CommandFailure::of_file(file, error))?;
    }
    out::print(&terminal::of(summary))?;
    match &arguments.html {
        Some(file) => out::print(&format!("\nThe same as a page: {}\n", file.display())),
        None => Ok(()),
    }
}

/// Adds a log to the books, and returns the number of bytes it had.
fn read(path: &Path, books: &mut ReportBooks) -> Result<u64, CommandFailure> {
    let mut entries = Records::new(logs::open(path)?).entries();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|error| CommandFailure::in_the_middle(path, &error))?;
        match entry {
            Entry::Part(part) => books.record(&part, entries.line_bytes()),
            Entry::Notice(said) => {
                books.notice(&said.client, &said.text, said.written_at, entries.line_bytes())
            }
            _ => {}
        }
    }
    Ok(entries.position())
}
