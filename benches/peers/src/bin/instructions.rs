//! Instructions per event as budgets: they repeat, times do not.
//!
//! `check` runs each case under callgrind twice, with few and with many events; the difference is what the events cost, start
//! and end drop out. Everything happens on one thread over a transport in memory, so that nothing depends on the scheduler.

use clap::{Parser, Subcommand};
use overspill::spill::WriteSink;
use overspill::transport::{Posting, Reply, Request, Transport};
use overspill::{Builder, Client, Mode};
use overspill_peers::output::{Table, short};
use overspill_peers::spill::write_record;
use overspill_peers::{Failure, corpus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const FEW: usize = 2_000;
const MANY: usize = 10_000;
const BATCH: usize = 500;

const HAND_OVER: &str = "emit-log-only";

/// What is counted. `sender` is `deliver` without `emit`.
const CASES: [(&str, &str); 8] = [
    ("floor", "serde_json::to_writer into a reused Vec"),
    ("emit", "P1: emit, accepted"),
    (
        HAND_OVER,
        "emit, LogOnly, until the event is handed over to the log's thread: as many as there is room for",
    ),
    ("off", "P3: emit, Off, with the loop around it"),
    ("deliver", "P6: emit, and the sender until the transport has answered"),
    ("spill-sink", "P8: emit, LogOnly, into a sink of lines"),
    ("spill-log", "P8: emit, LogOnly, through tracing-subscriber's JSON formatter"),
    (
        "spill-record",
        "P8: the same record through the same formatter, without overspill; serde_json included",
    ),
];

#[derive(Debug, Parser)]
#[command(about = "Counts instructions per event and holds them to benches/budgets.toml; needs valgrind")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Count, compare with the budgets, fail where one is exceeded
    Check { budgets: PathBuf },
    /// Count, and write the counts down as the new budgets
    Renew { budgets: PathBuf },
    #[command(hide = true)]
    Run { case: String, events: usize },
}

#[derive(Debug, Serialize, Deserialize)]
struct Budgets {
    /// Counts may be above their budget by so much; whoever is further below should renew.
    tolerance_percent: f64,
    /// The compiler that they were counted with; another one makes other code.
    rustc: String,
    instructions_per_event: BTreeMap<String, f64>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Check { budgets } => check(&budgets),
        Task::Renew { budgets } => renew(&budgets).map(|()| true),
        Task::Run { case, events } => run(&case, events).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("instructions: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn check(path: &Path) -> Result<bool, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let budgets: Budgets = toml::from_str(&text)?;
    let counted = count_all()?;
    let floor = counted.get("floor").copied().unwrap_or(f64::NAN);
    let mut table =
        Table::of(&["instructions per event", "counted", "budget", "difference", "x floor", "verdict"]);
    let (mut exceeded, mut below) = (Vec::new(), Vec::new());
    for (case, &count) in &counted {
        let budget = budgets.instructions_per_event.get(case).copied();
        let percent = budget.map_or(f64::NAN, |budget| 100.0 * (count - budget) / budget);
        let verdict = verdict(count, budget, budgets.tolerance_percent);
        match verdict {
            "EXCEEDED" | "no budget" => exceeded.push(case.as_str()),
            "below" => below.push(case.as_str()),
            _ => {}
        }
        table.row(vec![
            case.clone(),
            format!("{count:.1}"),
            budget.map_or_else(|| "-".to_owned(), |budget| format!("{budget:.1}")),
            format!("{percent:+.1} %"),
            short(count / floor),
            verdict.to_owned(),
        ]);
    }
    print!("{}", table.markdown());
    let rustc = rustc()?;
    if rustc != budgets.rustc {
        println!("the budgets were counted with {}, these with {rustc}", budgets.rustc);
    }
    if !below.is_empty() {
        println!("well below: {}. Keep what was won: .ci/instructions renew", below.join(", "));
    }
    if !exceeded.is_empty() {
        println!(
            "EXCEEDED: {}. If that is meant, say why in the commit: .ci/instructions renew",
            exceeded.join(", ")
        );
    }
    Ok(exceeded.is_empty())
}

/// Of a handful of instructions, one is more than any percentage: half of one is always allowed.
fn verdict(count: f64, budget: Option<f64>, tolerance_percent: f64) -> &'static str {
    let slack = budget.unwrap_or(0.0) * tolerance_percent / 100.0 + 0.5;
    match budget {
        None => "no budget",
        Some(budget) if count > budget + slack => "EXCEEDED",
        Some(budget) if count < budget - slack => "below",
        Some(_) => "within",
    }
}

