//! How the command ends: exit codes that scripts can trust, and messages for people.

use overspill::BuildError;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes, the same for all subcommands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Well,
    /// The work was done, and it showed something: events that were not delivered or are missing, memory that grows.
    Found,
    /// An option, an argument or a variable is wrong, or a file is not there or is something else. Nothing was done.
    Usage,
    /// The endpoint could not be reached, or did not answer: nothing was delivered.
    Unreachable,
    /// Reading or writing failed in the middle; what was done until then stands.
    Broken,
}

/// As `--help` shows it. A test compares it with the enum.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  all is well
  1  something was not delivered, was refused, is missing or grows
  2  wrong usage: an option, an argument, a variable, a missing file; nothing was done
  3  the endpoint could not be reached, or did not answer: nothing was delivered
  4  reading or writing failed in the middle; what was done until then stands";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Well => 0,
            Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Broken => 4,
        })
    }
}

/// Why a subcommand did not do its work.
#[derive(Debug)]
pub(crate) struct CommandFailure {
    pub(crate) exit: Exit,
    /// What is wrong, and what to do about it.
    pub(crate) text: String,
}

impl CommandFailure {
    pub(crate) fn usage(text: impl Into<String>) -> CommandFailure {
        CommandFailure { exit: Exit::Usage, text: text.into() }
    }

    pub(crate) fn broken(text: impl Into<String>) -> CommandFailure {
        CommandFailure { exit: Exit::Broken, text: text.into() }
    }

    /// A file that could not be opened or written.
    pub(crate) fn of_file(path: &Path, error: impl Display) -> CommandFailure {
        CommandFailure::usage(format!("{}: {error}", path.display()))
    }

    pub(crate) fn in_the_middle(path: &Path, error: &io::Error) -> CommandFailure {
        CommandFailure::broken(format!("{}: {error}", path.display()))
    }
}

/// The builder's error says what is wrong with a URL, a header or a variable.
impl From<BuildError> for CommandFailure {
    fn from(error: BuildError) -> CommandFailure {
        CommandFailure::usage(error.to_string())
    }
}
