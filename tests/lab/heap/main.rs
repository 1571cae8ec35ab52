//! Reads three heap profiles and prints the call stacks that keep growing: run it after the third snapshot.
//!
//! `tests/lab/run heap FIRST SECOND THIRD`; `--flame-graph grown.svg` draws what grew, `--json` is for scripts.
//! `tests/lab/leak_experiment/GUIDE.md` explains how to get the profiles, and how to read the table.
#![allow(missing_docs, reason = "a program has no public API")]
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stderr, reason = "prints for people to read")]

mod flame;
#[path = "../../../src/bin/overspill/heap/json.rs"]
mod json;
#[path = "../../../src/bin/overspill/heap/table.rs"]
mod table;
#[path = "../../../src/bin/overspill/units.rs"]
#[allow(dead_code, reason = "shared with the command, which uses all of it")]
mod units;

use clap::Parser;
use overspill::heap_compare::{Comparing, Profile};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

#[derive(Debug, Parser)]
#[command(name = "heap", about = "Ranks the call stacks that grew from each heap profile to the next")]
struct Arguments {
    /// Three or more heap profiles of one process, oldest first: pprof format, gzipped or not, or jemalloc's heap_v2
    #[arg(num_args = 3.., required = true, value_names = ["FIRST", "SECOND", "THIRD"])]
    profiles: Vec<PathBuf>,
    /// Maximum number of stacks of each kind to show
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Draw what grew in both intervals to this SVG file
    #[arg(long, value_name = "FILE")]
    flame_graph: Option<PathBuf>,
    /// Also compare profiles of different processes or builds; a difference then is not necessarily growth
    #[arg(long)]
    allow_different_processes: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    run(&Arguments::parse()).map_or_else(
        |error| {
            eprintln!("heap: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut comparing = Comparing::new();
    if arguments.allow_different_processes {
        comparing = comparing.allow_different_processes();
    } else {
        one_process(&arguments.profiles)?;
    }
    let comparison = std::thread::scope(|scope| {
        // Reads the next profile while joining the current one: uses two cores, and holds two profiles in memory.
        let (give, take) = sync_channel(0);
        scope.spawn(move || {
            for path in &arguments.profiles {
                let read = Profile::read_file(path).map_err(|error| format!("{}: {error}", path.display()));
                if give.send(read).is_err() {
                    break;
                }
            }
        });
        comparing.compare_each(take.iter().map(|read| read.map_err(Failure::from)))
    })?;
    let top = usize::from(arguments.top);
    let text = if arguments.json {
        format!("{:#}\n", json::of(&comparison, top))
    } else {
        table::of(&comparison, top)
    };
    // A closed pipe is not an error: the reader has seen enough.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    if let Some(file) = &arguments.flame_graph {
        let drawn = flame::draw(&comparison, file).map_err(|error| format!("{}: {error}", file.display()))?;
        match drawn {
            true => eprintln!("flame graph of what grew in both intervals: {}", file.display()),
            false => eprintln!("no flame graph: nothing grew in both intervals"),
        }
    }
    Ok(())
}

/// A profile may not say which process it is from, but the file names of the memory watch and of jemalloc contain a pid:
/// `SERVICE-TIME-MB-PID.pb.gz`, `PREFIX.PID.NUMBER.CAUSE.heap`.
fn one_process(paths: &[PathBuf]) -> Result<(), Failure> {
    let pid = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        if let Some(name) = name.strip_suffix(".heap") {
            let mut parts = name.rsplit('.');
            let (_, _, pid) = (parts.next()?, parts.next()?, parts.next()?);
            return pid.parse().ok();
        }
        let (before, pid) = name.strip_suffix(".pb.gz")?.rsplit_once('-')?;
        if before.ends_with("MB") { pid.parse().ok() } else { None }
    };
    let pids: Option<Vec<u32>> = paths.iter().map(pid).collect();
    match pids.and_then(|pids| pids.iter().find(|pid| **pid != pids[0]).map(|other| (pids[0], *other))) {
        Some((first, other)) => Err(format!(
            "profiles of two processes, {first} and {other} by their names: take all of one, or say that it is meant \
             (--allow-different-processes)"
        )
        .into()),
        None => Ok(()),
    }
}