fn renew(path: &Path) -> Result<(), Failure> {
    let instructions_per_event =
        count_all()?.into_iter().map(|(case, count)| (case, count.round())).collect();
    let budgets = Budgets { tolerance_percent: 3.0, rustc: rustc()?, instructions_per_event };
    let mut text = "# Instructions per event, by callgrind; `.ci/instructions` compares, `.ci/instructions renew` writes this file.\n".to_owned();
    for (case, what) in CASES {
        text += &format!("# {case}: {what}\n");
    }
    text += "# sender: deliver without emit (P7)\n";
    text += &toml::to_string(&budgets)?;
    std::fs::write(path, &text)?;
    print!("{text}");
    Ok(())
}

fn rustc() -> Result<String, Failure> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.split(" (").next().unwrap_or_default().to_owned())
}

fn count_all() -> Result<BTreeMap<String, f64>, Failure> {
    let mut counted = BTreeMap::new();
    for (case, _) in CASES {
        let (few, many) = if case == HAND_OVER { (FEW / 10, MANY / 10) } else { (FEW, MANY) };
        let more = count(case, many)?.saturating_sub(count(case, few)?);
        counted.insert(case.to_owned(), more as f64 / (many - few) as f64);
    }
    if let (Some(deliver), Some(emit)) = (counted.get("deliver"), counted.get("emit")) {
        counted.insert("sender".to_owned(), deliver - emit);
    }
    Ok(counted)
}

/// All instructions of a run, start and end included.
fn count(case: &str, events: usize) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["run", case, &events.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{case}: {}: {said}", output.status).into());
    }
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).ok_or("callgrind says no count")?;
    Ok(collected.1.trim().parse()?)
}

/// Takes every request at once, and answers it.
struct Taking;

impl Transport for Taking {
    fn post(&mut self, request: Request) -> Posting {
        black_box(request.body.len());
        Box::pin(std::future::ready(Ok(Reply::of_status(200))))
    }
}

fn builder() -> Builder {
    Client::builder("counted")
        .transport(Taking)
        .queue_events_max(2 * MANY)
        .queue_bytes_max(64 << 20)
        .batch_events_max(BATCH)
}

fn log_to_nowhere() -> Result<(), Failure> {
    let subscriber = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

fn run(case: &str, events: usize) -> Result<(), Failure> {
    let emit_all =
        |client: &Client| corpus::cycle(0).take(events).for_each(|event| _ = client.emit(black_box(event)));
    match case {
        "floor" => {
            let mut line = Vec::with_capacity(1024);
            for event in corpus::cycle(0).take(events) {
                line.clear();
                serde_json::to_writer(&mut line, black_box(event))?;
                black_box(&line);
            }
        }
        "off" => emit_all(&builder().mode(Mode::Off).build_with_sender()?.0),
        "emit" => {
            let (client, _sender) = builder().build_with_sender()?;
            emit_all(&client);
            assert_eq!(client.stats().pending, events as u64);
            // Without settling what is queued: that is not what is counted.
            std::process::exit(0);
        }
        HAND_OVER => {
            let (client, _sender) = builder().mode(Mode::LogOnly).build_with_sender()?;
            emit_all(&client);
            assert_eq!(client.stats().pending, events as u64);
            std::process::exit(0);
        }
        "deliver" => {
            let (client, sender) = builder().build_with_sender()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            emit_all(&client);
            let stats = runtime.block_on(async {
                let _sender = tokio::spawn(sender.run());
                let _ = client.flush(Duration::from_secs(60)).await;
                client.stats()
            });
            assert_eq!(stats.delivered, events as u64, "{stats}");
            std::process::exit(0);
        }
        "spill-sink" => {
            let log_only = builder().mode(Mode::LogOnly).spill_sink(WriteSink::new(std::io::sink()));
            let (client, sender) = log_only.build_with_sender()?;
            emit_all(&client);
            // It writes what waits for it.
            drop(sender);
            assert_eq!(client.stats().spilled, events as u64);
        }
        "spill-record" => {
            log_to_nowhere()?;
            let mut text = Vec::with_capacity(1024);
            for (seq, event) in corpus::cycle(0).take(events).enumerate() {
                text.clear();
                serde_json::to_writer(&mut text, black_box(event))?;
                write_record(seq as u64, std::str::from_utf8(&text)?);
            }
        }
        "spill-log" => {
            log_to_nowhere()?;
            let (client, sender) = builder().mode(Mode::LogOnly).build_with_sender()?;
            emit_all(&client);
            drop(sender);
            assert_eq!(client.stats().spilled, events as u64);
        }
        _ => return Err(format!("there is no case {case:?}").into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn a_count_above_its_budget_and_the_tolerance_is_exceeded() {
        let verdicts = [1031.0, 1030.0, 1000.0, 970.0, 969.0].map(|count| verdict(count, Some(1000.0), 3.0));
        assert_eq!(verdicts, ["EXCEEDED", "within", "within", "within", "below"]);
        assert_eq!(verdict(1.0, None, 3.0), "no budget");
        assert_eq!(verdict(11.4, Some(11.0), 3.0), "within");
    }
}
