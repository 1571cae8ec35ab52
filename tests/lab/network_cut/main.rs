//! Cuts a real network: this program makes two network namespaces with a wire between them, an endpoint in one and a
//! service under load in the other. The cut makes packets vanish: no refusal, no reset, established connections simply
//! stall; healing takes a moment. A second scenario is about the endpoint's name: its address changes, and the name server
//! does not answer.
//!
//! `tests/lab/run network_cut` needs root, Linux and iproute2; `.ci/netcut` installs what is missing. The program does not
//! touch the machine's own network: its addresses are reserved for documentation, and exist only in the namespaces.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![allow(clippy::expect_used, reason = "shared with the tests, which fail if a figure cannot be stored")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod conductor;
mod cut;
mod endpoint;
#[path = "../../it/figures.rs"]
mod figures;
#[path = "../../../examples/outage/ids.rs"]
mod ids;
mod judge;
#[allow(dead_code, reason = "shared with the example `outage`, which uses all of it")]
#[path = "../../../examples/outage/load.rs"]
mod load;
mod names;
mod network;
mod service;

use clap::{Parser, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Short times, so that half a minute shows everything; the defaults are 3 s, 10 s and 15 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
pub const POST_TIMEOUT: Duration = Duration::from_secs(2);
pub const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// The exit code for "not on this machine": automake and others treat it as "skipped".
const CANNOT_HERE: u8 = 77;

#[derive(Debug, Clone, Parser)]
#[command(about = "Cuts the network between a service and its endpoint, in its own network namespaces")]
struct Arguments {
    /// The scenario to run; all run at the same time by default
    #[arg(long, default_value = "all")]
    scenario: Scenario,
    /// Events per second in the scenario `cut`
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(4..=100_000))]
    rate: u64,
    /// The folder for logs
    #[arg(long, default_value = "target/network_cut")]
    out: PathBuf,
    /// The role of this process; set by the process that starts it
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// The endpoint's URL; set for a service
    #[arg(long, hide = true, default_value = "")]
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Packets vanish under load, 15 s
    Cut,
    /// The endpoint's address changes, and the name server is silent, 60 s
    Names,
    /// Both scenarios
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Endpoint,
    Service,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        Some(Role::Endpoint) => endpoint::run(&arguments.out).map(|()| ExitCode::SUCCESS),
        Some(Role::Service) => service::run(&arguments).map(|()| ExitCode::SUCCESS),
        None => match network::find_ip() {
            Ok(ip) => conduct(&arguments, &ip),
            Err(why) => {
                eprintln!("network_cut: cannot run here: {why}");
                return ExitCode::from(CANNOT_HERE);
            }
        },
    };
    ended.unwrap_or_else(|error| {
        eprintln!("network_cut: {error}");
        ExitCode::FAILURE
    })
}

/// Runs the scenarios side by side, and ends them cleanly on an interrupt.
fn conduct(arguments: &Arguments, ip: &Path) -> Result<ExitCode, Failure> {
    type Play = fn(&Arguments, &Path) -> Result<(), Failure>;
    let (cut, names): ((&str, Play), (&str, Play)) =
        (("network_cut", cut::play), ("network_cut.names", names::play));
    let scenarios = match arguments.scenario {
        Scenario::Cut => vec![cut],
        Scenario::Names => vec![names],
        Scenario::All => vec![cut, names],
    };
    conductor::heed_signals()?;
    let mut playing = Vec::new();
    for (name, play) in scenarios {
        let (arguments, ip) = (arguments.clone(), ip.to_owned());
        // The thread's name is the figures' name.
        let play = move || play(&arguments, &ip).map_err(|error| format!("{name}: {error}"));
        playing.push(std::thread::Builder::new().name(name.to_owned()).spawn(play)?);
    }
    let mut code = ExitCode::SUCCESS;
    for scenario in playing {
        if let Err(why) = scenario.join().unwrap_or_else(|_| Err("a scenario panicked".to_owned())) {
            eprintln!("FAILED: {why}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
