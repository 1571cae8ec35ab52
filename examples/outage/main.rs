//! The main job, visible: two services under the same load while their endpoint is taken away and comes back. One uses
//! overspill, the other the leaky client of the story, which keeps failed posts in a `Vec` to be flushed later.
//!
//! `cargo run --example outage` needs nothing else. Each service is a process of its own, so that its memory
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

use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Clone)]
struct Arguments {
    seconds: u64,
    rate: u64,
    endpoint: Option<String>,
    out: PathBuf,
    /// Which service this process is; none is the process that starts the services.
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Overspill,
    Leaky,
}

impl Role {
    const NAMES: [(&str, Role); 2] = [("overspill", Role::Overspill), ("leaky", Role::Leaky)];

    fn name(self) -> &'static str {
        Role::NAMES[self as usize].0
    }
}

fn command() -> Command {
    Command::new("outage")
        .about("Takes an endpoint away from a service that logs events through overspill, and from one that leaks")
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .help("How long, in seconds: a quarter healthy, a quarter refused, a fifth tarpit, the rest healthy again")
                .default_value("30")
                .value_parser(value_parser!(u64).range(8..=3600)),
        )
        .arg(
            Arg::new("rate")
                .long("rate")
                .help("Events per second and service")
                .default_value("20000")
                .value_parser(value_parser!(u64).range(4..=200_000)),
        )
        .arg(
            Arg::new("endpoint")
                .long("endpoint")
                .value_name("URL")
                .help("A real endpoint to send to, with overspill only, instead of the built-in one that comes and goes"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FOLDER")
                .help("Where log and picture go")
                .default_value("target/outage")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(Arg::new("role").long("role").hide(true).value_parser(Role::NAMES.map(|(name, _)| name)))
}

impl Arguments {
    /// Those that have a default are always there.
    fn of(matches: &ArgMatches) -> Option<Arguments> {
        let role = matches.get_one::<String>("role");
        Some(Arguments {
            seconds: *matches.get_one("seconds")?,
            rate: *matches.get_one("rate")?,
            endpoint: matches.get_one("endpoint").cloned(),
            out: matches.get_one::<PathBuf>("out")?.clone(),
            role: role
                .and_then(|role| Role::NAMES.iter().find(|(name, _)| name == role))
                .map(|(_, role)| *role),
        })
    }
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let ended = match Arguments::of(&command().get_matches()) {
        Some(arguments) => match arguments.role {
            Some(role) => service::run(role, &arguments).map(|()| ExitCode::SUCCESS),
            None => timeline::run(&arguments),
        },
        None => Err("an argument has neither a value nor a default".into()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("outage: {error}");
        ExitCode::FAILURE
    })
}
