//! Floods a system log with spilled events and measures how much of it is kept. `flood write` emits events in log-only mode and
//! hands over the records as a service does; `flood read` counts the events in the log. `.ci/flood` runs both around its own
//! systemd-journald and rsyslogd, and compares the result with the table of `overspill::guide::log`.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(clippy::print_stdout, reason = "prints for people to read")]

use clap::{Parser, Subcommand, ValueEnum};
use overspill::limits::QUEUE_EVENTS;
use overspill::spill::{Records, SpillPacking, WriteSink};
use overspill::{Client, Mode};
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(about = "Floods a system log with spilled events, and counts what it kept")]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Write events to the socket of a log
    Write {
        /// The path of the socket
        #[arg(long)]
        socket: PathBuf,
        #[arg(long)]
        speak: Speak,
        /// How many events
        #[arg(long, default_value_t = 30_000)]
        events: u64,
        /// The length of an event's JSON, in bytes: 200 gives a record of 650 bytes
        #[arg(long, default_value_t = 200)]
        bytes: usize,
        /// The systemd unit that the journal records as the service's
        #[arg(long, default_value = "overspill-flood.service")]
        unit: String,
        /// Spill through a sender that cannot post, several events to a record; without this, each caller writes its own
        #[arg(long)]
        packed: bool,
    },
    /// Count the distinct events in a log on standard input
    Read,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speak {
    /// As the standard output of a systemd service
    Stdout,
    /// As syslog(3) does
    Syslog,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    match Arguments::parse().act {
        Act::Write { socket, speak, events, bytes, unit, packed } => {
            // Nothing listens on that port.
            let builder = Client::builder("http://127.0.0.1:9/");
            let builder = match packed {
                true => builder.spill_packing(SpillPacking::Packed),
                false => builder.mode(Mode::LogOnly),
            };
            let client = match speak {
                Speak::Stdout => builder.spill_sink(WriteSink::new(service_stdout(&socket, &unit)?)),
                Speak::Syslog => builder.spill_sink(WriteSink::new(Syslog::connect(&socket)?)),
            }
            .build()?;
            write(&client, events, bytes)
        }
        Act::Read => read(io::stdin().lock()),
    }
}

#[derive(serde::Serialize)]
struct Numbered<'a> {
    id: u64,
    text: &'a str,
}

fn write(client: &Client, events: u64, bytes: usize) -> Result<(), Failure> {
    let text = "abcdefghij".repeat(bytes / 10);
    for id in 0..events {
        client.emit(&Numbered { id, text: text.get(..bytes.saturating_sub(24)).unwrap_or_default() });
        // Keeps the queue from filling up; otherwise callers would write to the log.
        while client.stats().pending > QUEUE_EVENTS as u64 / 2 {
            std::thread::yield_now();
        }
    }
    let stats = client.shutdown_blocking(Duration::from_secs(20));
    println!("{stats}");
    // The sink accepted every record, so the log dropped whatever is missing later.
    if stats.spilled == events { Ok(()) } else { Err("not all events were spilled".into()) }
}

fn read(log: impl BufRead) -> Result<(), Failure> {
    let mut ids = BTreeSet::new();
    for event in Records::new(log).joined() {
        let event = event?;
        let json: serde_json::Value = serde_json::from_str(&event.event)?;
        let id = json.get("id").and_then(serde_json::Value::as_u64).ok_or("an event without an id")?;
        ids.insert((event.client, id));
    }
    println!("{}", ids.len());
    Ok(())
}

/// The connection that systemd uses for a service's standard output. It starts with header lines: an identifier, the unit, a
/// priority, whether a line may begin with its priority, and no forwarding to syslog, kmsg or console. The service's lines follow.
fn service_stdout(socket: &Path, unit: &str) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("flood\n{unit}\n4\n0\n0\n0\n0\n").as_bytes())?;
    Ok(stream)
}

/// Sends a datagram per line, as syslog(3) does.
struct Syslog(UnixDatagram);

impl Syslog {
    fn connect(socket: &Path) -> io::Result<Syslog> {
        let datagram = UnixDatagram::unbound()?;
        datagram.connect(socket)?;
        Ok(Syslog(datagram))
    }
}

impl Write for Syslog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut datagram = b"<12>Nov 26 12:00:00 flood[7]: ".to_vec();
        datagram.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        self.0.send(&datagram)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
