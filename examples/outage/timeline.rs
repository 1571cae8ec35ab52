//! The conductor: starts the services, takes the endpoint away, brings it back, and keeps what the services report.

use super::endpoint::Server;
use super::screen::Screen;
use super::service::Sample;
use super::{Arguments, Failure, Role, picture, report};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A phase of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Healthy,
    Refused,
    Tarpit,
    Recovered,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Phase::Healthy => "healthy",
            Phase::Refused => "refused",
            Phase::Tarpit => "tarpit",
            Phase::Recovered => "healthy again",
        }
    }
}

/// Seconds since the start, and the sample reported at that time.
pub type Said = Arc<Mutex<Vec<(f64, Sample)>>>;

/// One service, and what it has reported.
pub struct Service {
    child: Child,
    input: Option<ChildStdin>,
    listener: Option<std::thread::JoinHandle<()>>,
    pub said: Said,
}

impl Service {
    fn start(role: Role, endpoint: &str, arguments: &Arguments, began: Instant) -> Result<Service, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--role", role.name()])
            .args(["--endpoint", endpoint, "--rate", &arguments.rate.to_string()])
            .arg("--out")
            .arg(&arguments.out)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        let said = Said::default();
        let keep = Arc::clone(&said);
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let (Ok(sample), Ok(mut said)) = (serde_json::from_str(&line), keep.lock()) {
                    said.push((began.elapsed().as_secs_f64(), sample));
                }
            }
        });
        Ok(Service { child, input, listener: Some(listener), said })
    }

    fn tell(&mut self, word: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("the service has been stopped")?;
        writeln!(input, "{word}").map_err(|_| "a service ended early: see its error above")?;
        Ok(())
    }

    /// Stops the service and waits for its last report.
    fn stop(&mut self) -> Result<Vec<(f64, Sample)>, Failure> {
        self.input = None;
        if !self.child.wait()?.success() {
            return Err("a service failed: see its error above".into());
        }
        if let Some(listener) = self.listener.take() {
            listener.join().map_err(|_| "a listener failed")?;
        }
        Ok(self.said.lock().map_err(|_| "a listener failed")?.clone())
    }

    pub fn last(&self) -> Option<Sample> {
        self.said.lock().ok()?.last().map(|(_, sample)| sample.clone())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Reached only if something failed before `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot write to {}: {error}", arguments.out.display()))?;
    match &arguments.endpoint {
        Some(url) => against(url, arguments),
        None => with_outage(arguments),
    }
}

/// The same load against a real endpoint: only overspill sends to it, and nothing is taken away.
fn against(url: &str, arguments: &Arguments) -> Result<ExitCode, Failure> {
    overspill::Client::builder(url).build()?;
    let mut service = Service::start(Role::Overspill, url, arguments, Instant::now())?;
    let screen = Screen::new(arguments.seconds);
    show(&screen, Phase::Healthy, Duration::from_secs(arguments.seconds), &service, None);
    let said = service.stop()?;
    screen.finish();
    report::against(&said, arguments)
}

fn with_outage(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (server, other) = (Server::start()?, Server::start()?);
    let began = Instant::now();
    let mut overspill = Service::start(Role::Overspill, &server.url(), arguments, began)?;
    let mut leaky = Service::start(Role::Leaky, &other.url(), arguments, began)?;
    let screen = Screen::new(arguments.seconds);
    let total = Duration::from_secs(arguments.seconds);
    let mut outage = Vec::new();
    for (phase, share) in
        [(Phase::Healthy, 0.25), (Phase::Refused, 0.25), (Phase::Tarpit, 0.2), (Phase::Recovered, 0.3)]
    {
        for server in [&server, &other] {
            match phase {
                Phase::Healthy => {}
                Phase::Refused => server.refuse(),
                Phase::Tarpit => server.tarpit()?,
                Phase::Recovered => server.heal(),
            }
        }
        let word = if matches!(phase, Phase::Refused | Phase::Tarpit) { "outage" } else { "healthy" };
        overspill.tell(word)?;
        leaky.tell(word)?;
        let from = began.elapsed().as_secs_f64();
        show(&screen, phase, total.mul_f64(share), &overspill, Some(&leaky));
        if word == "outage" {
            outage.push((phase, from, began.elapsed().as_secs_f64()));
        }
    }
    let (ours, theirs) = (overspill.stop()?, leaky.stop()?);
    screen.finish();
    let run = report::Run { ours, theirs, outage, at_endpoint: server.ids(), arguments: arguments.clone() };
    picture::draw(&run)?;
    report::outage(&run)
}

fn show(screen: &Screen, phase: Phase, lasting: Duration, ours: &Service, theirs: Option<&Service>) {
    let began = Instant::now();
    while began.elapsed() < lasting {
        screen.show(phase, ours.last().as_ref(), theirs.and_then(Service::last).as_ref());
        // The sleep sets the refresh rate of the display. It does not wait for a condition.
        std::thread::sleep(Duration::from_millis(200).min(lasting.saturating_sub(began.elapsed())));
    }
}
