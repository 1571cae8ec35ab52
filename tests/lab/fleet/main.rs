//! The fleet: a thousand clients lose their one endpoint at the same moment, and come back. The load on the endpoint
//! must never exceed that of a quiet day.
//!
//! `tests/lab/run fleet` needs nothing else: it uses no sockets and a paused clock, so that three
//! minutes take seconds. `--clients 10000` simulates ten times as many clients.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod chronicle;
mod endpoint;
mod ids;
mod measure;
mod picture;
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
#[path = "../../it/split_mix.rs"]
mod random;
mod simulation;

use clap::Parser;
use measure::Figures;
use simulation::{END, Plan};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Parser)]
#[command(
    about = "Takes one endpoint away from a whole fleet of clients, twice, and measures what comes back at it"
)]
struct Arguments {
    /// How many clients
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=20_000))]
    clients: u32,
    /// Seed of the simulated day
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events per second of each client
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
    /// How long an event waits for more events, in milliseconds: `batch_age_max`
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..=2_000))]
    batch_age: u64,
    /// Where the picture goes
    #[arg(long, default_value = "target/fleet")]
    out: PathBuf,
}

type Failure = Box<dyn std::error::Error>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::SVGBackend<'a>;

/// The endpoint's capacity, as a multiple of the fleet's live rate: enough for a quiet day, not for a thundering herd.
const CAPACITY: f64 = 1.2;

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("fleet: {error}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot write to {}: {error}", arguments.out.display()))?;
    let plan = Plan {
        clients: arguments.clients as usize,
        seed: arguments.seed,
        events_per_second: f64::from(arguments.rate),
        batch_age: Duration::from_millis(arguments.batch_age),
        capacity: CAPACITY,
    };
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let outcome = runtime.block_on(simulation::run(&plan))?;
    let figures = Figures::of(&outcome);
    println!(
        "{} clients, {} events/s each, batches of {:?}, seed {}: {} s in {:.1} s\n",
        plan.clients,
        plan.events_per_second,
        plan.batch_age,
        plan.seed,
        END.as_secs(),
        began.elapsed().as_secs_f64()
    );
    print(&figures);
    let file = arguments.out.join("fleet.svg");
    picture::draw(&outcome, &figures, &plan, &file)?;
    println!("Picture: {}", file.display());
    let broken = figures.broken();
    for promise in &broken {
        println!("BROKEN: {promise}");
    }
    if broken.is_empty() {
        println!("Every promise holds.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn print(figures: &Figures) {
    let live = figures.live_rate;
    println!("Live rate: {live:.1} requests per 100 ms; the endpoint's limit: {:.1}", live * CAPACITY);
    println!(
        "Chance on top of it: a second {:.2}, 100 ms {:.2} of the live rate\n",
        figures.load_max(10.0),
        figures.load_max(1.0)
    );
    let row = |what: &str, of: &dyn Fn(&measure::Recovery) -> String| {
        let cells: Vec<String> =
            figures.recoveries.iter().map(|recovery| format!("{:>18}", of(recovery))).collect();
        println!("{what:<46}{}", cells.concat());
    };
    row("", &|r| r.trouble.name.to_owned());
    row("clients that went out", &|r| r.out.to_string());
    row("highest second, of the live rate", &|r| format!("{:.2}", r.highest_second));
    row("highest 100 ms, of the live rate", &|r| format!("{:.2}", r.highest_tick));
    row("highest second of attempts to connect as well", &|r| format!("{:.2}", r.highest_attempts));
    row("highest 100 ms of probes, of the live rate", &|r| format!("{:.2}", r.highest_probes));
    row("peak/mean per 100 ms of the recovery", &|r| format!("{:.2}", r.peak_over_mean));
    row("first request after the healing", &|r| format!("{:.1} s", r.first_request.as_secs_f64()));
    row("all clients healthy after", &|r| format!("{:.1} s", r.all_healthy.as_secs_f64()));
    row("turned away by the limit after the healing", &|r| r.turned_away.to_string());
    row("healthy clients that went out again", &|r| r.out_again.to_string());
    println!(
        "\nThe law:   emitted {} = delivered {} + spilled {} + lost {} + pending {}, the books of all added up",
        figures.emitted, figures.delivered, figures.spilled, figures.lost, figures.pending
    );
    let ids = figures.compared;
    println!(
        "Ids:       {} in neither endpoint nor log, {} in both ({} unmarked), {} twice in one, {} unknown",
        ids.in_neither, ids.in_both, ids.in_both_unmarked, ids.again, ids.unknown
    );
}
