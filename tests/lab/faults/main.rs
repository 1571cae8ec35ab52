//! Runs the tests of every fault that overspill makes a promise about, and prints a table of fault, promise and measurement.
//!
//! `tests/lab/run faults` takes a few minutes; `--deep` runs as many cases as the promises name, and the tests that
//! need root.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod rows;
mod soaks;
mod table;

use clap::Parser;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

#[derive(Debug, Parser)]
#[command(about = "Runs the tests of the fault matrix and prints what they measured, one row per fault")]
struct Arguments {
    /// Run as many cases as the promises name, model checks, and a real network cut: takes ten minutes, needs root
    #[arg(long)]
    deep: bool,
    /// Print the table of the last run, without running anything
    #[arg(long, conflicts_with = "deep")]
    last: bool,
    /// Where the tests leave their figures
    #[arg(long, default_value = "target/faults")]
    figures: PathBuf,
    /// Where `.ci/soak` leaves its reports
    #[arg(long, default_value = "target/soak")]
    soaks: PathBuf,
    /// Also write the table to this file, with a preface: makes tests/RELIABILITY.md
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Where the scripts and the tests are.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The file that says how the figures next to it were measured.
const CIRCUMSTANCES: &str = "circumstances.md";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("faults: {error}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    if !arguments.last && !measure(arguments)? {
        code = ExitCode::FAILURE;
    }
    let (table, missing) = table::of(&arguments.figures)?;
    print!("{table}");
    if let Some(out) = &arguments.out {
        let circumstances = std::fs::read_to_string(arguments.figures.join(CIRCUMSTANCES))?;
        let soaks = soaks::of(&arguments.soaks)?;
        let chapter = format!("{}\n{circumstances}{table}{soaks}", include_str!("preface.md"));
        std::fs::write(out, chapter).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    if !missing.is_empty() {
        eprintln!("faults: nothing was measured for the rows {missing:?}");
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

/// The machine, the command and the date of the measurement.
fn circumstances(arguments: &Arguments) -> String {
    let deep = if arguments.deep { " -- --deep" } else { "" };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    format!("Measured by `tests/lab/run faults{deep}` on {cores} {machine} cores, {system}, {date}.\n")
}

/// Runs everything that measures. Returns whether all of it passed.
fn measure(arguments: &Arguments) -> Result<bool, Failure> {
    let folder = &arguments.figures;
    if folder.exists() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            // Deletes the figures of an earlier run.
            if path.extension().is_some_and(|extension| extension == "tsv") {
                std::fs::remove_file(path)?;
            }
        }
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(CIRCUMSTANCES), circumstances(arguments))?;
    let folder = folder.canonicalize()?;
    let mut passed = show(tests(arguments, &["--test", "*"]), "the tests", &folder)?;
    let laboratory = ["--manifest-path", "tests/lab/Cargo.toml", "--target-dir", "target", "--test", "*"];
    passed &= show(tests(arguments, &laboratory), "the laboratory's tests", &folder)?;
    if arguments.deep {
        for script in [".ci/models", ".ci/netcut", ".ci/compiled-out", ".ci/leaks", ".ci/bare"] {
            passed &= show(Command::new(Path::new(REPOSITORY).join(script)), script, &folder)?;
        }
    }
    Ok(passed)
}

fn tests(arguments: &Arguments, which: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut tests = Command::new(cargo);
    tests.args(["test", "--release", "--no-fail-fast"]).args(which).args(["--", "--nocapture"]);
    if arguments.deep {
        tests.env("FAULTS_CASES", "10000000").env("FAULTS_SEEDS", "20000");
    }
    tests
}

/// Runs a command and prints its figures and failures. Returns whether it succeeded.
fn show(mut command: Command, name: &str, figures: &Path) -> Result<bool, Failure> {
    eprintln!("{name} …");
    let began = Instant::now();
    let mut child = command
        .current_dir(REPOSITORY)
        .env("FAULTS_FIGURES", figures)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Panics that are part of the tests, and the log lines of clients without a subscriber.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(figure) = line.find("figure: ") {
                eprintln!("  {}", &line[figure..]);
            } else if line.contains("FAILED") || line.contains("SKIPPED") {
                eprintln!("  {line}");
            }
        }
    }
    let passed = child.wait()?.success();
    eprintln!("{name}: {} after {:.0?}", if passed { "passed" } else { "FAILED" }, began.elapsed());
    Ok(passed)
}
