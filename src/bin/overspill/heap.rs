//! `overspill heap`: reads three heap profiles and shows the call stacks that keep growing.

mod json;
mod table;

use crate::exit::{CommandFailure, Exit};
use crate::out;
use clap::Args;
use overspill::heap_compare::{Comparing, Comparison, Profile};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

/// Compare three heap profiles of one process: which call stacks grew from each to the next
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 1 if something grew in both intervals, with 0 if nothing did.

Examples:
  overspill heap orders-*-4711.pb.gz                    # the snapshots of overspill's memory watch
  overspill heap jeprof.4711.{0,1,2}.i{0,1,2}.heap      # jemalloc's own dumps
  overspill heap --json a.pb.gz b.pb.gz c.pb.gz | jq '.persistent[0].name'")]
pub(crate) struct Arguments {
    /// Three or more heap profiles of one process, in the order of time: in pprof format, gzipped or not, or jemalloc's heap_v2
    #[arg(num_args = 3.., required = true, value_names = ["FIRST", "SECOND", "THIRD"])]
    profiles: Vec<PathBuf>,
    #[command(flatten)]
    shown: HeapOptions,
}

/// How a comparison is made and shown: for `heap`, and for `watch`, which ends with one.
#[derive(Debug, Args)]
pub(crate) struct HeapOptions {
    /// How many stacks to show of each kind
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Also compare profiles of several processes or builds: a difference between them need not be growth
    #[arg(long)]
    allow_different_processes: bool,
    /// The result as JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    compare(&arguments.profiles, &arguments.shown)
}

/// Compares, and shows the result.
pub(crate) fn compare(profiles: &[PathBuf], shown: &HeapOptions) -> Result<Exit, CommandFailure> {
    let mut comparing = Comparing::new();
    if shown.allow_different_processes {
        comparing = comparing.allow_different_processes();
    } else {
        one_process(profiles)?;
    }
    let comparison = compared(&comparing, profiles).map_err(CommandFailure::usage)?;
    let top = usize::from(shown.top);
    let text =
        if shown.json { format!("{:#}\n", json::of(&comparison, top)) } else { table::of(&comparison, top) };
    out::print(&text)?;
    Ok(if comparison.persistent().is_empty() { Exit::Well } else { Exit::Found })
}

/// What is wrong, for a person.
struct HeapProblem(String);

impl From<overspill::heap_compare::CompareError> for HeapProblem {
    fn from(error: overspill::heap_compare::CompareError) -> HeapProblem {
        HeapProblem(error.to_string())
    }
}

fn compared(comparing: &Comparing, profiles: &[PathBuf]) -> Result<Comparison, String> {
    std::thread::scope(|scope| {
        // Reads the next profile while one is joined to the previous
        // ones: this uses two cores and keeps two profiles in memory.
        let (give, take) = sync_channel(0);
        scope.spawn(move || {
            for path in profiles {
                if give.send(read(path)).is_err() {
                    break;
                }
            }
        });
        comparing.compare_each(take.iter().map(|read| read.map_err(HeapProblem))).map_err(|said| said.0)
    })
}

fn read(path: &Path) -> Result<Profile, String> {
    if path.is_dir() {
        return Err(format!("{}: it is a folder: name the profiles in it", path.display()));
    }
    Profile::read_file(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Profiles may not say which process they belong to; the file names that the memory watch and
/// jemalloc give them contain a pid: `SERVICE-TIME-MB-PID.pb.gz`, `PREFIX.PID.NUMBER.CAUSE.heap`.
fn one_process(paths: &[PathBuf]) -> Result<(), CommandFailure> {
    let pids: Option<Vec<u32>> = paths.iter().map(|path| pid_of(path)).collect();
    match pids.and_then(|pids| pids.iter().find(|pid| **pid != pids[0]).map(|other| (pids[0], *other))) {
        Some((first, other)) => Err(CommandFailure::usage(format!(
            "profiles of two processes, {first} and {other} by their names: take all of one, or say that it is meant \
             (--allow-different-processes)"
        ))),
        None => Ok(()),
    }
}

/// The process that a profile belongs to, by its file name.
pub(crate) fn pid_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    if let Some(name) = name.strip_suffix(".heap") {
        let mut parts = name.rsplit('.');
        let (_, _, pid) = (parts.next()?, parts.next()?, parts.next()?);
        return pid.parse().ok();
    }
    let (before, pid) = name.strip_suffix(".pb.gz")?.rsplit_once('-')?;
    if before.ends_with("MB") { pid.parse().ok() } else { None }
}
