//! overspill at work: two services under the same load while their endpoint goes away and comes back. One uses overspill,
//! the other a leaky client, which keeps failed posts in a `Vec` to flush them later.
//!
//! `cargo run --example outage` needs nothing else. Each service is a separate process, so that its memory can be measured
//! alone. This process is the endpoint, keeps the time and checks the result.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(unreachable_pub, reason = "an example has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output is the point")]

mod endpoint;
mod ids;
mod leaky;
mod load;
mod picture;
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
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
    /// The role of this process. None in the process that starts the services.
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
                .help("Folder for the log and the picture")
                .default_value("target/outage")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(Arg::new("role").long("role").hide(true).value_parser(Role::NAMES.map(|(name, _)| name)))
}

impl Arguments {
    /// For arguments with a default: their value is always present.
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
/// What the picture is drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

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
