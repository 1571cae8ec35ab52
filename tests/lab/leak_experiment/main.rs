//! A repeatable leak experiment: a service whose telemetry endpoint is cut off, three heap profiles an interval
//! apart, and what grew between them: with a client that keeps failed posts, without telemetry, and
//! with overspill. With `--flag FILE` a feature flag makes the difference, within the same two processes: see `by_flag.rs`.
//!
//! `tests/lab/run leak_experiment` needs nothing else. Each variant is a separate process under jemalloc's sampling
//! profiler. This process is the endpoint, the clock and the judge; it exits with 1 if the leak was not named, or if
//! something in the other two was. GUIDE.md leads from an alert to the culprit; `--write-guide` updates its figures.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod by_flag;
mod cache;
mod conductor;
#[path = "../../../examples/outage/endpoint.rs"]
#[expect(dead_code, reason = "the endpoint goes away here and does not come back")]
mod endpoint;
#[path = "../toggle/file.rs"]
mod file;
#[path = "../../it/figures.rs"]
#[expect(clippy::expect_used, reason = "a failed run panics, as a test does")]
mod figures;
#[path = "../heap/flame.rs"]
mod flame;
mod guide;
#[path = "../../../examples/outage/ids.rs"]
#[expect(dead_code, reason = "the experiment does not ask which events arrived")]
mod ids;
mod judge;
#[path = "../../../examples/outage/leaky.rs"]
#[expect(dead_code, reason = "the experiment does not ask how many events wait")]
mod leaky;
#[path = "../../../examples/outage/load.rs"]
#[expect(dead_code, reason = "the experiment does not ask how long emit took")]
mod load;
mod picture;
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
mod seeds;
mod service;
mod snapshot;
#[path = "../../../src/bin/overspill/heap/table.rs"]
mod table;
#[path = "../../../src/bin/overspill/units.rs"]
#[allow(dead_code, reason = "shared with the command, which uses all of it")]
mod units;
#[path = "../../../src/ext/wire.rs"]
mod wire;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes each variant's heap profilable. Only this program sets the allocator: the library never does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Debug, Clone, Parser)]
#[command(about = "Cuts a service off from its telemetry, takes three heap profiles, and names what leaks")]
struct Arguments {
    /// Duration in seconds: healthy for the first fifth, then the endpoint is gone
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u64).range(10..=3600))]
    seconds: u64,
    /// Events per second of each service
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(500..=100_000))]
    rate: u64,
    /// The profiler samples one allocation per 2 to the power of this many bytes; 19 is jemalloc's default
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(10..=24))]
    lg_prof_sample: u8,
    /// The folder for profiles, pictures and the log
    #[arg(long, default_value = "target/leak_experiment")]
    out: PathBuf,
    /// Write this run's output into GUIDE.md, and its pictures next to it
    #[arg(long)]
    write_guide: bool,
    /// Instead: run this many processes with a small leak among growing caches, each with its own seed; count how often it ranks first
    #[arg(long, value_name = "COUNT", conflicts_with = "write_guide", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Instead: put the leaky client and overspill behind a flag in this file; take three profiles with it off, three with it on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["write_guide", "seeds"])]
    flag: Option<PathBuf>,
    /// The variant that this process is; set by the process that starts it
    #[arg(long, hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true, default_value = "")]
    endpoint: String,
    #[arg(long, hide = true, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Leaky,
    Off,
    Overspill,
    Caches,
}

type Failure = Box<dyn std::error::Error>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match (arguments.role, arguments.seeds, &arguments.flag) {
        (Some(Role::Caches), ..) => seeds::service(&arguments).map(|()| ExitCode::SUCCESS),
        (Some(role), ..) => service::run(role, &arguments).map(|()| ExitCode::SUCCESS),
        (None, Some(count), _) => seeds::run(count, &arguments),
        (None, None, Some(file)) => by_flag::run(file, &arguments),
        (None, None, None) => judge::run(&arguments),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("leak_experiment: {error}");
        ExitCode::FAILURE
    })
}
