//! Starts the processes, reads their reports, waits for events in them, and stops the processes in order.

use super::Failure;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a process reports, one JSON object per line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Said {
    Ready,
    Sample(Sample),
    /// A post failed, the first one since something was delivered.
    Failed,
    /// A post waited for its whole timeout: its connection was established, and stalled.
    TimedOut,
    /// Something was delivered, for the first time since a post failed.
    Delivered,
    Out {
        detail: String,
    },
    /// A request arrived at a different address from the previous one.
    Arrived {
        address: String,
    },
}

/// The state of the service. Bytes, events, nanoseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    pub emitted: u64,
    pub delivered: u64,
    pub spilled: u64,
    pub lost: u64,
    pub pending: u64,
    pub endpoint: String,
    pub memory_bound: u64,
    pub rss_bytes: u64,
    pub threads: u64,
    /// p50 and p99.9 of `emit`, healthy and while cut.
    pub emit_nanos: [[u64; 2]; 2],
    /// The books in words; in the last sample only.
    pub books: String,
}

pub fn say(said: &Said) {
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    // A write fails only if the conductor is gone; the input then ends too, and so does this process.
    let _ = std::io::stdout().write_all(&line);
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes SIGINT and SIGTERM end every wait with an error, so that everything is cleaned up on the way out.
pub fn heed_signals() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        // An error means that a signal cannot be caught, which is not a reason to stop.
        if runtime.block_on(asked_to_stop()).is_ok() {
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

#[cfg(unix)]
async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard,
        _ = term.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Waits until `found` finds something, and returns how long that took.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut found: impl FnMut() -> Option<T>,
) -> Result<(T, Duration), Failure> {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return Ok((found, began.elapsed()));
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        if began.elapsed() > limit {
            return Err(format!("{what} did not happen within {limit:?}").into());
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Waits out a phase, and calls `tick` now and then.
pub fn last(time: Duration, mut tick: impl FnMut()) -> Result<(), Failure> {
    let began = Instant::now();
    let over = || (began.elapsed() >= time).then_some(());
    let mut next = Duration::ZERO;
    until("the end of the phase", time + Duration::from_secs(5), || {
        if began.elapsed() >= next {
            next += Duration::from_secs(1);
            tick();
        }
        over()
    })?;
    Ok(())
}

type Heard = Arc<Mutex<Vec<(Instant, Said)>>>;

/// A process and what it reported. It is killed if dropped before it was stopped.
pub struct Player {
    child: Child,
    input: Option<ChildStdin>,
    listener: Option<JoinHandle<()>>,
    heard: Heard,
}

impl Player {
    pub fn start(mut command: Command, role: &str, out: &Path) -> Result<Player, Failure> {
        command.args(["--role", role, "--out"]).arg(out);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        let heard = Heard::default();
        let keep = Arc::clone(&heard);
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let (Ok(said), Ok(mut heard)) = (serde_json::from_str(&line), keep.lock()) {
                    heard.push((Instant::now(), said));
                }
            }
        });
        let player = Player { child, input, listener: Some(listener), heard };
        until(&format!("the {role}"), Duration::from_secs(10), || {
            player.since(None, |said| matches!(said, Said::Ready))
        })?;
        Ok(player)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, word: &str) -> Result<(), Failure> {
        writeln!(self.input.as_mut().ok_or("it has been stopped")?, "{word}")?;
        Ok(())
    }

    /// When the process first reported this, after `from`.
    pub fn since(&self, from: Option<Instant>, is: impl Fn(&Said) -> bool) -> Option<Instant> {
        let heard = self.heard.lock().ok()?;
        heard
            .iter()
            .filter(|(at, _)| from.is_none_or(|from| *at >= from))
            .find(|(_, said)| is(said))
            .map(|(at, _)| *at)
    }

    pub fn samples(&self) -> Vec<(Instant, Sample)> {
        let heard = self.heard.lock().map(|heard| heard.clone()).unwrap_or_default();
        heard
            .into_iter()
            .filter_map(|(at, said)| match said {
                Said::Sample(sample) => Some((at, sample)),
                _ => None,
            })
            .collect()
    }

    pub fn last(&self) -> Sample {
        self.samples().pop().map(|(_, sample)| sample).unwrap_or_default()
    }

    /// Ends its input, and waits for it to end.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.input = None;
        let (status, _) =
            until("the end of a process", Duration::from_secs(15), || self.child.try_wait().ok().flatten())?;
        if let Some(listener) = self.listener.take() {
            listener.join().map_err(|_| "a listener panicked")?;
        }
        if status.success() { Ok(()) } else { Err(format!("a process ended with {status}").into()) }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
