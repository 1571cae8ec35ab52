//! What a macro of the `metrics` crate costs with overspill's recorder, with metrics-exporter-prometheus's, and with none.
//!
//! `benches/peers/run metrics` counts instructions per call with callgrind: a long run minus a short one, which leaves out
//! one-time costs. The end of an interval is included: every 10,000 calls our recorder is flushed (to a client that is off, so without
//! encoding), and the other's upkeep runs, which takes its histograms' values out of their buckets. `benches/peers/run metrics
//! --threads` measures nanoseconds per call instead, on one thread and on two at once, the best of five.

use clap::Parser;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use overspill::Client;
use overspill::metrics_recorder::{MetricsGuard, MetricsRecorder};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(
    about = "Counts what a call of the metrics macros costs, compared with metrics-exporter-prometheus; needs valgrind"
)]
struct Arguments {
    /// Nanoseconds on one and on two threads, instead of instructions
    #[arg(long)]
    threads: bool,
    /// One case, which callgrind counts: a recorder, a call, and how often
    #[arg(long, num_args = 3, hide = true)]
    run: Option<Vec<String>>,
}

const RECORDERS: [&str; 3] = ["none", "overspill", "prometheus"];
const CALLS: [&str; 7] =
    ["counter", "counter, labels", "counter, new labels", "counter, handle", "gauge", "summary", "buckets"];
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
const UPKEEP_EVERY: u64 = 10_000;
const CALLS_FEW: u64 = 20_000;
const CALLS_MANY: u64 = 220_000;

enum Installed {
    None,
    Ours(MetricsGuard),
    Prometheus(PrometheusHandle),
}

impl Installed {
    fn of(recorder: &str, call: &str) -> Result<Installed, Failure> {
        match recorder {
            "overspill" => {
                let builder = MetricsRecorder::builder(&Client::disabled())
                    .interval(Duration::from_secs(3_600))
                    .idle_max(Duration::from_secs(3_600));
                let builder = if call == "buckets" { builder.buckets(BOUNDS) } else { builder };
                Ok(Installed::Ours(builder.install()?))
            }
            "prometheus" => {
                let builder = PrometheusBuilder::new();
                let builder = if call == "buckets" { builder.set_buckets(&BOUNDS)? } else { builder };
                Ok(Installed::Prometheus(builder.install_recorder()?))
            }
            _ => Ok(Installed::None),
        }
    }

    fn upkeep(&self) -> Result<(), Failure> {
        match self {
            Installed::None => {}
            Installed::Ours(guard) => _ = guard.flush()?,
            Installed::Prometheus(handle) => handle.run_upkeep(),
        }
        Ok(())
    }
}

/// Values over three decades, without a generator's cost.
fn value(nth: u64) -> f64 {
    ((nth * 7_919) % 1_000 + 1) as f64 / 1_000.0
}

fn calls(call: &str, from: u64, to: u64) {
    let routes: Vec<String> = (0..16).map(|nth| format!("/route/{nth}")).collect();
    match call {
        "counter" => (from..to).for_each(|_| counter!("requests_total").increment(1)),
        "counter, labels" => (from..to)
            .for_each(|_| counter!("requests_total", "route" => "/orders", "method" => "GET").increment(1)),
        "counter, new labels" => (from..to).for_each(|nth| {
            counter!("requests_total", "route" => routes[nth as usize % 16].clone()).increment(1);
        }),
        "counter, handle" => {
            let counter = counter!("requests_total");
            (from..to).for_each(|_| counter.increment(1));
        }
        "gauge" => (from..to).for_each(|nth| gauge!("depth").set(nth as f64)),
        _ => (from..to).for_each(|nth| histogram!("seconds").record(value(nth))),
    }
}

fn run(installed: &Installed, call: &str, times: u64) -> Result<(), Failure> {
    for from in (0..times).step_by(UPKEEP_EVERY as usize) {
        calls(call, from, (from + UPKEEP_EVERY).min(times));
        installed.upkeep()?;
    }
    Ok(())
}

fn count(recorder: &str, call: &str, times: u64) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--run", recorder, call, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{recorder}, {call}: {}: {said}", output.status).into());
    }
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).ok_or("callgrind reports no count")?;
    Ok(collected.1.trim().parse()?)
}

fn instructions() -> Result<(), Failure> {
    println!("instructions per call\n{:<22}{:>10}{:>12}{:>12}", "", RECORDERS[0], RECORDERS[1], RECORDERS[2]);
    for call in CALLS {
        print!("{call:<22}");
        for recorder in RECORDERS {
            let more = count(recorder, call, CALLS_MANY)?.saturating_sub(count(recorder, call, CALLS_FEW)?);
            print!("{:>11.0}", more as f64 / (CALLS_MANY - CALLS_FEW) as f64);
        }
        println!();
    }
    Ok(())
}

/// Each recorder runs in its own process, because a process has only one.
fn threads() -> Result<(), Failure> {
    println!(
        "nanoseconds per call, on one thread and on two\n{:<22}{:>20}{:>20}",
        "", RECORDERS[1], RECORDERS[2]
    );
    for call in CALLS {
        print!("{call:<22}");
        for recorder in &RECORDERS[1..] {
            let output =
                Command::new(std::env::current_exe()?).args(["--run", recorder, call, "0"]).output()?;
            print!("{:>20}", String::from_utf8_lossy(&output.stdout).trim());
        }
        println!();
    }
    Ok(())
}

fn timed(installed: &Installed, call: &str) -> Result<String, Failure> {
    const TIMES: u64 = 200_000;
    let mut best = [f64::MAX; 2];
    for _ in 0..5 {
        for (threads, best) in [1, 2].into_iter().zip(&mut best) {
            let began = Instant::now();
            std::thread::scope(|scope| {
                (0..threads).for_each(|_| _ = scope.spawn(|| calls(call, 0, TIMES)));
            });
            *best = best.min(began.elapsed().as_nanos() as f64 / TIMES as f64);
            installed.upkeep()?;
        }
    }
    Ok(format!("{:.0} / {:.0}", best[0], best[1]))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.run.as_deref() {
        Some([recorder, call, times]) => {
            Installed::of(recorder, call).and_then(|installed| match times.parse()? {
                0 => timed(&installed, call).map(|text| println!("{text}")),
                times => run(&installed, call, times),
            })
        }
        _ if arguments.threads => threads(),
        _ => instructions(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("metrics: {error}");
            ExitCode::FAILURE
        }
    }
}
