//! A service in an outage: axum with the tracing layer, the metrics recorder, the request layer, the toggle and the memory watch.
//! Its endpoint is cut off for eighteen seconds and healed, while a Prometheus and an Alertmanager watch. The program fails and says
//! why unless callers' latency stays the same, memory stays below its bound, two alerts fire and resolve, what could not be
//! delivered can be read back from the log, and every event is at the endpoint or in the log.
//!
//! Run it with `tests/lab/run service`. As root on Linux with iproute2 it cuts a real network, between two new namespaces;
//! elsewhere its endpoint stops answering. Without Prometheus it is not watched, and nothing is drawn. `.ci/service` installs both.
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
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
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
#[command(about = "Runs a service that uses every overspill feature through an outage, and watches it")]
pub struct Arguments {
    /// The folder for logs, configurations, the picture and the figures
    #[arg(long, default_value = "target/service")]
    out: PathBuf,
    /// The folder with the alert rules
    #[arg(long, default_value = "examples/prometheus")]
    rules: PathBuf,
    /// Stop the endpoint's answers instead of cutting the network, even if root could cut it
    #[arg(long)]
    no_namespaces: bool,
    /// The role of this process; set by the process that starts it
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// The endpoint's URL; set for the service
    #[arg(long, hide = true, default_value = "")]
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Keeps the events that it answers with 200
    Endpoint,
    /// Callers, Prometheus and the service, on the service's side of the network
    Story,
    /// The service
    App,
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

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
