//! The soak: a service emits for an hour, or as long as you say, over real sockets, while its endpoint refuses, hangs,
//! resets, is overloaded and is slow at random. At the end: is every event where the counters say, and does memory grow?
//!
//! `tests/lab/run soak --seconds 60` runs a short one; `.ci/soak 60` runs it under two allocators. The
//! endpoint and the service are separate processes, so that each has its own memory; this process is the driver and judge.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod child;
mod driver;
mod endpoint;
mod evidence;
#[path = "../fleet/ids.rs"]
mod ids;
mod load;
mod picture;
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
#[path = "../../it/split_mix.rs"]
mod random;
mod report;
mod service;
mod slope;
mod weather;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Clone, Parser)]
#[command(
    about = "Runs a service for an hour while its endpoint fails at random, then compares ids and looks for memory growth"
)]
struct Arguments {
    /// Duration in seconds
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(20..=86_400))]
    seconds: u64,
    /// Seed of sizes, bursts and outages
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events per second of all threads in steady times; bursts and quiet times come on top
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=20_000))]
    rate: u32,
    /// The folder for log, samples and pictures; the log of an hour takes about a gigabyte
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
    /// The role of this process; set by the process that starts it
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// The endpoint's URL; set for the service
    #[arg(long, hide = true)]
    endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Endpoint,
    Service,
}

type Failure = Box<dyn std::error::Error>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        Some(Role::Endpoint) => endpoint::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Role::Service) => service::run(&arguments).map(|()| ExitCode::SUCCESS),
        None => driver::run(&arguments).and_then(|run| report::print(&run)),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("soak: {error}");
        ExitCode::FAILURE
    })
}
