//! The play in four acts.

use crate::cost::{Used, line};
use crate::load::{Load, OrderHistory};
use overspill::Client;
use overspill::memory_watch::{Kind, Level, Looked, MemoryWatch};
use overspill::testkit::{Act, Endpoint, Rss};
use rustix::process::{Signal, getpid, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const MB: u64 = 1_000_000;
/// A real service would use 800 MB and 100 MB; this program must finish in half a minute.
const STEP: u64 = 25 * MB;
const LOOKS: u32 = 40;
const INTERVAL: Duration = Duration::from_millis(50);

pub fn play() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO).init();
    let folder = PathBuf::from("target/memory_watch");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let events = Client::builder(endpoint.url()).build()?;
    let load = Load::start(&events)?;

    title("1. The watch starts, and takes a snapshot while the service is healthy");
    load.take();
    // Measures the load for this long.
    std::thread::sleep(Duration::from_secs(4));
    let unwatched = load.take();
    let builder = || MemoryWatch::builder("checkout", &folder).client(&events).disk_free_min(100 * MB);
    let before = Rss::now()?;
    // A real service calls `ask_for_snapshot` once it has warmed up.
    let mut baseline = builder().build()?;
    baseline.ask_for_snapshot();
    baseline.look(Instant::now());
    let own = Rss::now()?.growth_since(before) / MB;
    drop(baseline);
    let first = Rss::now()?.bytes() / MB * MB + 2 * STEP;
    let series = builder().interval(INTERVAL).threshold(Level::Bytes(first)).step(Level::Bytes(STEP));
    let watch = series.cool_down(Duration::ZERO).snapshot_on_sigusr2().start()?;
    // Lets the watch look once.
    std::thread::sleep(INTERVAL);
    let before = Used::by_the_watch()?;
    // Measures the watch for this many looks.
    std::thread::sleep(INTERVAL * LOOKS);
    let idle = Used::by_the_watch()?.since(before);

    title("2. Memory grows by 10 MB a second: a warning, and a snapshot every 25 MB");
    let mut history = OrderHistory::default();
    let began = Instant::now();
    while snapshots(&folder)? < 5 && began.elapsed() < Duration::from_secs(30) {
        history.remember(500_000);
        // The rate at which memory grows.
        std::thread::sleep(Duration::from_millis(50));
    }

    title("3. kill -USR2: one more snapshot, on demand");
    kill_process(getpid(), Signal::USR2)?;
    let began = Instant::now();
    while snapshots(&folder)? < 6 && began.elapsed() < Duration::from_secs(30) {
        // The polling interval.
        std::thread::sleep(Duration::from_millis(50));
    }
    watch.stop();

    title("4. One snapshot after another, to see how they affect `emit`");
    // Their log records are dropped: there are about forty.
    let nowhere = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    load.take();
    let (taken, longest) = tracing::subscriber::with_default(nowhere, || one_after_the_other(&folder))?;
    println!("{taken} snapshots in 4 s");
    let watched = load.take();
    drop(load);

    title("What is in the folder");
    list(&folder)?;
    println!(
        "\n`go tool pprof -top FILE` opens them, `-comments` shows the client's counters; three profiles reveal a leak."
    );

    title("What it costs");
    println!("{:<34} {:>9} {:>9} {:>9} {:>9} {:>9}", "emit, in us", "events", "p50", "p99", "p99.9", "most");
    println!("{}", line("without a watch", &unwatched));
    println!("{}", line(&format!("during {taken} snapshots, one by one"), &watched));
    println!(
        "\na snapshot took at most {} ms, on the watch's own thread; the first one left {own} MB in memory",
        longest.as_millis()
    );
    let (looks, hourly) = (f64::from(LOOKS), 240.0);
    println!(
        "a look takes {:.0} us of CPU and {:.1} wake-ups; at the default of one every 15 s that is {:.0} ms and {:.0} \
         wake-ups an hour",
        idle.cpu.as_secs_f64() * 1e6 / looks,
        idle.wake_ups as f64 / looks,
        idle.cpu.as_secs_f64() * 1e3 / looks * hourly,
        idle.wake_ups as f64 / looks * hourly,
    );
    println!("{} orders were kept; {}", history.len(), events.shutdown_blocking(Duration::from_secs(2)));
    let left = snapshots(&folder)?;
    if left == 6 { Ok(()) } else { Err(format!("expected 6 snapshots, found {left}").into()) }
}

/// How many snapshots four seconds allow, and the longest time that one took.
fn one_after_the_other(folder: &Path) -> Result<(u32, Duration), Failure> {
    let folder = folder.join("one-after-the-other");
    let mut watch = MemoryWatch::builder("checkout", folder).disk_free_min(100 * MB).build()?;
    let (mut taken, mut longest, began) = (0, Duration::ZERO, Instant::now());
    while began.elapsed() < Duration::from_secs(4) {
        watch.ask_for_snapshot();
        let before = Instant::now();
        // The watch believes each is an hour after the last; it would not take this many otherwise.
        let looked = watch.look(began + Duration::from_secs(3_600) * taken);
        if !matches!(&looked, Looked::Taken(snapshot) if snapshot.kind == Kind::Heap) {
            return Err(format!("no heap profile: {looked:?}").into());
        }
        longest = longest.max(before.elapsed());
        taken += 1;
    }
    Ok((taken, longest))
}

fn title(text: &str) {
    println!("\n--- {text}\n");
}

fn snapshots(folder: &Path) -> Result<usize, Failure> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        count += usize::from(name.to_string_lossy().ends_with(".pb.gz"));
    }
    Ok(count)
}

fn list(folder: &Path) -> Result<(), Failure> {
    let mode = |path: &Path| fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777);
    println!("{:04o} {}/", mode(folder)?, folder.display());
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!("{:04o} {:>8} {name}", mode(file)?, fs::metadata(file)?.len());
    }
    Ok(())
}
