//! Measures the time and memory of a comparison for profiles as large as those of large services, next to
//! `go tool pprof -top` on the same files if Go is installed.
//!
//! `tests/lab/run heap_scale` makes three profiles of each kind in `target/heap_scale`, and compares them in a separate process.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, reason = "prints for people to read")]

mod made;
#[path = "../../../src/ext/wire.rs"]
mod wire;

use clap::Parser;
use overspill::heap_compare::{Comparing, Profile};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, Parser)]
#[command(name = "heap_scale", about = "Compares large heap profiles, and measures time and peak memory")]
struct Arguments {
    /// Where to make the profiles
    #[arg(long, default_value = "target/heap_scale")]
    out: PathBuf,
    /// Fail if a comparison takes more than this many seconds of CPU time, which a busy machine inflates less than
    /// wall-clock time
    #[arg(long, default_value_t = 5.0)]
    seconds_max: f64,
    /// Fail if a comparison uses more than this many MB of memory
    #[arg(long, default_value_t = 300)]
    megabytes_max: u64,
    /// Compare these and report the cost; the program runs itself with this
    #[arg(long, num_args = 3.., hide = true)]
    compare: Vec<PathBuf>,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse();
    if !arguments.compare.is_empty() {
        return compared(&arguments.compare);
    }
    std::fs::create_dir_all(&arguments.out)?;
    let go = go();
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>8}   {}",
        "three profiles of",
        "MB each",
        "seconds",
        "of CPU",
        "peak MB",
        if go.is_some() { "go tool pprof -top, one of them" } else { "(Go is not installed)" }
    );
    let mut kept = true;
    for kind in made::KINDS {
        let mut files = Vec::new();
        for number in 0..3 {
            let file = arguments.out.join(format!("{}.{number}.pb", kind.file));
            made::write(kind, number, &file)?;
            files.push(file);
        }
        let size = std::fs::metadata(&files[0])?.len();
        let mut ours = Command::new(std::env::current_exe()?);
        ours.arg("--compare").args(&files);
        let Measured { took, processor, peak } = measured(&mut ours)?;
        let theirs = match &go {
            Some(go) => {
                let mut pprof = Command::new(go);
                pprof.args(["-top", "-symbolize=none"]).arg(&files[0]);
                pprof.env("PPROF_BINARY_PATH", "/nonexistent");
                let Measured { took, processor, peak } = measured(&mut pprof)?;
                let (took, processor) = (took.as_secs_f64(), processor.as_secs_f64());
                format!("{took:.1} s, {processor:.1} s of CPU, {} MB", peak >> 20)
            }
            None => String::new(),
        };
        println!(
            "{:<34} {:>8.1} {:>8.2} {:>8.2} {:>8}   {theirs}",
            kind.name,
            size as f64 / 1e6,
            took.as_secs_f64(),
            processor.as_secs_f64(),
            peak >> 20
        );
        let within =
            processor.as_secs_f64() <= arguments.seconds_max && peak >> 20 <= arguments.megabytes_max;
        kept &= within || !kind.is_held();
    }
    println!(
        "{}; they do not apply to the last kind, which no real program has.",
        if kept { "Within the limits" } else { "NOT WITHIN THE LIMITS" }
    );
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs in a separate process, so that the peak is that of the comparison.
fn compared(paths: &[PathBuf]) -> Result<ExitCode, Failure> {
    // As the program `heap` does.
    let comparison = std::thread::scope(|scope| {
        let (give, take) = std::sync::mpsc::sync_channel(0);
        scope.spawn(move || paths.iter().all(|path| give.send(Profile::read_file(path)).is_ok()));
        Comparing::new().compare_each(take.iter().map(|read| read.map_err(Failure::from)))
    })?;
    let first = comparison.persistent().first().map(|first| first.name().to_owned());
    println!("{} stacks; first: {first:?}", comparison.stacks());
    Ok(if first.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a command used, as the kernel counts it: wall-clock time, CPU time and peak memory.
struct Measured {
    took: Duration,
    processor: Duration,
    peak: u64,
}

fn measured(command: &mut Command) -> Result<Measured, Failure> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let folder = PathBuf::from(format!("/proc/{}", child.id()));
    let (mut peak, mut processor) = (0, Duration::ZERO);
    let ended = loop {
        peak = peak.max(high_water(&folder.join("status")).unwrap_or(0));
        processor = processor.max(processor_time(&folder.join("stat")).unwrap_or_default());
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        // The sleep sets the polling interval.
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    if ended.success() {
        Ok(Measured { took, processor, peak })
    } else {
        Err(format!("{command:?} failed: {ended}").into())
    }
}

fn high_water(status: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

/// CPU time, which every Linux counts in hundredths of a second.
fn processor_time(stat: &Path) -> Option<Duration> {
    let stat = std::fs::read_to_string(stat).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok());
    Some(Duration::from_millis(ticks.sum::<Option<u64>>()? * 10))
}

/// The program that `go tool pprof` runs: measuring `go` itself would miss it.
fn go() -> Option<PathBuf> {
    let tool = |go: &str| {
        let tool = Command::new(go).args(["tool", "-n", "pprof"]).stderr(Stdio::null()).output().ok()?;
        let path = PathBuf::from(String::from_utf8(tool.stdout).ok()?.trim());
        path.exists().then_some(path)
    };
    ["go", "/usr/local/go/bin/go"].into_iter().find_map(tool)
}
