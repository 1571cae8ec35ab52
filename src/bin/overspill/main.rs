//! The command `overspill`: the library for shells, and tools for operators who work with its log.
//!
//! It is a program like any other that uses the crate: it sees only the public API. There
//! is one file per subcommand; each has a function `run` that returns an [`exit::Exit`]
//! or an [`exit::CommandFailure`]. `src/guide/command.md` shows a session of each.
#![allow(missing_docs, reason = "a program has no public API")]

mod complete;
mod drill;
mod exit;
mod heap;
mod logs;
mod out;
mod replay;
mod report;
mod ship;
mod to;
mod units;
#[cfg(unix)]
mod watch;

use clap::{CommandFactory, Parser, Subcommand};
use exit::{CommandFailure, Exit};
use out::Colour;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "overspill",
    version,
    about = "Ships events to an HTTP endpoint, and reads, shows and sends again what a log has of them",
    after_help = exit::TABLE,
    after_long_help = exit::TABLE,
    arg_required_else_help = true,
    propagate_version = true
)]
struct Cli {
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::Arguments),
    Ship(ship::Arguments),
    Report(report::Arguments),
    Drill(drill::Arguments),
    Heap(heap::Arguments),
    #[cfg(unix)]
    Watch(watch::Arguments),
    Completions(complete::Completions),
    Man(complete::Man),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // --help and --version are not errors; a reader that has closed the pipe needs no answer.
            let _ = said.print();
            return if said.use_stderr() { Exit::Usage.into() } else { Exit::Well.into() };
        }
    };
    out::choose(cli.color);
    let ended = match cli.command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Ship(arguments) => ship::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Drill(arguments) => drill::run(&arguments),
        Command::Heap(arguments) => heap::run(&arguments),
        #[cfg(unix)]
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Completions(arguments) => complete::completions(&arguments, Cli::command()),
        Command::Man(arguments) => complete::man(&arguments, Cli::command()),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(CommandFailure { exit, text }) => {
            out::tell(&format!("overspill: {text}\n"));
            exit.into()
        }
    }
}
