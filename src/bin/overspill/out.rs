//! Standard output and standard error: whole texts, colours only
//! on a terminal, and a quiet end when the reader closes the pipe.

use crate::exit::CommandFailure;
use clap::ValueEnum;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

static CHOSEN: OnceLock<Colour> = OnceLock::new();

/// Called once, at the start.
pub(crate) fn choose(colour: Colour) {
    let _ = CHOSEN.set(colour);
}

/// Whether standard output gets colours.
pub(crate) fn is_coloured() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match CHOSEN.get().unwrap_or(&Colour::Auto) {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            !set("NO_COLOR") && !dumb && io::stdout().is_terminal()
        }
    }
}

/// What a text means, which decides how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    Faint,
}

/// A text in a tone, if there are colours.
pub(crate) fn paint(tone: Tone, text: impl Display) -> Painted<impl Display> {
    Painted(is_coloured().then_some(tone), text)
}

pub(crate) struct Painted<T>(Option<Tone>, T);

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tone) = self.0 else { return self.1.fmt(f) };
        let code = match tone {
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Bad => "31;1",
            Tone::Faint => "2",
        };
        write!(f, "\u{1b}[{code}m")?;
        self.1.fmt(f)?;
        f.write_str("\u{1b}[0m")
    }
}

/// Writes to standard output. A reader that closes the pipe, as `head` does, has seen enough: that is no error.
pub(crate) fn print(text: &str) -> Result<(), CommandFailure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandFailure::broken(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error. If that fails, there is nowhere left to report it.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
