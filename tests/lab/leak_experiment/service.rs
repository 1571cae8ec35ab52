//! A service under load: it looks up sessions, logs an event for each request in one of three ways, and dumps its heap on request.

use super::by_flag::follow;
use super::cache::SessionCache;
use super::leaky::Leaky;
use super::load::{Load, Request};
use super::{Arguments, Failure, Role, snapshot};
use overspill::testkit::Rss;
use overspill::{Client, Mode};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a service reports about itself five times a second, and once for each profile.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    pub emitted: u64,
    pub rss_bytes: u64,
    pub memory_bound: u64,
    /// The dump that was written since the last sample, or why it was not.
    pub profile: Option<Result<String, String>>,
}

pub fn run(role: Role, arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = arguments.endpoint.as_str();
    match role {
        Role::Leaky => {
            // The flag switches a client's mode, and the service may use that mode to switch anything.
            let switch = Client::builder(endpoint).mode(Mode::On);
            let switch = arguments.flag.as_deref().map(|file| follow(file, switch.build()?)).transpose()?;
            let is_on = || switch.as_ref().is_none_or(|(switch, _)| switch.mode() == Mode::On);
            let leaky = Arc::new(Leaky::new());
            let (flusher, endpoint) = (Arc::clone(&leaky), endpoint.to_owned());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::spawn(move || runtime.block_on(flusher.flush_for_ever(&endpoint)));
            under_load(arguments, 0, |request| {
                if is_on() {
                    leaky.emit(request);
                }
            })
        }
        Role::Off => with_overspill(endpoint, Mode::Off, arguments),
        Role::Overspill | Role::Caches => with_overspill(endpoint, Mode::On, arguments),
    }
}

fn with_overspill(endpoint: &str, mode: Mode, arguments: &Arguments) -> Result<(), Failure> {
    let log = File::create(arguments.out.join(format!("{}.log", mode.as_str())))?;
    tracing_subscriber::fmt().json().with_writer(log).init();
    let events = Client::builder(endpoint).mode(mode).build()?;
    let _followed = arguments.flag.as_deref().map(|file| follow(file, events.clone())).transpose()?;
    under_load(arguments, events.memory_bound() as u64, |request| _ = events.emit(request))?;
    events.shutdown_blocking(Duration::from_secs(5));
    Ok(())
}

/// Emits until the input ends, with a sample every 200 ms.
fn under_load(
    arguments: &Arguments,
    memory_bound: u64,
    emit: impl Fn(&Request<'_>) + Sync,
) -> Result<(), Failure> {
    let (load, cache) = (Load::new()?, SessionCache::default());
    let sample = |profile| Sample {
        emitted: load.emitted(),
        rss_bytes: Rss::now().map_or(0, Rss::bytes),
        memory_bound,
        profile,
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            load.run(arguments.rate, |request| {
                cache.look_up(request.id);
                emit(request);
            });
        });
        scope.spawn(|| {
            while !load.stop.load(Ordering::Relaxed) {
                // A write fails only if the conductor is gone; the input then ends as well.
                let _ = say(&sample(None));
                // The sampling interval, not a wait for a condition.
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        // Each line is the name of a dump to take; the end of the input means stop.
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let taken = snapshot::dump(Path::new(&line)).map_err(|error| error.to_string());
            let _ = say(&sample(Some(taken.map(|()| line))));
        }
        load.stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

fn say(sample: &Sample) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(sample)?;
    line.push(b'\n');
    std::io::stdout().lock().write_all(&line)?;
    Ok(())
}
