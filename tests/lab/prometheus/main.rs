//! Tests the alert rules and the dashboard of `examples/prometheus`: this program starts a Prometheus and an Alertmanager that watch
//! a process with six clients, of which all but one get a fault. Each alert must fire for the client that has the fault, and for no
//! other, and must resolve; each query of the dashboard must return data. The program then draws the panels of the client whose
//! endpoint was gone.
//!
//! `tests/lab/run prometheus` needs Debian's packages `prometheus` and `prometheus-alertmanager`, which `.ci/prometheus` installs.
//! A minute of the rules is a second here: see [`servers::by_the_second`]. All ports are free ports on loopback.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod course;
mod dashboard;
mod faults;
mod picture;
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
mod receiver;
mod servers;
mod shop;

use clap::Parser;
use course::Course;
use receiver::Receiver;
use servers::Servers;
use shop::Shop;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Parser)]
#[command(about = "Makes the alert rules of examples/prometheus fire, and queries and draws its dashboard")]
pub struct Arguments {
    /// The folder for configurations, logs, the metrics page and the picture
    #[arg(long, default_value = "target/prometheus")]
    out: PathBuf,
    /// The folder with the rules and the dashboard
    #[arg(long, default_value = "examples/prometheus")]
    rules: PathBuf,
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

/// Long enough that rates over five seconds cover only the healthy time.
const HEALTHY: Duration = Duration::from_secs(12);
/// The slowest rule takes ten seconds in total.
const FAULTY: Duration = Duration::from_secs(22);
/// The longest range is fifteen seconds: then the alerts of the faults have resolved.
const BETWEEN: Duration = Duration::from_secs(16);
/// `for: 5m`, a scrape and a half, and a second or two for the notification.
const SHORT_OF_MEMORY: Duration = Duration::from_secs(10);
/// The longest range is fifteen seconds; Alertmanager and the timers take two or three.
const RESOLVED_WITHIN: Duration = Duration::from_secs(40);
/// Healthy clients may get no alert for this long.
const QUIET: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => {
            println!(
                "Every alert fired for its fault and resolved, no other fired, and every query returned data."
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !servers::installed() {
        return Err(
            "prometheus and prometheus-alertmanager are not installed: run .ci/prometheus, which installs them".into()
        );
    }
    let out = &arguments.out;
    if out.exists() {
        std::fs::remove_dir_all(out).map_err(|error| format!("cannot empty {}: {error}", out.display()))?;
    }
    std::fs::create_dir_all(out).map_err(|error| format!("cannot write to {}: {error}", out.display()))?;
    let receiver = Receiver::start().await?;
    let shop = Shop::start(out).await?;
    let servers = Servers::start(out, &arguments.rules, shop.page(), receiver.url()).await?;
    println!("Prometheus scrapes {} once a second; a minute of the rules is a second", shop.page());

    let load = shop.load();
    // Healthy for this long.
    tokio::time::sleep(HEALTHY).await;
    let early = receiver.seen();
    if !early.is_empty() {
        return Err(format!("alerts before any fault: {early:?}").into());
    }
    let mut course = Course::begin();
    shop.begin_faults()?;
    // The length of the fault.
    tokio::time::sleep(FAULTY).await;
    std::fs::write(out.join("metrics.txt"), shop.text())?;
    course.end_faults();
    shop.end_faults()?;
    // The time between two faults.
    tokio::time::sleep(BETWEEN).await;
    course.begin_ballast();
    shop.take_ballast();
    // The length of the fault.
    tokio::time::sleep(SHORT_OF_MEMORY).await;
    course.end_ballast();
    shop.drop_ballast();
    let until = Instant::now() + RESOLVED_WITHIN;
    while Instant::now() < until && !receiver.all_resolved() {
        // The polling interval.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Quiet for this long, so that the picture shows it.
    tokio::time::sleep(QUIET).await;
    load.stop();

    let verdict = course.table(&receiver.seen());
    let settled = shop.settle().await;
    let panels = dashboard::query(&servers, &arguments.rules.join("dashboard.json"), course.span()).await?;
    let heading = picture::Heading {
        message: "The endpoint goes away: events go to the log, none is lost, none piles up, and two alerts fire",
        below: "The dashboard's panels for one client, 100 events/s. Shaded: its endpoint is gone. Dashed: the threshold of an alert. A \
                minute of the rules is a second here.",
        columns: 3,
    };
    picture::draw(&panels, &heading, course.shade(), &out.join("prometheus.svg"))?;
    println!("Picture: {}", out.join("prometheus.svg").display());
    drop(servers);
    let problems: Vec<String> = verdict.into_iter().chain(settled).chain(dashboard::empty(&panels)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n  ").into()) }
}
