//! The soak: a service that emits for an hour, or as long as you say, over real sockets, while its endpoint is refused,
//! hung, reset, overloaded and slowed at random. At the end: is every event where the books say, and does memory grow?
//!
//! `tests/lab/run soak --seconds 60` for a taste; `.ci/soak 60` runs it under two allocators. The
//! endpoint and the service are processes of their own, so that each has its own memory; this one is the driver and judge.
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
    about = "Lets a service emit for an hour while its endpoint fails at random, then compares ids and looks for growth"
)]
struct Arguments {
    /// How long, in seconds
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(20..=86_400))]
    seconds: u64,
    /// Makes another run of it: sizes, bursts, outages
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events per second in steady times, over all threads; bursts and quiet times come on top
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=20_000))]
    rate: u32,
    /// Where log, samples and pictures go; the log of an hour takes about a gigabyte
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
    /// Which part this process plays; set by the process that starts the others
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// Where the service sends to; set likewise
    #[arg(long, hide = true)]
    endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Endpoint,
    Service,
}

type Failure = Box<dyn std::error::Error>;

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
