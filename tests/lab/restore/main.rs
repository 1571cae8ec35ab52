//! Tests that spilled events can be restored. `restore emit` sends numbered events to a ClickHouse table that merges rows with the same
//! id, and keeps an application log; `restore check` reads the table and fails unless every settled event is there exactly once.
//!
//! In between, `.ci/restore` stops and kills the server, kills the program itself, passes the log through rsyslog, syslog-ng and
//! journald, and has `overspill replay` send the spilled events.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(clippy::print_stdout, reason = "prints for people to read")]

mod log;
mod table;

use clap::{Parser, Subcommand};
use overspill::{Client, Stats, format};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many events may be unsettled when the program is killed: after this many it flushes, and records its progress.
const FLUSH_EVERY: u64 = 10_000;
/// A flush waits for a stopped server only until the outage is recognized.
const FLUSH_MAX: Duration = Duration::from_secs(30);
const POST_TIMEOUT: Duration = Duration::from_secs(1);
const PROBE_INTERVAL_MAX: Duration = Duration::from_millis(500);
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);
/// The steps of a steady rate.
const TICK: Duration = Duration::from_millis(10);

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about = "Emits numbered events into ClickHouse, and checks that each is there exactly once")]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Create a table if it does not exist
    Create {
        /// The server's HTTP interface
        #[arg(long)]
        server: String,
        #[arg(long, default_value = "sold")]
        table: String,
        /// A table whose rows to copy into it
        #[arg(long)]
        copy: Option<String>,
    },
    /// Drop the table of events
    Drop {
        #[arg(long)]
        server: String,
    },
    /// Emit events with the ids FIRST, FIRST + 1, ...
    Emit(Emit),
    /// Read a table, and fail unless each id is there exactly once
    Check {
        #[arg(long)]
        server: String,
        #[arg(long, default_value = "sold")]
        table: String,
        /// How many ids to expect, from 0
        #[arg(long)]
        events: u64,
        /// The first id that may be unsettled because a program was killed; up to one flush interval of ids may be missing
        #[arg(long)]
        killed_at: Option<u64>,
    },
}

#[derive(Debug, clap::Args)]
struct Emit {
    #[arg(long)]
    server: String,
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The id at which to stop, exclusive
    #[arg(long)]
    until: u64,
    /// Events per second
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// The application log: a file, which is reopened on SIGHUP
    #[arg(long, conflicts_with = "journal", required_unless_present = "journal")]
    log: Option<PathBuf>,
    /// The application log: journald's socket for the standard output of services
    #[arg(long)]
    journal: Option<PathBuf>,
    /// The file in which to record the first id that is not known to be settled
    #[arg(long)]
    settled: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().act {
        Act::Create { server, table, copy } => table::create(&server, &table, copy.as_deref()),
        Act::Drop { server } => table::remove(&server),
        Act::Emit(emit) => run(&emit),
        Act::Check { server, table, events, killed_at } => {
            let doubtful = killed_at.map_or(0..0, |first| first..(first + FLUSH_EVERY).min(events));
            table::check(&server, &table, events, doubtful)
        }
    }
}

#[derive(serde::Serialize)]
struct Sold<'a> {
    id: u64,
    kind: &'a str,
    text: &'a str,
}

/// Texts that have caused trouble for logs and aggregators.
const TEXTS: [&str; 8] = [
    "plain",
    "two\nlines and a\ttab",
    "\"quoted\", a \\ and {\"json\": [1, 2]}",
    "Grüße, 日本語, 🦀",
    "event spilled: outage spill_v=3 spill_client=\"forged\"",
    "#011 and #012, as rsyslog writes control characters",
    "<13>Nov 26 12:00:00 host app[1]: a line of syslog",
    "\u{1b}[31mred\u{1b}[0m, \u{0} and \u{2028}",
];

fn run(emit: &Emit) -> Result<(), Failure> {
    log::install(emit)?;
    let client = Client::builder(table::insert_url(&emit.server)?)
        .format(format::ClickHouse::new())
        .post_timeout(POST_TIMEOUT)
        .connect_timeout(POST_TIMEOUT)
        .probe_interval_max(PROBE_INTERVAL_MAX)
        .build()?;
    let (began, mut id) = (Instant::now(), emit.first);
    while id < emit.until {
        let due = emit.first + (began.elapsed().as_millis() as u64).saturating_mul(emit.rate) / 1_000;
        while id < due.min(emit.until) {
            sell(&client, id);
            id += 1;
            if id % FLUSH_EVERY == 0 {
                client.flush_blocking(FLUSH_MAX).map_err(|error| format!("at {id}: {error}"))?;
                write_down(emit, id)?;
            }
        }
        // Sets the rate of the load.
        std::thread::sleep(TICK);
    }
    let stats = client.shutdown_blocking(SHUTDOWN_MAX);
    println!("{stats}");
    write_down(emit, id)?;
    lawful(&stats, emit.until - emit.first)
}

fn sell(client: &Client, id: u64) {
    let text = TEXTS[(id % TEXTS.len() as u64) as usize];
    client.emit(&Sold { id, kind: "sold", text });
    if id % 100 == 0 {
        tracing::info!(id, text, "a line of the application's own");
    }
}

/// Renames a new file into place, so that a reader sees the old number or the new one.
fn write_down(emit: &Emit, id: u64) -> Result<(), Failure> {
    let Some(path) = &emit.settled else { return Ok(()) };
    let new = path.with_extension("new");
    std::fs::write(&new, format!("{id}\n"))?;
    Ok(std::fs::rename(&new, path)?)
}

fn lawful(stats: &Stats, events: u64) -> Result<(), Failure> {
    let [emitted, settled] = [stats.emitted, stats.delivered + stats.spilled];
    if (emitted, settled, stats.lost, stats.pending) == (events, events, 0, 0) {
        return Ok(());
    }
    Err(format!("expected {events} events to be delivered or spilled: {stats}").into())
}
