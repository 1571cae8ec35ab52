//! Sends real data to a real database that is stopped, killed and restarted.
//!
//! Emits the packages of this machine's package index into a ClickHouse table by `INSERT ... FORMAT
//! JSONEachRow`, one event per package, again and again until the time is up. Meanwhile someone
//! (`.ci/clickhouse`, or you) stops, kills and restarts the server. At the end the program reads back the table and
//! the log and compares them with what was emitted, id by id and field by field: an event may be in both places if
//! the log says so, but must never be in neither.
//!
//! ```text
//! tests/lab/run clickhouse --endpoint http://127.0.0.1:8123/ --seconds 30 --log app.log
//! ```
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod compare;
mod course;
mod database;
mod packages;

use clap::Parser;
use overspill::spill::{join, read_line};
use overspill::{Client, EndpointState, MaybeDelivered, Observer, Reason, Signal, Stats, format};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use compare::*;
use course::*;
use database::*;
use packages::*;

/// A stopped server accepts connections and does not answer. This timeout makes the outage begin within seconds.
const POST_TIMEOUT: Duration = Duration::from_secs(1);
/// A restart of the server is noticed within this.
const PROBE_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// How long the server may take to become healthy again after the end of the run.
const RECOVERY_MAX: Duration = Duration::from_secs(15);
/// How long the client may take to deliver the last events.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
/// The timeout of a query, and how often the table is read before it counts as unreadable.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
const READ_ATTEMPTS_MAX: u32 = 3;
const READ_PAUSE: Duration = Duration::from_millis(500);
/// The steps of a steady rate.
const TICK: Duration = Duration::from_millis(10);

type Failure = Box<dyn Error>;

/// Sends a package index to ClickHouse and compares table and log with what was emitted.
#[derive(Parser)]
struct Arguments {
    /// A ClickHouse server's HTTP interface, http://127.0.0.1:PORT/; the table `packages` must not exist yet.
    #[arg(long)]
    endpoint: Url,
    /// How long to emit, in seconds; a little longer if the server is still unhealthy then.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Events per second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// The package index: dpkg's status file, or what `apt-cache dumpavail` prints.
    #[arg(long, default_value = "/var/lib/dpkg/status")]
    packages: PathBuf,
    /// The application log to write; replaces an existing file.
    #[arg(long)]
    log: PathBuf,
    /// Fail unless there were at least this many outages.
    #[arg(long, default_value_t = 0)]
    outages: u64,
}

/// Prints a sentence on stderr; a `Result` from main would print its Debug form.
#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let packages = read_packages(&arguments.packages)?;
    log_into(&arguments.log)?;
    let database = Database::at(arguments.endpoint)?;
    database.create_table().await?;

    let course = Arc::new(Course::default());
    let client = Client::builder(database.insert_url())
        .format(format::Ndjson)
        .post_timeout(POST_TIMEOUT)
        .probe_interval_max(PROBE_INTERVAL_MAX)
        .observer(Watch(Arc::clone(&course)))
        .build()?;
    println!("emitting {} packages again and again, {} per second", packages.len(), arguments.rate);
    let mut stream = Stream::new(&client, &packages, arguments.rate);
    stream.flow(Duration::from_secs(arguments.seconds)).await;
    let recovered = recover(&mut stream, &course, &database).await;
    let stats = client.shutdown(SHUTDOWN_MAX).await;
    println!("{stats}");

    let table = database.read_table(&packages).await?;
    let log = read_log(&arguments.log, &packages)?;
    let comparison = Comparison::of(stats.emitted, &table, &log);
    report(&stats, &table, &log, &comparison, &course);
    let mut wrong = comparison.wrong();
    wrong.extend(wrong_books(&stats, log.found.times.len() as u64));
    wrong.extend(wrong_course(recovered, &course, arguments.outages));
    if wrong.is_empty() {
        println!("table and log together hold what was emitted");
        return Ok(());
    }
    Err(wrong.join("; ").into())
}

/// The application log, as JSON: a text log could be imitated by the events in it.
fn log_into(path: &Path) -> Result<(), Failure> {
    let file =
        File::create(path).map_err(|error| format!("cannot write the log {}: {error}", path.display()))?;
    tracing_subscriber::fmt()
        .json()
        .with_writer(Mutex::new(file))
        .try_init()
        .map_err(|error| error.to_string().into())
}
