//! `overspill completions` and `overspill man`: files that a package installs with the command.

use crate::exit::{CommandFailure, Exit};
use crate::out;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overspill completions bash > /etc/bash_completion.d/overspill
  overspill completions zsh > ~/.zfunc/_overspill
  overspill completions fish > ~/.config/fish/completions/overspill.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the man page, or write one for each subcommand into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overspill man | man -l -
  overspill man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder, which must exist; without it, the page of the command itself is printed
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) fn completions(arguments: &Completions, mut command: Command) -> Result<Exit, CommandFailure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "overspill", &mut text);
    out::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Well)
}

pub(crate) fn man(arguments: &Man, command: Command) -> Result<Exit, CommandFailure> {
    let Some(folder) = &arguments.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| CommandFailure::broken(format!("the page could not be made: {error}")))?;
        out::print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Well);
    };
    if !folder.is_dir() {
        return Err(CommandFailure::of_file(folder, "it is not a folder: make it first"));
    }
    clap_mangen::generate_to(command, folder).map_err(|error| CommandFailure::of_file(folder, error))?;
    Ok(Exit::Well)
}
