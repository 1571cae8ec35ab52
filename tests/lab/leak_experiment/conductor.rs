//! The conductor: starts each variant as a separate process, tells it when to take a profile, and keeps its reports.

use super::service::Sample;
use super::{Arguments, Failure, Role, snapshot};
use clap::ValueEnum;
use overspill::heap_compare::Profile;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// On an otherwise idle machine a profile takes well under a second.
const PROFILE_TIMEOUT: Duration = Duration::from_secs(60);

/// One variant, while it runs.
pub struct Service {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<(f64, Sample)>,
    seen: Seen,
}

/// What it reported; times in seconds since the start.
#[derive(Clone, Default)]
pub struct Seen {
    pub samples: Vec<(f64, Sample)>,
    pub profiles: Vec<(f64, PathBuf, Profile)>,
}

impl Service {
    pub fn start(
        role: Role,
        endpoint: &str,
        arguments: &Arguments,
        began: Instant,
    ) -> Result<Service, Failure> {
        let role = role.to_possible_value().ok_or("a role without a name")?.get_name().to_owned();
        let name = if arguments.seed > 0 { format!("{role}-{}", arguments.seed) } else { role.clone() };
        let flag = arguments.flag.iter().flat_map(|file| ["--flag".as_ref(), file.as_os_str()]);
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--role", &role, "--endpoint", endpoint])
            .args(flag)
            .args(["--rate", &arguments.rate.to_string(), "--seed", &arguments.seed.to_string()])
            .args(["--seconds", &arguments.seconds.to_string()])
            .arg("--out")
            .arg(&arguments.out)
            .env(
                "_RJEM_MALLOC_CONF",
                format!("prof:true,prof_active:true,lg_prof_sample:{}", arguments.lg_prof_sample),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        let (say, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(sample) = serde_json::from_str::<Sample>(&line) else { continue };
                if say.send((began.elapsed().as_secs_f64(), sample)).is_err() {
                    break;
                }
            }
        });
        Ok(Service { name, child, input, said, seen: Seen::default() })
    }

    /// Tells the service to take a profile, waits until it has, and reads it.
    pub fn profile(&mut self, out: &std::path::Path) -> Result<(), Failure> {
        let number = self.seen.profiles.len() + 1;
        let file = out.join(format!("{}.{number}.pb.gz", self.name));
        let input = self.input.as_mut().ok_or("the service has been stopped")?;
        let dump = file.with_extension("").with_extension("heap");
        writeln!(input, "{}", dump.display())
            .map_err(|_| format!("{} ended early: see its error above", self.name))?;
        let deadline = Instant::now() + PROFILE_TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, sample) = self
                .said
                .recv_timeout(left)
                .map_err(|_| format!("{} took no profile: see its error above", self.name))?;
            let profile = sample.profile.clone();
            self.seen.samples.push((at, sample));
            if let Some(taken) = profile {
                taken.map_err(|error| format!("{} could not take a profile: {error}", self.name))?;
                snapshot::symbolize(&dump, &file)?;
                std::fs::remove_file(&dump)?;
                let profile =
                    Profile::read_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                self.seen.profiles.push((at, file, profile));
                return Ok(());
            }
        }
    }

    /// Stops the service and returns what it reported.
    pub fn stop(mut self) -> Result<Seen, Failure> {
        self.input = None;
        if !self.child.wait()?.success() {
            return Err(format!("{} failed: see its error above", self.name).into());
        }
        let mut seen = std::mem::take(&mut self.seen);
        seen.samples.extend(self.said.iter());
        Ok(seen)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Kills it only if something went wrong before `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
