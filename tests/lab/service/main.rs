//! A service in an outage: axum, with the tracing layer, the recorder for metrics, the layer for requests, the toggle and the memory watch
//! together, its endpoint cut off for eighteen seconds and healed, watched by a Prometheus and an Alertmanager. It ends well, or this says
//! where it does not: callers' latency stays, memory stays below its bound, two alerts fire and resolve, what could not be delivered is in
//! the log and is read back, and every event is at the endpoint or there.
//!
//! `tests/lab/run service`. As root on Linux with iproute2 the network is cut for real, between two namespaces of the program's own;
//! elsewhere its endpoint stops answering. Without a Prometheus it is not watched, and nothing is drawn. `.ci/service` installs both.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod app;
mod callers;
#[path = "../prometheus/dashboard.rs"]
#[allow(dead_code, reason = "shared with the program `prometheus`, which uses all of it")]
mod dashboard;
mod endpoint;
#[path = "../toggle/file.rs"]
mod file;
mod ids;
mod law;
#[path = "../network_cut/network.rs"]
#[allow(dead_code, reason = "shared with the program `network_cut`, which uses all of it")]
mod network;
#[path = "../prometheus/picture.rs"]
mod picture;
#[path = "../prometheus/receiver.rs"]
#[allow(dead_code, reason = "shared with the program `prometheus`, which uses all of it")]
mod receiver;
#[path = "../prometheus/servers.rs"]
#[allow(dead_code, reason = "shared with the program `prometheus`, which uses all of it")]
mod servers;
mod story;
mod trouble;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Clone, Parser)]
#[command(about = "A service with everything that overspill has for it, in an outage that is watched")]
pub struct Arguments {
    /// Where logs, configurations, the picture and the figures go
    #[arg(long, default_value = "target/service")]
    out: PathBuf,
    /// Where the alert rules are
    #[arg(long, default_value = "examples/prometheus")]
    rules: PathBuf,
    /// Stops the endpoint's answers, instead of cutting the network, though this root could
    #[arg(long)]
    no_namespaces: bool,
    /// Which part this process plays; set by the process that starts it
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// The endpoint's URL; set for the service
    #[arg(long, hide = true, default_value = "")]
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Keeps what it answers with 200
    Endpoint,
    /// Callers, Prometheus and the service, on the service's side of the network
    Story,
    /// The service
    App,
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.role {
        None => trouble::conduct(&arguments),
        Some(Role::Endpoint) => endpoint::run(&arguments),
        Some(Role::Story) => story::run(&arguments),
        Some(Role::App) => app::run(&arguments),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}
