//! An endpoint that goes away: the callers' latency, memory, lost events, and how a shutdown ends.
//!
//! Each system runs in its own process: healthy at first, then the endpoint refuses or hangs, then a shutdown with a deadline of
//! 2 s while it still does. Four threads emit at a steady rate throughout.

mod one;

pub use one::{Arguments as OneArguments, FullArguments, full, one};

use crate::Failure;
use crate::child;
use crate::output::{Goal, Page, Table, folder, short, version};
use crate::sink::{Order, Sink};
use crate::systems::{self, Kind};
use one::{Full, Sample};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The deadline given to a shutdown.
pub const SHUTDOWN: Duration = Duration::from_secs(2);
/// Maximum wait for a shutdown.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(12);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Fault {
    Refused,
    Tarpit,
}

impl Fault {
    const ALL: [Fault; 2] = [Fault::Refused, Fault::Tarpit];

    fn name(self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Tarpit => "tarpit",
        }
    }

    pub fn order(self) -> Order {
        match self {
            Fault::Refused => Order::Refuse,
            Fault::Tarpit => Order::Tarpit,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Seconds of healthy time, and the same number of seconds of outage
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Events a second, from four threads together
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Only these systems, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Measured {
    name: &'static str,
    what: &'static str,
    fault: Fault,
    /// None if the process did not exit by itself.
    sample: Option<Sample>,
    error: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut measured = Vec::new();
    for fault in Fault::ALL {
        for entry in systems::ALL.iter().filter(|entry| entry.wire) {
            if !arguments.only.is_empty() && !arguments.only.iter().any(|name| name == entry.name) {
                continue;
            }
            let sink = Sink::start()?;
            let mut ask = vec!["one-outage".to_owned(), entry.name.to_owned()];
            let log = folder()?.join("outage.log").display().to_string();
            for (option, value) in [
                ("--fault", fault.name().to_owned()),
                ("--seconds", arguments.seconds.to_string()),
                ("--rate", arguments.rate.to_string()),
                ("--log", log),
            ] {
                ask.extend([option.to_owned(), value]);
            }
            ask.extend(sink.addresses.arguments());
            let within = Duration::from_secs(2 * arguments.seconds + 20) + SHUTDOWN_MAX;
            let (sample, error) = match child::ask(&ask, within) {
                Ok(sample) => (Some(sample), None),
                Err(failure) => (None, Some(failure.to_string())),
            };
            eprintln!("{} {}: {}", fault.name(), entry.name, error.as_deref().unwrap_or("done"));
            measured.push(Measured { name: entry.name, what: entry.what, fault, sample, error });
        }
    }
    let sink = Sink::start()?;
    let log = folder()?.join("outage.log").display().to_string();
    let mut ask = ["one-full", "--log", &log].map(str::to_owned).to_vec();
    ask.extend(sink.addresses.arguments());
    let full: Full = child::ask(&ask, SHUTDOWN_MAX * 2)?;
    show(arguments, &measured, full)
}

fn show(arguments: &Arguments, measured: &[Measured], full: Full) -> Result<(), Failure> {
    let mut page = Page::of("outage");
    page.say(&format!(
        "{} s of health, {} s of outage, {} events/s from four threads, one run each; then a shutdown asked for in {SHUTDOWN:?}, \
         the endpoint still out, waited for at most {SHUTDOWN_MAX:?}. Slope of resident memory by least squares over the last \
         two thirds of the outage. Lost: emitted, and neither at the endpoint nor in the log. overspill's log is a file, through \
         tracing-subscriber's JSON formatter.",
        arguments.seconds, arguments.seconds, arguments.rate
    ));
    let mut table = Table::of(&[
        "in an outage",
        "endpoint",
        "RSS slope MB/s",
        "RSS grown MB",
        "emit p99.9 µs healthy",
        "out",
        "CPU % healthy",
        "out",
        "emitted",
        "in the log",
        "lost",
        "shutdown s",
    ]);
    for of in measured {
        let mut row = vec![of.what.to_owned(), of.fault.name().to_owned()];
        match &of.sample {
            None => row.extend(std::iter::repeat_n("-".to_owned(), 9).chain(["killed".to_owned()])),
            Some(sample) => {
                let count =
                    |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| short(count as f64));
                row.extend([
                    short(sample.slope_mb_per_second),
                    short(sample.grown_mb),
                    short(sample.healthy.p999_us),
                    short(sample.out.p999_us),
                    short(sample.healthy.cpu_percent),
                    short(sample.out.cpu_percent),
                    short(sample.emitted as f64),
                    count(sample.ended_spilled),
                    short(sample.gone() as f64),
                    sample.shutdown_seconds.map_or_else(|| format!("not after {SHUTDOWN_MAX:?}"), short),
                ]);
            }
        }
        table.row(row);
    }
    page.table(&table);
    page.say(&format!(
        "A tarpit that has just begun, {} events pending in overspill, a shutdown asked for in {SHUTDOWN:?}: back after {} s, {} \
         events in the log, {} lost.",
        short(full.pending as f64),
        short(full.shutdown_seconds),
        short(full.spilled as f64),
        short(full.gone as f64)
    ));
    for fault in Fault::ALL {
        let file = format!("outage-{}.png", fault.name());
        page.picture(
            &file,
            &format!("Memory, and what became of the events; the endpoint is out ({})", fault.name()),
        );
    }
    let versions = ["opentelemetry-otlp", "sentry", "tracing-loki"];
    page.say(&format!("Versions: {}.", versions.map(|name| format!("{name} {}", version(name))).join(", ")));
    let ours = |of: &&Measured| systems::by_name(of.name).is_ok_and(|entry| entry.kind == Kind::Ours);
    for of in measured.iter().filter(ours) {
        let Some(sample) = &of.sample else { continue };
        let under = of.fault.name();
        let times = sample.out.p999_us / sample.healthy.p999_us;
        page.goal(Goal::at_most("P4", &format!("{under}: emit p99.9 over healthy"), times, 2.0, " x"));
        let bound = sample.memory_bound_mb.unwrap_or(f64::NAN);
        page.goal(Goal::at_most(
            "P9",
            &format!("{under}: RSS growth over memory_bound"),
            sample.grown_mb / bound,
            1.0,
            " x",
        ));
        // A thousandth of what the leaky systems grow by, and less than the noise of one sample.
        page.goal(Goal::at_most(
            "P9",
            &format!("{under}: RSS slope"),
            sample.slope_mb_per_second,
            0.05,
            " MB/s",
        ));
        page.goal(Goal::at_most("P9", &format!("{under}: events lost"), sample.gone() as f64, 0.0, ""));
        let seconds = sample.shutdown_seconds.unwrap_or(f64::INFINITY);
        page.goal(Goal::at_most("P10", &format!("{under}: shutdown asked for in 2 s"), seconds, 2.2, " s"));
    }
    let seconds = full.shutdown_seconds;
    page.goal(Goal::at_most("P10", "tarpit, full queue: shutdown asked for in 2 s", seconds, 2.2, " s"));
    page.goal(Goal::at_most("P10", "tarpit, full queue: events lost", full.gone as f64, 0.0, ""));
    let broken = full.gone > 0
        || measured.iter().filter(ours).any(|of| of.sample.as_ref().is_none_or(|sample| sample.gone() > 0));
    page.keep(&(measured, full, arguments.seconds))?;
    if broken { Err("overspill lost events, or did not shut down: the law is broken".into()) } else { Ok(()) }
}
