//! A flood of spilled events into a system log, and how much of it is kept: `flood write` emits events for the log alone and hands
//! the records over as a service does, `flood read` counts the events in what was kept. `.ci/flood` runs both around a
//! systemd-journald and a rsyslogd of its own, and compares with the table of `overspill::guide::log`.
#![allow(missing_docs, reason = "a program has no outside")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

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
#[command(about = "Floods a log of the system with spilled events, and counts what it has kept")]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Writes events to the socket of a log
    Write {
        /// Where it listens
        #[arg(long)]
        socket: PathBuf,
        #[arg(long)]
        speak: Speak,
        /// How many events
        #[arg(long, default_value_t = 30_000)]
        events: u64,
        /// The length of an event's JSON: 200 is a record of 650 bytes
        #[arg(long, default_value_t = 200)]
        bytes: usize,
        /// The unit that a journal takes the service for
        #[arg(long, default_value = "overspill-flood.service")]
        unit: String,
        /// Through the sender, which cannot post them, several to a record; without this, each by its caller
        #[arg(long)]
        packed: bool,
    },
    /// Counts the different events in a log that is piped in
    Read,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speak {
    /// As the standard output of a service of systemd
    Stdout,
    /// As syslog(3) does
    Syslog,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    match Arguments::parse().act {
        Act::Write { socket, speak, events, bytes, unit, packed } => {
            // Nothing listens there.
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
        // If the queue were full, callers would write.
        while client.stats().pending > QUEUE_EVENTS as u64 / 2 {
            std::thread::yield_now();
        }
    }
    let stats = client.shutdown_blocking(Duration::from_secs(20));
    println!("{stats}");
    // The sink took every record: what is missing later, the log has dropped.
    if stats.spilled == events { Ok(()) } else { Err("not all were spilled".into()) }
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

/// What systemd connects a service's standard output to: the lines that introduce it, then the service's own. An identifier, the unit, a
/// priority; whether a line may begin with its priority; no forwarding to syslog, kmsg, console.
fn service_stdout(socket: &Path, unit: &str) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("flood\n{unit}\n4\n0\n0\n0\n0\n").as_bytes())?;
    Ok(stream)
}

/// A datagram for each line, as syslog(3) writes it.
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
