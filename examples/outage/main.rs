//! The main job, visible: two services under the same load while their endpoint is taken away and comes back. One uses
//! overspill, the other the leaky client of the story, which keeps failed posts in a `Vec` to be flushed later.
//!
//! `cargo run --release --example outage` needs nothing else. Each service is a process of its own, so that its memory
//! is its own; this process is the endpoint, the clock and the judge.
#![allow(missing_docs, reason = "an example has no outside")]
#![expect(unreachable_pub, reason = "an example has no outside")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is there to be looked at")]

mod endpoint;
mod ids;
mod leaky;
mod load;
mod picture;
mod report;
mod screen;
mod service;
mod timeline;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Clone, Parser)]
#[command(
    about = "Takes an endpoint away from a service that logs events through overspill, and from one that leaks"
)]
struct Arguments {
    /// How long, in seconds: a quarter healthy, a quarter refused, a fifth tarpit, the rest healthy again
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(8..=3600))]
    seconds: u64,
    /// Events per second and service
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(4..=200_000))]
    rate: u64,
    /// A real endpoint to send to, with overspill only, instead of the built-in one that comes and goes
    #[arg(long)]
    endpoint: Option<String>,
    /// Where log and pictures go
    #[arg(long, default_value = "target/outage")]
    out: PathBuf,
    /// Which service this process is; set by the process that starts the services
    #[arg(long, hide = true)]
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Overspill,
    Leaky,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        Some(role) => service::run(role, &arguments).map(|()| ExitCode::SUCCESS),
        None => timeline::run(&arguments),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("outage: {error}");
        ExitCode::FAILURE
    })
}
