//! The story, on the service's side of the network: its callers, its monitoring, the flag, the cut, the healing and the result.

use super::app::{FLAG, FLAGS};
use super::callers::{Callers, Latency};
use super::dashboard::{Kind, Line, Panel};
use super::picture::{self, Heading};
use super::receiver::{Key, Receiver};
use super::servers::{self, Servers};
use super::trouble::{CUT, HEAL};
use super::{Arguments, Failure};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Telemetry off; on and healthy; cut; healed.
const PHASES: [(&str, Duration); 4] = [
    ("telemetry off", Duration::from_secs(8)),
    ("on, healthy", Duration::from_secs(10)),
    ("cut off", Duration::from_secs(18)),
    ("healed", Duration::from_secs(14)),
];
/// Until the longest range of the rules has passed, plus Alertmanager's timers.
const RESOLVED_WITHIN: Duration = Duration::from_secs(20);
/// In microseconds, for the machine's other work: a call takes 1 ms, and a post that times out takes 2,000 ms.
const MEDIAN_SLACK: u64 = 5_000;
/// In microseconds: a call that waits for the endpoint would take longer. On a busy machine, the machine alone decides the 99th percentile.
const P99_MOST: u64 = 500_000;
/// Allowed above the client's bound: for the log and the allocator.
const MEMORY_SLACK: u64 = 8 << 20;

/// What the metrics page reported, and when.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: f64,
    resident: u64,
    bound: u64,
}

type Samples = Arc<Mutex<Vec<Sample>>>;

struct App {
    child: Child,
    url: String,
}

impl App {
    fn start(arguments: &Arguments) -> Result<App, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--role", "app", "--url", &arguments.url, "--out"])
            .arg(&arguments.out)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
        if url.is_empty() {
            return Err(format!("the service did not start: {}", child.wait()?).into());
        }
        Ok(App { child, url: url.trim().to_owned() })
    }

    /// Stops the service, which stops the server, the metrics and the client, in this order.
    fn stop(&mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the service ended with {status}").into()) }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A moment of the story, by the callers' clock and by Prometheus's.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: f64,
    wall: f64,
    instant: Instant,
}

