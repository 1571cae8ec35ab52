//! Server processes with their ports and folders: started, stopped and killed by pid, and ended with the program.

use crate::Failure;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server answers within a second or two of its start.
const READY_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Below the kernel's range of ports for outgoing connections, so that a port that is free now is still free at the restart.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Appends its output to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Process, Failure> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        let child = child.map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Process { name: name.to_owned(), child })
    }

    /// Waits until it is ready. Fails if the process ends first.
    pub fn await_ready(&mut self, mut ready: impl FnMut() -> bool) -> Result<(), Failure> {
        let until = Instant::now() + READY_WITHIN;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended while starting: {status}", self.name).into());
            }
            if Instant::now() > until {
                return Err(format!("{} does not answer", self.name).into());
            }
            // The polling interval.
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Stops the process: it keeps its connections and does nothing else.
    pub fn stop(&self) -> Result<(), Failure> {
        let status = Command::new("kill").args(["-STOP", &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("{} cannot be stopped", self.name).into()) }
    }
}

/// Kills the process with SIGKILL, which also ends a stopped process.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port on loopback.
pub fn free_port() -> Result<u16, Failure> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let drawn = std::iter::repeat_with(|| fastrand::u16(PORTS)).take(1_000).find(is_free);
    drawn.ok_or_else(|| "no port is free".into())
}

/// Asks repeatedly for a moment, because some servers show accepted events with a short delay.
pub fn until_enough(
    enough: usize,
    mut read: impl FnMut() -> Result<Vec<u64>, Failure>,
) -> Result<Vec<u64>, Failure> {
    const WAIT_MAX: Duration = Duration::from_secs(5);
    let until = Instant::now() + WAIT_MAX;
    loop {
        let found = read()?;
        if found.len() >= enough || Instant::now() > until {
            return Ok(found);
        }
        // The polling interval.
        std::thread::sleep(LOOK_EVERY);
    }
}
