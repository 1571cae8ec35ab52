//! Child processes: each measurement runs in a fresh one, with a hard time limit.

use crate::Failure;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Kills the process when dropped.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs this program with `arguments` and reads the JSON that it prints last.
pub fn ask<T: DeserializeOwned>(arguments: &[String], within: Duration) -> Result<T, Failure> {
    ask_program(&std::env::current_exe()?, arguments, within)
}

/// Like [`ask`], but runs another program.
pub fn ask_program<T: DeserializeOwned>(
    program: &std::path::Path,
    arguments: &[String],
    within: Duration,
) -> Result<T, Failure> {
    let named = || format!("{} {}", program.file_name().unwrap_or_default().display(), arguments.join(" "));
    let mut child = Ending(
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Clients without a subscriber write notices and spilled events here.
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", named()))?,
    );
    let (Some(mut stdout), Some(mut stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
        return Err("a pipe is missing".into());
    };
    let said = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let complained = thread::spawn(move || last_bytes(&mut stderr));
    let until = Instant::now() + within;
    let status = loop {
        match child.0.try_wait()? {
            Some(status) => break status,
            None if Instant::now() > until => {
                return Err(format!("{}: no result after {within:?}", named()).into());
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let said = said.join().map_err(|_| "a reader panicked")??;
    let complained = complained.join().map_err(|_| "a reader panicked")?;
    if !status.success() {
        return Err(format!("{}: {status}: {complained}", named()).into());
    }
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|error| format!("{}: {error} in {last:?}", named()).into())
}

/// The end of a process's standard error; the rest is read and discarded.
fn last_bytes(from: &mut impl Read) -> String {
    const KEPT: usize = 2000;
    let (mut kept, mut chunk) = (Vec::new(), [0; 8192]);
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&kept).into_owned()
}
