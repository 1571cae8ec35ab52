//! `overspill ship`: turns lines from standard input into events, for programs in any language and for cron jobs.

mod input;
mod lines;

use crate::exit::{CommandFailure, Exit};
use crate::out;
use crate::to::To;
use crate::units::{count, time_of};
use clap::Args;
use input::InputStep;
use lines::{LineCounts, LineSplitter};
use overspill::spill::WriteSink;
use overspill::{Client, EndpointState, Mode, Reason, Stats, limits};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Send lines from standard input as events; what cannot be delivered goes to standard error, or to a file
#[derive(Debug, Args)]
#[command(after_help = "\
A line that is a JSON object becomes an event, unchanged; any other becomes {\"message\": \"the line\"}. Bytes that are not UTF-8 are
written as \\xNN, with \"escaped\": true; a line of more than 60 KiB becomes several events, with \"line\", \"piece\" and \"pieces\".
Empty lines are skipped. At the end all of this is counted on standard error, together with the books of the events:
emitted = delivered + spilled + lost + pending.

A slow or dead endpoint never blocks the pipe: events without room go where spilled events go. With --wait a healthy endpoint sets the
pace instead. After SIGTERM, SIGINT or SIGHUP, or if the reader of --tee closes the pipe, nothing more is read, and what was read is
settled.

Exits with 0 if all was delivered, with 1 if something was spilled or lost, with 3 if the endpoint was
not reached or did not answer.

Examples:
  ./nightly-import | overspill ship --to https://telemetry.example.com/v1/events
  ./service 2>&1 | overspill ship --to http://127.0.0.1:8080/events --tee --spill /var/log/service/spilled.ndjson
  overspill ship --to http://loki:3100/loki/api/v1/push --format loki --field service.name=nightly --wait < events.ndjson
  OVERSPILL_ENDPOINT=http://127.0.0.1:8080/events overspill ship < events.ndjson && rm events.ndjson")]
pub(crate) struct Arguments {
    #[command(flatten)]
    to: To,
    /// The file to which spilled events are appended as lines of JSON; without it, OVERSPILL_SPILL_FILE or standard error
    #[arg(long, value_name = "FILE")]
    spill: Option<PathBuf>,
    /// A field that all events get; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// Pass every line on to standard output
    #[arg(long)]
    tee: bool,
    /// Read no faster than a healthy endpoint takes events: for files, not for a program that must not wait
    #[arg(long)]
    wait: bool,
    /// How long to wait for deliveries at the end; the rest is spilled,
    /// within two more seconds [default: 5s, or OVERSPILL_SHUTDOWN_TIMEOUT]
    #[arg(long, value_name = "TIME", value_parser = time_of)]
    shutdown_timeout: Option<Duration>,
    /// Print nothing at the end; notices and spilled events are still written
    #[arg(long)]
    quiet: bool,
}

/// Maximum events that `--wait` leaves waiting: enough for two requests in flight and two to follow.
const WAITING_EVENTS_MAX: u64 = 4 * limits::BATCH_EVENTS as u64;

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    let client = client(arguments)?;
    let timeout = shutdown_timeout(arguments)?;
    if io::stdin().is_terminal() && !arguments.quiet {
        out::tell("overspill: reading lines from the terminal; Ctrl-D ends it\n");
    }
    let mut shipped = Shipped { lines: LineSplitter::default(), tee: Tee::of(arguments), broken: None };
    shipped.all(&client, arguments.wait);
    let stats = settle(&client, timeout);
    if !arguments.quiet {
        out::tell(&books(&shipped.lines.counts, &stats));
    }
    match shipped.broken {
        Some(text) => Err(CommandFailure::broken(text)),
        None => Ok(exit_of(&stats)),
    }
}

fn client(arguments: &Arguments) -> Result<Client, CommandFailure> {
    let mut builder = arguments.to.builder()?;
    let from_env = || std::env::var_os("OVERSPILL_SPILL_FILE").map(PathBuf::from);
    // A sink of our own rather than the fallback: a missing subscriber is normal here.
    builder = match arguments.spill.clone().or_else(from_env) {
        Some(path) => builder.spill_sink(appending(&path)?),
        None => builder.spill_sink(WriteSink::new(io::stderr())),
    };
    for field in &arguments.fields {
        let (name, value) = field.split_once('=').ok_or_else(|| {
            CommandFailure::usage("--field takes a name, = and a value, like service.name=nightly")
        })?;
        builder = builder.common_field(name, value);
    }
    Ok(builder.build()?)
}

