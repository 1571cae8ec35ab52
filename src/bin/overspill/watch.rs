//! `overspill watch`: takes a series of heap profiles from a running process, by signal, and then compares them.

use crate::exit::{CommandFailure, Exit};
use crate::heap::{self, HeapOptions, pid_of};
use crate::out;
use crate::units::{span, time_of};
use clap::Args;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Ask a running process for heap profiles, one after the other, and compare them
#[derive(Debug, Args)]
#[command(after_help = "\
The process must handle the signal: with overspill's memory watch it does, and writes a profile into its folder. The signal would kill
a process that does not handle it, so watch checks first (on Linux), and sends nothing in that case.

Exits as heap does: with 1 if something grew in both intervals.

Examples:
  overspill watch 4711 --folder /var/lib/orders/heap
  overspill watch $(pidof orders) --folder /var/lib/orders/heap --every 1h --count 5
  overspill watch 4711 --signal SIGUSR1 --every 30s     # without a folder: sends the signals, and compares nothing")]
pub(crate) struct Arguments {
    /// The process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// The folder where it writes its profiles: watch waits for them, and compares them at the end
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The signal that makes it take a profile
    #[arg(long, value_name = "SIGNAL", value_parser = signal_of, default_value = "SIGUSR2")]
    signal: Signal,
    /// The time between two profiles: long enough for a leak to grow by more than the sampling error
    #[arg(long, value_name = "TIME", value_parser = time_of, default_value = "10m")]
    every: Duration,
    /// How many profiles
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(3..=1_000))]
    count: u32,
    #[command(flatten)]
    shown: HeapOptions,
}

/// Maximum time from the signal to the profile's file: a large heap under load.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);
/// How often the folder is checked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn signal_of(text: &str) -> Result<Signal, String> {
    let name = text.to_ascii_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    name.parse().map_err(|_| "give the name of a signal, like SIGUSR2".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    let (pid, signal) = (Pid::from_raw(arguments.pid), arguments.signal);
    is_there(pid)?;
    takes(arguments.pid, signal)?;
    if let Some(folder) = &arguments.folder {
        profiles(folder, arguments.pid)?;
    }
    let mut taken = Vec::new();
    let began = Instant::now();
    for nth in 1..=arguments.count {
        let due = arguments.every * (nth - 1);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let before = arguments.folder.as_deref().map(|folder| profiles(folder, arguments.pid)).transpose()?;
        kill(pid, signal).map_err(|error| gone(arguments.pid, error, &taken))?;
        match (&arguments.folder, before) {
            (Some(folder), Some(before)) => {
                let profile = next_profile(folder, arguments.pid, &before)?;
                out::tell(&format!("{nth} of {}: {}\n", arguments.count, profile.display()));
                taken.push(profile);
            }
            _ => out::tell(&format!("{nth} of {}: sent\n", arguments.count)),
        }
    }
    if arguments.folder.is_none() {
        out::print(
            "The signals are sent. Compare what the process has written: overspill heap FIRST SECOND THIRD\n",
        )?;
        return Ok(Exit::Well);
    }
    heap::compare(&taken, &arguments.shown)
}

fn is_there(pid: Pid) -> Result<(), CommandFailure> {
    match kill(pid, None) {
        Ok(()) => Ok(()),
        Err(Errno::ESRCH) => Err(CommandFailure::usage(format!("there is no process {pid}"))),
        Err(Errno::EPERM) => Err(CommandFailure::usage(format!(
            "process {pid} is another user's: run this as that user, or as root"
        ))),
        Err(error) => Err(CommandFailure::usage(format!("process {pid}: {error}"))),
    }
}

/// Whether the process handles the signal, according to Linux; elsewhere this is assumed.
fn takes(pid: i32, signal: Signal) -> Result<(), CommandFailure> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return Ok(()) };
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if caught.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 0) {
        return Err(CommandFailure::usage(format!(
            "process {pid} does not take {signal}, which would end it: start overspill's memory watch in it, or name the signal \
             that it takes profiles at (--signal)"
        )));
    }
    Ok(())
}

fn gone(pid: i32, error: Errno, taken: &[PathBuf]) -> CommandFailure {
    CommandFailure::broken(format!(
        "process {pid} cannot be asked any more ({error}); it has written {} profiles",
        taken.len()
    ))
}

/// The process's profiles in the folder.
fn profiles(folder: &Path, pid: i32) -> Result<BTreeSet<PathBuf>, CommandFailure> {
    let entries = fs::read_dir(folder).map_err(|error| CommandFailure::of_file(folder, error))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| pid_of(path).is_some_and(|of| i64::from(of) == i64::from(pid))).collect())
}

fn next_profile(folder: &Path, pid: i32, before: &BTreeSet<PathBuf>) -> Result<PathBuf, CommandFailure> {
    let asked = Instant::now();
    while asked.elapsed() < WRITTEN_WITHIN {
        if let Some(new) = profiles(folder, pid)?.difference(before).next() {
            return Ok(new.clone());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Err(CommandFailure::broken(format!(
        "{}: no profile of process {pid} has come within {}: is it the folder of its memory watch, and is jemalloc profiling?",
        folder.display(),
        span(WRITTEN_WITHIN)
    )))
}
