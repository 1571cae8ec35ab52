//! A child process: takes commands on its input, reports on its output, and is never waited for without a limit.

use super::{Arguments, Failure, Role};
use clap::ValueEnum;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

pub struct Child {
    name: String,
    process: Process,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Child {
    /// Starts this program in another role.
    pub fn start(role: Role, arguments: &Arguments, endpoint: Option<&str>) -> Result<Child, Failure> {
        let name = role.to_possible_value().ok_or("a role without a name")?.get_name().to_owned();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--role", &name])
            .args(["--seconds", &arguments.seconds.to_string(), "--seed", &arguments.seed.to_string()])
            .args(["--rate", &arguments.rate.to_string()])
            .arg("--out")
            .arg(&arguments.out);
        if let Some(url) = endpoint {
            command.args(["--endpoint", url]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let (said, lines) = channel();
        // Ends when the process closes its output or the receiver is dropped.
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| said.send(line).ok())
        });
        Ok(Child { name, input: process.stdin.take(), process, lines })
    }

    pub fn tell(&mut self, word: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("the process was stopped")?;
        writeln!(input, "{word}")
            .map_err(|error| format!("the {} does not read its input: {error}", self.name).into())
    }

    /// The next line, within `patience`.
    pub fn hear(&mut self, patience: Duration) -> Result<String, Failure> {
        self.lines.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("the {} was silent for {patience:?}", self.name).into(),
            RecvTimeoutError::Disconnected => format!("the {} ended: see its error above", self.name).into(),
        })
    }

    /// The lines that have arrived so far.
    pub fn heard(&mut self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Ends its input, which means stop, and returns its last lines once it has ended.
    pub fn stop(mut self, patience: Duration) -> Result<Vec<String>, Failure> {
        self.input = None;
        let began = Instant::now();
        let mut last = Vec::new();
        loop {
            last.extend(self.lines.try_iter());
            if let Some(status) = self.process.try_wait()? {
                // Its output is closed: the listener sends the rest and ends.
                last.extend(self.lines.iter());
                return if status.success() {
                    Ok(last)
                } else {
                    Err(format!("the {} failed ({status}): see its error above", self.name).into())
                };
            }
            if began.elapsed() > patience {
                return Err(format!("the {} did not stop within {patience:?}", self.name).into());
            }
            // The polling interval.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Kills it only if something went wrong before `stop`.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