fn appending(path: &Path) -> Result<WriteSink<std::fs::File>, CommandFailure> {
    if path.is_dir() {
        return Err(CommandFailure::of_file(path, "it is a folder: name a file in it for spilled events"));
    }
    WriteSink::append(path).map_err(|error| {
        CommandFailure::of_file(
            path,
            format!("spilled events cannot be written here ({error}): name another file"),
        )
    })
}

fn shutdown_timeout(arguments: &Arguments) -> Result<Duration, CommandFailure> {
    let from_env = || std::env::var("OVERSPILL_SHUTDOWN_TIMEOUT").ok().and_then(|text| time_of(&text).ok());
    let timeout = arguments.shutdown_timeout.or_else(from_env).unwrap_or(limits::SHUTDOWN_TIMEOUT);
    if timeout > limits::TIMEOUT_LIMIT {
        return Err(CommandFailure::usage("--shutdown-timeout is longer than an hour: give less"));
    }
    Ok(timeout)
}

/// Whether lines are passed on to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tee {
    Off,
    On,
    /// The reader of the lines has closed the pipe.
    Gone,
}

impl Tee {
    fn of(arguments: &Arguments) -> Tee {
        if arguments.tee { Tee::On } else { Tee::Off }
    }
}

struct Shipped {
    lines: LineSplitter,
    tee: Tee,
    /// What failed midway.
    broken: Option<String>,
}

impl Shipped {
    /// Reads until the end, a signal, an error, or until the reader of the passed-on lines is gone.
    fn all(&mut self, client: &Client, wait: bool) {
        let emit = |event: &lines::ShippedEvent<'_>| {
            client.emit(event);
        };
        match input::buffer() {
            Ok((mut input, mut buffer)) => {
                while self.tee != Tee::Gone {
                    match input.next(&mut buffer) {
                        Ok(InputStep::Bytes(bytes)) => {
                            self.pass_on(&buffer[..bytes]);
                            self.lines.take(&buffer[..bytes], emit);
                        }
                        Ok(InputStep::End | InputStep::Signal) => break,
                        Err(error) => {
                            self.broken = Some(format!("standard input: {error}"));
                            break;
                        }
                    }
                    if wait {
                        wait_for_room(client);
                    }
                }
            }
            Err(error) => self.broken = Some(format!("standard input cannot be waited for: {error}")),
        }
        self.lines.end(emit);
    }

    fn pass_on(&mut self, bytes: &[u8]) {
        if self.tee != Tee::On {
            return;
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.tee = Tee::Gone,
            Err(error) => {
                // The events matter more than their copy.
                self.tee = Tee::Off;
                self.broken = Some(format!("standard output: {error}; nothing more was passed on"));
            }
        }
    }
}

/// Time to write the waiting events to the log after the time for deliveries is over. If the shutdown's deadline were at
/// the end of that time, deliveries would be abandoned early, and a slow log would lose what it has not written by then.
const WRITING: Duration = Duration::from_secs(2);

/// Delivers until the timeout, then writes the rest to the log.
fn settle(client: &Client, timeout: Duration) -> Stats {
    if client.flush_blocking(timeout).is_err() {
        client.set_mode(Mode::LogOnly);
    }
    client.shutdown_blocking(WRITING)
}

/// Waits until fewer events wait, or the endpoint is no longer healthy: then waiting gains nothing.
fn wait_for_room(client: &Client) {
    const STEP: Duration = Duration::from_millis(1);
    loop {
        let stats = client.stats();
        if stats.pending < WAITING_EVENTS_MAX || stats.endpoint != EndpointState::Healthy {
            return;
        }
        std::thread::park_timeout(STEP);
    }
}

/// The law, and anything unusual about the lines.
fn books(counts: &LineCounts, stats: &Stats) -> String {
    let mut text =
        format!("{} read, {}\n{stats}\n", count(counts.lines, "line"), count(counts.events, "event"));
    let mut odd = |number: u64, which: &str, what: &str| {
        if number > 0 {
            text.push_str(&format!("{}: {what}\n", count(number, which)));
        }
    };
    odd(counts.empty, "empty line", "passed over");
    odd(counts.not_utf8, "foreign line", "what is not UTF-8 is written as \\xNN, with \"escaped\": true");
    odd(counts.too_long, "long line", "several events, with \"line\", \"piece\" and \"pieces\"");
    text
}

fn exit_of(stats: &Stats) -> Exit {
    let unreached = [Reason::Connect, Reason::Timeout, Reason::Broken, Reason::Deadline];
    if stats.emitted == stats.delivered {
        Exit::Well
    } else if stats.delivered == 0 && unreached.iter().any(|reason| stats.spilled_by(*reason) > 0) {
        Exit::Unreachable
    } else {
        Exit::Found
    }
}
