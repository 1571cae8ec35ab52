//! How fast spilled events are found in a log, compared with other tools: `cargo bench --bench read -- [megabytes, default 256]`.
//! `-- --test` makes a smoke run.
//!
//! There are two logs: one of an ordinary day, in which one line in a hundred is a record, and one of an outage, which has only
//! records. `wc -l` only reads every byte; `grep -c` looks for the records' name; `jq` parses. Each runs three times, in turn, on a
//! file that is in memory, and the fastest run counts.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the output is the point, and a broken bench should panic"
)]
#![allow(missing_docs, reason = "a bench has no public API")]

use overspill::spill::{Records, WriteSink};
use overspill::{Client, Mode};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct OrderPlaced {
    order: u64,
    customer: String,
    country: &'static str,
    amount_cents: u64,
    items: [&'static str; 3],
}

/// The records of a thousand events.
fn records(folder: &Path) -> Vec<String> {
    let path = folder.join("records");
    let client = Client::builder("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .spill_sink(WriteSink::append(&path).unwrap())
        .build()
        .unwrap();
    for order in 0..1_000 {
        client.emit(&OrderPlaced {
            order,
            customer: format!("customer-{}", order * 7919 % 10_007),
            country: "DE",
            amount_cents: order * 31 % 20_000,
            items: ["a book", "another \"book\"", "a pen"],
        });
    }
    assert_eq!(client.shutdown_blocking(Duration::from_secs(20)).spilled, 1_000);
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A line that the application logs.
fn other(nth: u64) -> String {
    let path = ["/orders", "/customers/7/orders", "/health", "/spilled_coffee"][nth as usize % 4];
    format!(
        "{{\"timestamp\":\"2026-11-26T12:00:00.{:03}Z\",\"level\":\"INFO\",\"fields\":{{\"message\":\"request\",\"path\":\"{path}\",\
         \"status\":200,\"took_us\":{},\"request_id\":\"{:016x}\"}},\"target\":\"orders::http\"}}",
        nth % 1_000,
        nth * 7919 % 100_003,
        nth.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

fn log(path: &Path, bytes: u64, every: u64, records: &[String]) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let (mut written, mut nth, mut found) = (0, 0, 0);
    while written < bytes {
        let line = if nth % every == 0 {
            found += 1;
            records[(found - 1) as usize % records.len()].clone()
        } else {
            other(nth)
        };
        writeln!(file, "{line}").unwrap();
        written += line.len() as u64 + 1;
        nth += 1;
    }
    file.flush().unwrap();
    found
}

/// The count, or the number of lines, that the command prints. `None` if it is not installed.
fn command(program: &str, arguments: &[&str], path: &Path) -> Option<u64> {
    let output = Command::new(program).args(arguments).arg(path).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    match program {
        "jq" => Some(text.lines().count() as u64),
        _ => text.split_whitespace().next()?.parse().ok(),
    }
}

fn open(path: &Path) -> Records<BufReader<File>> {
    Records::new(BufReader::with_capacity(256 << 10, File::open(path).unwrap()))
}

fn compare(name: &str, path: &Path, expected: u64) {
    let bytes = fs::metadata(path).unwrap().len();
    type Run<'a> = (&'a str, Box<dyn Fn() -> Option<u64> + 'a>);
    let runs: [Run<'_>; 5] = [
        ("wc -l", Box::new(|| command("wc", &["-l"], path))),
        ("grep -c spill_v", Box::new(|| command("grep", &["-c", "spill_v"], path))),
        ("jq 'select(.spill_v)'", Box::new(|| command("jq", &["-c", "select(.spill_v) | .spill_seq"], path))),
        ("Records", Box::new(|| Some(open(path).map(Result::unwrap).count() as u64))),
        ("Records::joined", Box::new(|| Some(open(path).joined().map(Result::unwrap).count() as u64))),
    ];
    let mut fastest = [Duration::MAX; 5];
    for _ in 0..3 {
        for (nth, (what, run)) in runs.iter().enumerate() {
            let began = Instant::now();
            let Some(count) = run() else { continue };
            fastest[nth] = fastest[nth].min(began.elapsed());
            assert!(count == expected || nth == 0, "{what} counts {count}, not {expected}");
        }
    }
    println!("\n{name}: {} MB, {expected} records\n", bytes / 1_000_000);
    println!("| what | s | MB/s | of grep's time |\n|---|---|---|---|");
    for (nth, (what, _)) in runs.iter().enumerate().filter(|(nth, _)| fastest[*nth] < Duration::MAX) {
        let seconds = fastest[nth].as_secs_f64();
        let of_grep = seconds / fastest[1].as_secs_f64();
        println!("| {what} | {seconds:.2} | {:.0} | {of_grep:.1} |", bytes as f64 / 1e6 / seconds);
    }
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let is_smoke = std::env::args().any(|argument| argument == "--test");
    let megabytes = asked.unwrap_or(if is_smoke { 4 } else { 256 });
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("read");
    fs::create_dir_all(&folder).unwrap();
    let records = records(&folder);
    let path = folder.join("log");
    for (name, every) in [("An ordinary day, 1 % records", 100), ("An outage, only records", 1)] {
        let found = log(&path, megabytes * 1_000_000, every, &records);
        compare(name, &path, found);
    }
    fs::remove_dir_all(&folder).unwrap();
}
