//! A small leak among growing caches, from a seed, in a separate process under the real profiler: does the leak rank first?

use super::conductor::Service;
use super::service::Sample;
use super::{Arguments, Failure, Role, figures, snapshot};
use overspill::heap_compare::compare;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The time between two profiles.
const INTERVAL: Duration = Duration::from_millis(800);
/// What the leak adds per interval; a cache has up to five times as much.
const LEAK_BYTES: f64 = 6e6;
const CACHE_BYTES: std::ops::Range<f64> = 2e6..30e6;
/// How long a cache takes to become two-thirds full, in intervals.
const CACHE_INTERVALS: std::ops::Range<f64> = 0.2..2.0;
/// How often the leak must rank first.
const FIRST_AT_LEAST: f64 = 0.95;

type Store = Mutex<Vec<Vec<u8>>>;

/// An allocation site with its own call stack. The objects differ in size, or the compiler would merge the functions.
macro_rules! places {
    ($($name:ident: $bytes:literal),*) => {
        $(#[inline(never)]
        fn $name(store: &Store) -> usize {
            if let Ok(mut store) = store.lock() {
                store.push(vec![1; $bytes]);
            }
            $bytes
        })*
        const CACHES: &[fn(&Store) -> usize] = &[$($name),*];
    };
}

places!(sessions: 1000, templates: 8100, routes: 300, accounts: 700, images: 20_000, prices: 220, translations: 1500,
    certificates: 4100, queries: 900, thumbnails: 12_000, addresses: 410, permissions: 180);

#[inline(never)]
fn forgotten(store: &Store) -> usize {
    if let Ok(mut store) = store.lock() {
        store.push(vec![2; 512]);
    }
    512
}

/// One allocation site, how much it holds, and how much it should hold at a time in intervals.
struct Place {
    allocate: fn(&Store) -> usize,
    level: Box<dyn Fn(f64) -> f64 + Send>,
    store: Store,
    held: f64,
}

/// The child: allocates by the clock until its input ends. Each input line names a dump to take.
pub fn service(arguments: &Arguments) -> Result<(), Failure> {
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    let between = |range: std::ops::Range<f64>, random: &mut fastrand::Rng| {
        range.start * (range.end / range.start).powf(random.f64())
    };
    let place = |allocate, level| Place { allocate, level, store: Store::default(), held: 0.0 };
    let mut places = vec![place(forgotten as fn(&Store) -> usize, Box::new(|at| LEAK_BYTES * at) as _)];
    for cache in CACHES {
        let (capacity, filling) = (between(CACHE_BYTES, &mut random), between(CACHE_INTERVALS, &mut random));
        let age = random.f64() * 2.0;
        let level = move |at: f64| capacity * (1.0 - (-(at + age) / filling).exp());
        places.push(place(*cache, Box::new(level) as _));
    }
    let began = Instant::now();
    std::thread::spawn(move || {
        loop {
            let at = began.elapsed().as_secs_f64() / INTERVAL.as_secs_f64();
            for place in &mut places {
                while place.held < (place.level)(at) {
                    place.held += (place.allocate)(&place.store) as f64;
                }
            }
            // The sleep sets the pace of the allocations.
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let taken = snapshot::dump(Path::new(&line)).map_err(|error| error.to_string());
        let sample = Sample { profile: Some(taken.map(|()| line)), ..Sample::default() };
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&sample)?)?;
    }
    Ok(())
}

/// The judge: runs the children one after another.
pub fn run(count: u64, arguments: &Arguments) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&arguments.out)?;
    let mut first = 0;
    for seed in 1..=count {
        let named = one(&Arguments { seed, ..arguments.clone() })?;
        let is_first = named.contains("forgotten");
        first += u64::from(is_first);
        println!("seed {seed:>3}: {} {named}", if is_first { "first is" } else { "FIRST IS" });
    }
    let figure = format!("{first}/{count}");
    // Figures are stored under their thread's name.
    let reporter = std::thread::Builder::new().name("leak_experiment".to_owned());
    reporter
        .spawn(move || {
            figures::report(38, "a leak among 12 growing caches ranked first, with jemalloc", figure)
        })?
        .join()
        .map_err(|_| "cannot store the figure")?;
    let enough = first as f64 >= FIRST_AT_LEAST * count as f64;
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What ranks first in one child.
fn one(arguments: &Arguments) -> Result<String, Failure> {
    let began = Instant::now();
    let mut service = Service::start(Role::Caches, "", arguments, began)?;
    for number in 1..=3 {
        // The interval between the profiles, not a wait for a condition.
        std::thread::sleep((INTERVAL * number).saturating_sub(began.elapsed()));
        service.profile(&arguments.out)?;
    }
    let seen = service.stop()?;
    let profiles: Vec<_> = seen.profiles.into_iter().map(|(_, _, profile)| profile).collect();
    let comparison = compare(&profiles)?;
    Ok(comparison.persistent().first().map_or("nothing".to_owned(), |first| first.culprit().to_string()))
}
