//! Spilling at full speed: events per second into a log file, through tracing-subscriber's JSON formatter.
//!
//! Compared with a program that writes the same record through the same formatter without overspill, and with the bare
//! file: the same lines, one `write_all` each.

use crate::child;
use crate::output::{Goal, Page, Table, folder, median, quartiles, short, version};
use crate::statistics::{Spread, spread};
use crate::{Failure, corpus, usage};
use overspill::transport::{Failure as PostFailure, FailureKind, Posting, Request, Transport};
use overspill::{Client, MaybeDelivered, Mode};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Rounds over all cases
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Thousands of events each
    #[arg(long, default_value_t = 50)]
    thousands: u64,
}

#[derive(Debug, clap::Args)]
pub struct OneArguments {
    name: String,
    #[arg(long)]
    events: u64,
    #[arg(long)]
    log: PathBuf,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sample {
    per_second: f64,
    cpu_us: f64,
    lines: u64,
    bytes: u64,
}

const LINES: &str = "lines";
const RECORDS: &str = "records";
const CALLER: &str = "caller";
const SENDER: &str = "sender";
const SINK: &str = "sink";

const CASES: [(&str, &str); 5] = [
    (LINES, "*floor*: the same lines, ready, one `write_all` each"),
    (RECORDS, "the same record by `tracing::warn!`, without overspill"),
    (CALLER, "**overspill**, handed over by the caller (LogOnly)"),
    (SENDER, "**overspill**, spilled by the sender (an outage)"),
    (SINK, "**overspill**, by the caller into a `WriteSink` of its own"),
];

/// An endpoint that refuses, without the network.
struct Refusing;

impl Transport for Refusing {
    fn post(&mut self, _request: Request) -> Posting {
        let failure = PostFailure {
            kind: FailureKind::Connect,
            maybe_delivered: MaybeDelivered::No,
            detail: "refused".to_owned(),
        };
        Box::pin(std::future::ready(Err(failure)))
    }
}

fn subscribe(log: &PathBuf) -> Result<(), Failure> {
    let file = Mutex::new(File::create(log)?);
    tracing::subscriber::set_global_default(tracing_subscriber::fmt().json().with_writer(file).finish())?;
    Ok(())
}

pub fn one(arguments: &OneArguments) -> Result<Sample, Failure> {
    let events = arguments.events;
    let builder = || Client::builder("spilled").transport(Refusing);
    let emit_all =
        |client: &Client| corpus::cycle(0).take(events as usize).for_each(|event| _ = client.emit(event));
    // Prepared before the clock starts.
    let mut work: Box<dyn FnMut() -> Result<u64, Failure>> = match arguments.name.as_str() {
        LINES => {
            // A line like overspill's record: made by overspill, then repeated with other content.
            let mut file = File::create(&arguments.log)?;
            let lines: Vec<String> = corpus::events()
                .iter()
                .enumerate()
                .map(|(seq, event)| line(seq, event))
                .collect::<Result<_, _>>()?;
            Box::new(move || {
                for line in lines.iter().cycle().take(events as usize) {
                    file.write_all(line.as_bytes())?;
                }
                Ok(events)
            })
        }
        RECORDS => {
            subscribe(&arguments.log)?;
            let mut text = Vec::new();
            Box::new(move || {
                for (seq, event) in corpus::cycle(0).take(events as usize).enumerate() {
                    text.clear();
                    serde_json::to_writer(&mut text, event)?;
                    write_record(seq as u64, std::str::from_utf8(&text)?);
                }
                Ok(events)
            })
        }
        CALLER => {
            subscribe(&arguments.log)?;
            let client = builder().mode(Mode::LogOnly).build()?;
            Box::new(move || {
                emit_all(&client);
                while client.stats().pending > 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(client.stats().spilled)
            })
        }
        SINK => {
            let sink = overspill::spill::WriteSink::new(File::create(&arguments.log)?);
            let client = builder().mode(Mode::LogOnly).spill_sink(sink).build()?;
            Box::new(move || {
                emit_all(&client);
                while client.stats().pending > 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(client.stats().spilled)
            })
        }
        SENDER => {
            subscribe(&arguments.log)?;
            let client = builder().build()?;
            Box::new(move || {
                for event in corpus::cycle(0).take(events as usize) {
                    // Keeps the queue below the level at which a caller spills: that is the other case.
                    if client.stats().pending > 4000 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    client.emit(event);
                }
                Ok(client.shutdown_blocking(Duration::from_secs(60)).spilled)
            })
        }
        name => return Err(format!("there is no case {name:?}").into()),
    };
    let (cpu, begin) = (usage::cpu()?, Instant::now());
    let spilled = work()?;
    let (took, cpu) = (begin.elapsed().as_secs_f64(), usage::cpu()? - cpu);
    if spilled != events {
        return Err(format!("{spilled} of {events} events were spilled").into());
    }
    let lines = BufReader::new(File::open(&arguments.log)?).lines().count() as u64;
    let bytes = std::fs::metadata(&arguments.log)?.len();
    Ok(Sample {
        per_second: events as f64 / took,
        cpu_us: cpu.as_secs_f64() * 1e6 / events as f64,
        lines,
        bytes,
    })
}

/// The record of a spilled event, as a program would log it without overspill.
pub fn write_record(seq: u64, event: &str) {
    tracing::warn!(
        target: "overspill::spill",
        spill_v = 3,
        spill_client = "1bf1b27340aab545",
        spill_seq = seq,
        spill_batch = 0,
        spill_reason = "log_only",
        spill_maybe_delivered = false,
        spill_emitted_at = "2026-11-22T10:25:30.326Z",
        spill_age_ms = 0,
        spill_detail = "",
        spill_part = 1,
        spill_parts = 1,
        spill_events = 1,
        spill_redacted = false,
        spill_event = event,
        "event spilled: log_only"
    );
}

/// A record in the formatter's output.
fn line(seq: usize, event: &corpus::Event) -> Result<String, Failure> {
    let text = serde_json::to_string(&serde_json::to_string(event)?)?;
    Ok(format!(
        "{{\"timestamp\":\"2026-11-22T10:25:30.326136Z\",\"level\":\"WARN\",\"fields\":{{\"message\":\"event spilled: log_only\",\
         \"spill_v\":3,\"spill_client\":\"1bf1b27340aab545\",\"spill_seq\":{seq},\"spill_batch\":0,\"spill_reason\":\"log_only\",\
         \"spill_maybe_delivered\":false,\"spill_emitted_at\":\"2026-11-22T10:25:30.326Z\",\"spill_age_ms\":0,\"spill_detail\":\"\",\
         \"spill_part\":1,\"spill_parts\":1,\"spill_events\":1,\"spill_redacted\":false,\"spill_event\":{text}}},\"target\":\"overspill::spill\"}}\n"
    ))
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let log = folder()?.join("spill.log");
    let mut samples: [Vec<Sample>; CASES.len()] = Default::default();
    for round in 0..arguments.rounds {
        for ((name, _), samples) in CASES.iter().zip(&mut samples) {
            let events = (arguments.thousands * 1000).to_string();
            let log = log.display().to_string();
            let ask = ["one-spill", name, "--events", &events, "--log", &log].map(str::to_owned);
            samples.push(child::ask(&ask, Duration::from_secs(60))?);
        }
        eprintln!("round {} of {}", round + 1, arguments.rounds);
    }
    std::fs::remove_file(&log)?;
    let of = |name: &str, figure: fn(&Sample) -> f64| -> Vec<f64> {
        let place = CASES.iter().position(|case| case.0 == name).unwrap_or_default();
        samples[place].iter().map(figure).collect()
    };
    let speed = |sample: &Sample| sample.per_second;
    let ratio = |name: &str, to: &str| -> Option<Spread> {
        spread(of(name, speed).into_iter().zip(of(to, speed)).map(|(over, under)| over / under))
    };
    let mut page = Page::of("spill");
    page.say(&format!(
        "{} rounds, interleaved, {} thousand events each into a file, unbuffered as a service's log is. Medians, quartiles in \
         brackets. tracing-subscriber {}. The packed spill (several events a line): `cargo bench --bench spill`.",
        arguments.rounds,
        arguments.thousands,
        version("tracing-subscriber")
    ));
    let mut table = Table::of(&[
        "spilled to a file",
        "events/s",
        "× the same record",
        "CPU µs per event",
        "bytes per line",
    ]);
    for (name, what) in CASES {
        let per_line = |sample: &Sample| sample.bytes as f64 / sample.lines as f64;
        table.row(vec![
            what.to_owned(),
            quartiles(spread(of(name, speed))),
            quartiles(ratio(name, RECORDS)),
            median(spread(of(name, |sample| sample.cpu_us))),
            spread(of(name, per_line)).map_or_else(String::new, |spread| short(spread.median)),
        ]);
    }
    page.table(&table);
    let value = |name| ratio(name, RECORDS).map_or(f64::NAN, |spread| spread.median);
    page.goal(Goal::at_least("P8", "spilled by the caller over the same record", value(CALLER), 0.95, " x"));
    page.goal(Goal::at_least("P8", "spilled by the sender over the same record", value(SENDER), 0.95, " x"));
    let raw: Vec<_> =
        CASES.iter().zip(&samples).map(|((name, what), samples)| (name, what, samples)).collect();
    page.keep(&raw)
}
