//! Runs the experiment and judges it: it must name the leak, and nothing of the other two variants.

use super::conductor::{Seen, Service};
use super::endpoint::Server;
use super::{Arguments, Failure, Role, flame, guide, picture, table};
use overspill::heap_compare::{Comparison, Growth, Held, Owner, SIGMAS, Stack, Verdict, compare};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What was observed of one variant.
pub struct Variant {
    pub role: Role,
    pub title: &'static str,
    pub seen: Seen,
    pub comparison: Comparison,
    /// What the telemetry client's own call stacks held at each profile.
    pub client: Vec<Held>,
}

/// All variants. Times are in seconds since the start.
pub struct Experiment {
    pub variants: Vec<Variant>,
    pub cut_at: f64,
    pub ended_at: f64,
    pub rate: u64,
}

const VARIANTS: [(Role, &str); 3] = [
    (Role::Leaky, "the leaky client: failed posts kept in a Vec"),
    (Role::Off, "no telemetry: the mode Off"),
    (Role::Overspill, "overspill: failed posts written to the log"),
];

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot write to {}: {error}", arguments.out.display()))?;
    let experiment = take_place(arguments)?;
    let (report, kept) = report(&experiment, arguments)?;
    picture::draw(&experiment, &arguments.out)?;
    let flame_graph = arguments.out.join("flame.svg");
    let drawn = flame::draw(&experiment.variants[0].comparison, &flame_graph)?;
    print!("{report}");
    let out = arguments.out.display();
    println!("\nPicture: {out}/leak_experiment.svg    Flame graph: {}", flame_graph.display());
    println!("Profiles: {out}/*.pb.gz, for `tests/lab/run heap` and for `go tool pprof`");
    println!("{}", if kept { "The leak is named, and nothing else." } else { "THE EXPERIMENT HAS FAILED." });
    if kept && drawn && arguments.write_guide {
        guide::write(&experiment, &report, arguments)?;
    }
    Ok(if kept && drawn { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn take_place(arguments: &Arguments) -> Result<Experiment, Failure> {
    let servers = [Server::start()?, Server::start()?, Server::start()?];
    let began = Instant::now();
    let mut services = Vec::new();
    for ((role, _), server) in VARIANTS.iter().zip(&servers) {
        services.push(Service::start(*role, &server.url(), arguments, began)?);
    }
    let total = Duration::from_secs(arguments.seconds);
    wait_until(began + total / 5, "three services, healthy");
    servers.iter().for_each(Server::refuse);
    let cut_at = began.elapsed().as_secs_f64();
    for (share, number) in [(0.3, "first"), (0.65, "second"), (1.0, "third")] {
        wait_until(
            began + total.mul_f64(share),
            &format!("the endpoint is gone; waiting for the {number} profiles"),
        );
        for service in &mut services {
            service.profile(&arguments.out)?;
        }
    }
    let ended_at = began.elapsed().as_secs_f64();
    let mut variants = Vec::new();
    for ((role, title), service) in VARIANTS.into_iter().zip(services) {
        let seen = service.stop()?;
        let profiles: Vec<_> = seen.profiles.iter().map(|(_, _, profile)| profile.clone()).collect();
        let comparison = compare(&profiles)?;
        let client = profiles.iter().map(|profile| profile.held_by(is_of_the_client)).collect();
        variants.push(Variant { role, title, seen, comparison, client });
    }
    Ok(Experiment { variants, cut_at, ended_at, rate: arguments.rate })
}

pub fn wait_until(moment: Instant, what: &str) {
    let left = moment.saturating_duration_since(Instant::now());
    eprintln!("{what} ({:.0} s)", left.as_secs_f64());
    // The schedule of the experiment, not a wait for a condition.
    std::thread::sleep(left);
}

/// Whether the telemetry client, ours or the leaky one, is on the stack.
pub fn is_of_the_client(stack: &Stack) -> bool {
    // Judged by file: line tables have function names without modules.
    stack.iter().any(|frame| {
        let file = Path::new(frame.file());
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let file = repository.and_then(|root| file.strip_prefix(root).ok()).unwrap_or(file);
        file.ends_with("outage/leaky.rs") || (file.starts_with("src") && frame.owner() == Owner::Own)
    })
}

fn report(experiment: &Experiment, arguments: &Arguments) -> Result<(String, bool), Failure> {
    let (mut text, mut kept) = (String::new(), true);
    for variant in &experiment.variants {
        writeln!(text, "=== {}\n", variant.title)?;
        text.push_str(&table::of(&variant.comparison, 3));
        let held: Vec<String> = variant.client.iter().map(table::total).collect();
        writeln!(text, "\nThe client's own call stacks held {}.", held.join(", "))?;
        let (good, words) = judge(variant);
        writeln!(text, "{}: {words}\n", if good { "As promised" } else { "NOT AS PROMISED" })?;
        kept &= good;
    }
    writeln!(
        text,
        "=== Resident memory from the first profile to the third, over {} events/s\n",
        arguments.rate
    )?;
    for variant in &experiment.variants {
        let line = trend(&variant.seen);
        writeln!(text, "{line}  {}", variant.title)?;
    }
    Ok((text, kept))
}

/// Whether the variant did as promised, and a description.
pub fn judge(variant: &Variant) -> (bool, String) {
    let persistent = variant.comparison.persistent();
    match variant.role {
        Role::Leaky => match persistent.first() {
            Some(first) => {
                let named = Path::new(first.culprit().file()).ends_with("outage/leaky.rs");
                (named, format!("what grows most is {}", first.culprit()))
            }
            None => (false, "nothing was found that grows".to_owned()),
        },
        Role::Off => {
            let grown = growth_of_client(variant).verdict;
            let none = !matches!(grown, Verdict::Persistent | Verdict::Once);
            (none, format!("new objects of the client's: {}", if none { "none" } else { "some" }))
        }
        Role::Overspill | Role::Caches => {
            let bound = variant.seen.samples.last().map_or(0, |(_, sample)| sample.memory_bound);
            let most = variant.client.iter().map(|held| held.bytes).max().unwrap_or(0);
            let error = (variant.comparison.sample_period_bytes() as f64 * most as f64).sqrt();
            let within = most as f64 <= bound as f64 + SIGMAS * error;
            let words = format!(
                "the client held at most {:.1} MB ±{:.1}, within its bound of {:.1} MB",
                most as f64 / 1e6,
                error / 1e6,
                bound as f64 / 1e6
            );
            (within, words)
        }
    }
}

fn growth_of_client(variant: &Variant) -> Growth {
    let held = [0, 1, 2].map(|at| variant.client.get(at).map_or(0, |held| held.bytes));
    Growth::of(held, variant.comparison.lasting(), variant.comparison.sample_period_bytes())
}

/// Resident memory at each profile, and per minute from the first to the last.
fn trend(seen: &Seen) -> String {
    let at: Vec<(f64, f64)> = seen
        .samples
        .iter()
        .filter(|(_, sample)| sample.profile.is_some())
        .map(|(at, sample)| (*at, sample.rss_bytes as f64 / 1e6))
        .collect();
    let (Some(first), Some(last)) = (at.first(), at.last()) else { return String::new() };
    let slope = (last.1 - first.1) / (last.0 - first.0).max(1e-9) * 60.0;
    let each: Vec<String> = at.iter().map(|(_, megabytes)| format!("{megabytes:>6.1}")).collect();
    format!("{} MB, {slope:>+8.1} MB/min", each.join(" "))
}