#[tokio::main]
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let flag = |value: &str| std::fs::write(arguments.out.join(FLAGS), format!("{FLAG} = {value}\n"));
    flag("off")?;
    let mut app = App::start(arguments)?;
    let receiver = Receiver::start().await?;
    let watched = servers::installed();
    let page = format!("{}/metrics", app.url);
    let servers = match watched {
        true => Some(Servers::start(&arguments.out, &arguments.rules, &page, receiver.url()).await?),
        false => None,
    };
    let callers = Arc::new(Callers::start(&app.url));
    let samples = Samples::default();
    tokio::spawn(sample(page, Arc::clone(&callers), Arc::clone(&samples)));

    let now = || Moment { at: callers.now(), wall: servers::now(), instant: Instant::now() };
    let mut moments = vec![now()];
    for (nth, (name, lasts)) in PHASES.iter().enumerate() {
        match nth {
            1 => flag("on")?,
            2 => say(CUT)?,
            3 => say(HEAL)?,
            _ => {}
        }
        say(&format!("{:5.1} s  {name}", callers.now()))?;
        // The length of the stage.
        tokio::time::sleep(*lasts).await;
        moments.push(now());
    }
    let until = Instant::now() + RESOLVED_WITHIN;
    while Instant::now() < until && watched && !receiver.all_resolved() {
        // The polling interval.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    callers.stop();

    let mut told = Told { text: String::new(), problems: Vec::new() };
    told.latencies(&callers, &moments)?;
    told.memory(&samples.lock().unwrap_or_else(PoisonError::into_inner), &moments);
    if let Some(servers) = &servers {
        told.alerts(&receiver, &moments);
        draw(arguments, servers, &callers, &moments).await?;
    } else {
        say("Not watched: Prometheus is not installed. .ci/service installs it.")?;
    }
    app.stop()?;
    std::fs::write(arguments.out.join("run.md"), &told.text)?;
    say(&told.text)?;
    if told.problems.is_empty() { Ok(()) } else { Err(told.problems.join("\n  ").into()) }
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Reads the metrics page twice a second, by the callers' clock.
async fn sample(page: String, callers: Arc<Callers>, samples: Samples) {
    loop {
        if let Ok(answer) = reqwest::get(&page).await {
            let text = answer.text().await.unwrap_or_default();
            let number = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
                line.and_then(|number| number.parse().ok()).unwrap_or(0)
            };
            let sample = Sample {
                at: callers.now(),
                resident: number("overspill_memory_resident_bytes"),
                bound: number("overspill_memory_bound_bytes"),
            };
            samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        }
        // The sampling interval, not a wait for a condition.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The result of the story: Markdown for the guide, and what went wrong.
struct Told {
    text: String,
    problems: Vec<String>,
}

impl Told {
    fn latencies(&mut self, callers: &Callers, moments: &[Moment]) -> Result<(), Failure> {
        self.text += "\n# The figures of the run\n\n| | orders | failed | median | 99th percentile |\n|---|---|---|---|---|\n";
        let mut phases = Vec::new();
        for (pair, (name, _)) in moments.windows(2).zip(PHASES) {
            let latency = callers.latency(pair[0].at, pair[1].at)?;
            let Latency { calls, failed, median, p99, .. } = latency;
            let ms = |micros: u64| micros as f64 / 1_000.0;
            self.text +=
                &format!("| {name} | {calls} | {failed} | {:.1} ms | {:.1} ms |\n", ms(median), ms(p99));
            phases.push(latency);
        }
        let [off, on, cut, _] = phases[..] else { return Err("a phase is missing".into()) };
        let usual = off.median.max(on.median);
        if cut.median > 2 * usual + MEDIAN_SLACK || cut.p99 > P99_MOST {
            self.problems.push(format!("callers waited {cut:?} in the outage, {usual} us before it"));
        }
        if phases.iter().any(|phase| phase.failed > 0 || phase.calls == 0) {
            self.problems.push("orders failed".to_owned());
        }
        Ok(())
    }

    fn memory(&mut self, samples: &[Sample], moments: &[Moment]) {
        let between = |from: f64, to: f64| {
            let within = samples.iter().filter(move |sample| (from..to).contains(&sample.at));
            within.map(|sample| sample.resident).max().unwrap_or(0)
        };
        let (before, during) = (between(moments[1].at, moments[2].at), between(moments[2].at, moments[4].at));
        let bound = samples.last().map_or(0, |sample| sample.bound);
        let grown = during.saturating_sub(before);
        self.text += &format!(
            "\nMemory of the whole service: {:.1} MB at most before the cut, {:.1} MB at most from then on. The client's bound: {:.1} MB.\n",
            before as f64 / 1e6,
            during as f64 / 1e6,
            bound as f64 / 1e6
        );
        if before == 0 || grown > bound + MEMORY_SLACK {
            self.problems.push(format!("memory grew by {grown} bytes, from {before}"));
        }
    }

    fn alerts(&mut self, receiver: &Receiver, moments: &[Moment]) {
        const EXPECTED: [&str; 2] = ["OverspillOutage", "OverspillSpilling"];
        let seen = receiver.seen();
        self.text += "\n| alert | fired, after the cut | resolved, after the healing |\n|---|---|---|\n";
        let after = |at: Instant, from: Moment| at.saturating_duration_since(from.instant).as_secs_f64();
        for alert in EXPECTED {
            let raised = seen.get(&Key { alert: alert.to_owned(), client: String::new() });
            match raised.and_then(|raised| Some((raised.fired, raised.resolved?))) {
                Some((fired, resolved)) => {
                    let (fired, resolved) = (after(fired, moments[2]), after(resolved, moments[3]));
                    self.text += &format!("| {alert} | {fired:.1} s | {resolved:.1} s |\n");
                }
                None => self.problems.push(format!("{alert} did not fire, or did not resolve")),
            }
        }
        let others = seen.keys().filter(|key| !EXPECTED.contains(&key.alert.as_str()));
        self.problems.extend(others.map(|key| format!("{} fired", key.alert)));
    }
}

/// A panel: its title, its unit and how to draw it; its queries and the names of their lines.
type Asked<'a> = (&'a str, &'a str, Kind, &'a [(&'a str, &'a str)]);

async fn draw(
    arguments: &Arguments,
    servers: &Servers,
    callers: &Callers,
    moments: &[Moment],
) -> Result<(), Failure> {
    let (from, to) = (moments[0], moments[4]);
    let mut panels =
        vec![Panel::drawn("How long do callers wait?", "ms", Kind::Lines, callers.lines(from.at, to.at)?)];
    let asked: [Asked<'_>; 3] = [
        (
            "Where do events go?",
            "cps",
            Kind::Lines,
            &[
                ("rate(overspill_events_delivered_total[5s])", "delivered"),
                ("sum without (reason) (rate(overspill_events_spilled_total[5s]))", "to the log"),
                ("sum without (reason) (rate(overspill_events_lost_total[5s]))", "lost"),
            ],
        ),
        (
            "Does memory stay flat?",
            "bytes",
            Kind::Lines,
            &[
                ("overspill_memory_resident_bytes", "the whole service"),
                ("overspill_memory_bound_bytes", "the client's bound"),
                ("overspill_pending_bytes", "what it holds"),
            ],
        ),
        ("Which alerts fire?", "none", Kind::Bars, &[("ALERTS{alertstate=\"firing\"}", "")]),
    ];
    for (title, unit, kind, queries) in asked {
        let mut lines = Vec::new();
        for (query, name) in queries {
            for series in servers.query_range(query, from.wall, to.wall).await? {
                let alert = series.labels.iter().find(|(label, _)| label == "alertname");
                let name = alert.map_or_else(|| (*name).to_owned(), |(_, alert)| alert.clone());
                lines.push(Line { name, points: series.points });
            }
        }
        panels.push(Panel::drawn(title, unit, kind, lines));
    }
    let cut = (moments[2].at - from.at, moments[3].at - from.at);
    let below = format!(
        "{} orders a second, each with one event from tracing and one from the request layer, and metrics. A flag switches telemetry on \
         at {:.0} s. Shaded: the endpoint is cut off.",
        Callers::rate(),
        moments[1].at - from.at
    );
    let heading = Heading {
        message: "The endpoint is cut off: callers do not wait, memory stays flat, events go to the log, two alerts fire",
        below: &below,
        columns: 2,
    };
    let file = arguments.out.join("service.svg");
    picture::draw(&panels, &heading, cut, &file)?;
    say(&format!("Picture: {}", file.display()))?;
    Ok(())
}
