//! The driver: starts the endpoint and the service, sets the weather, keeps the samples, and gathers the evidence.

use super::child::Child;
use super::evidence::{self, Evidence};
use super::service::{Sample, log_paths};
use super::weather::{Weather, forecast};
use super::{Arguments, Failure, Role, picture};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

/// Everything that was observed.
pub struct Run {
    pub arguments: Arguments,
    pub samples: Vec<Sample>,
    /// Start and end in seconds; troubles only.
    pub troubles: Vec<(f64, f64, Weather)>,
    pub evidence: Evidence,
}

/// How long a child process may take to report first, to change the weather, or to stop; a shutdown takes 5 s.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(arguments: &Arguments) -> Result<Run, Failure> {
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|error| format!("cannot write to {}: {error}", out.display()))?;
    for path in log_paths(out) {
        // Emptied, because the sinks append and an old run's events must not count.
        File::create(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    let mut endpoint = Child::start(Role::Endpoint, arguments, None)?;
    let url = endpoint.hear(PATIENCE)?;
    let mut service = Child::start(Role::Service, arguments, Some(&url))?;
    let mut samples = vec![parse(&service.hear(PATIENCE)?)?];
    println!("The service's allocator: {}", samples[0].allocator);
    let began = Instant::now();
    let lasting = Duration::from_secs(arguments.seconds);
    let forecast = forecast(arguments.seed, lasting);
    let mut troubles = Vec::new();
    for (nth, &(at, weather)) in forecast.iter().enumerate() {
        until(began, at, &mut service, &mut samples)?;
        endpoint.tell(&weather.to_string())?;
        endpoint.hear(PATIENCE)?;
        let next = forecast.get(nth + 1).map_or(lasting, |next| next.0);
        if weather != Weather::Up {
            troubles.push((began.elapsed().as_secs_f64(), next.as_secs_f64(), weather));
        }
    }
    until(began, lasting, &mut service, &mut samples)?;
    // Stops the service first, so that its last events can be delivered.
    for line in service.stop(PATIENCE)? {
        samples.push(parse(&line)?);
    }
    endpoint.stop(PATIENCE)?;
    write_samples(arguments, &samples)?;
    let evidence = evidence::gather(out)?;
    let run = Run { arguments: arguments.clone(), samples, troubles, evidence };
    picture::draw(&run, &run.arguments.out.join("soak.svg"))?;
    Ok(run)
}

fn parse(line: &str) -> Result<Sample, Failure> {
    serde_json::from_str(line).map_err(|error| format!("the service reported {line:?}: {error}").into())
}

/// Keeps the service's samples until it is time, and prints the state every minute.
fn until(
    began: Instant,
    at: Duration,
    service: &mut Child,
    samples: &mut Vec<Sample>,
) -> Result<(), Failure> {
    loop {
        for line in service.heard() {
            let sample = parse(&line)?;
            let minute = |sample: &Sample| (sample.seconds / 60.0) as u64;
            if samples.last().is_some_and(|last| minute(last) < minute(&sample)) {
                println!(
                    "{:>5.0} s  RSS {:.1} MB, holds {:>4} KB, emitted {} delivered {} spilled {} lost {}, endpoint {}",
                    sample.seconds,
                    sample.rss_bytes as f64 / 1e6,
                    sample.held_bytes / 1000,
                    sample.emitted,
                    sample.delivered,
                    sample.spilled,
                    sample.lost,
                    sample.endpoint
                );
            }
            samples.push(sample);
        }
        let silent = began.elapsed().as_secs_f64() - samples.last().map_or(0.0, |last| last.seconds);
        if silent > PATIENCE.as_secs_f64() {
            return Err(format!("the service was silent for {PATIENCE:?}").into());
        }
        let left = at.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        // The polling interval.
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// Writes the samples, for a closer look than the picture gives.
fn write_samples(arguments: &Arguments, samples: &[Sample]) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(arguments.out.join("samples.tsv"))?);
    writeln!(file, "seconds\trss_bytes\theld_bytes\temitted\tdelivered\tspilled\tlost\tendpoint")?;
    for sample in samples {
        writeln!(
            file,
            "{:.3}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            sample.seconds,
            sample.rss_bytes,
            sample.held_bytes,
            sample.emitted,
            sample.delivered,
            sample.spilled,
            sample.lost,
            sample.endpoint
        )?;
    }
    Ok(file.flush()?)
}
