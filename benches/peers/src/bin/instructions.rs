//! Budgets of instructions per event, because instruction counts are repeatable and times are not.
//!
//! `check` runs each case under callgrind twice, with few and with many events. The difference is the cost of the events, without
//! startup and shutdown. Everything runs on one thread over an in-memory transport, so nothing depends on the scheduler.

use clap::{Parser, Subcommand};
use overspill::spill::WriteSink;
use overspill::tracing_events::{SpanFields, TracingEvents};
use overspill::transport::{Posting, Reply, Request, Transport};
use overspill::{Builder, Client, Mode};
use overspill_peers::output::{Table, short};
use overspill_peers::spill::write_record;
use overspill_peers::{Failure, corpus, formats, texts, trace_event};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

const FEW: usize = 2_000;
const MANY: usize = 10_000;
const BATCH: usize = 500;

const HAND_OVER: &str = "emit-log-only";

/// The counted cases. `sender` is `deliver` without `emit`.
const CASES: [(&str, &str); 11] = [
    ("floor", "serde_json::to_writer into a reused Vec"),
    ("emit", "P1: emit, accepted"),
    (
        HAND_OVER,
        "emit, LogOnly, until the event is handed over to the log's thread: as many as there is room for",
    ),
    ("off", "P3: emit, Off, with the loop around it"),
    ("tracing-events", "P16: `info!` of the same fields through the layer, accepted"),
    ("tracing-events-spans", "the same within two spans of two fields each, whose fields it takes along"),
    ("tracing-json", "the same `info!` through tracing-subscriber's JSON layer, for nobody"),
    ("deliver", "P6: emit, and the sender until the transport has answered"),
    ("spill-sink", "P8: emit, LogOnly, into a sink of lines"),
    ("spill-log", "P8: emit, LogOnly, through tracing-subscriber's JSON formatter"),
    (
        "spill-record",
        "P8: the same record through the same formatter, without overspill; serde_json included",
    ),
];

/// `deliver` in each format. Only the sender's part is counted, without `emit`.
const FORMAT: &str = "format-";

/// Texts that cost more than in serde_json, and why. Joined: emoji with a joiner or a selector every ten bytes. Each joiner or selector
/// is written as six bytes instead of three; serde_json copies it. Mixed: the script changes with each word, with a quote or a line
/// break every fifteen bytes, so no window gets far.
const DEARER: [&str; 2] = ["joined-200", "mixed-200"];

#[derive(Debug, Parser)]
#[command(
    about = "Counts instructions per event and checks them against benches/budgets.toml; needs valgrind"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Count, compare with the budgets, and fail if one is exceeded
    Check { budgets: PathBuf },
    /// Count, and save the counts as the new budgets
    Renew { budgets: PathBuf },
    #[command(hide = true)]
    Run { case: String, events: usize },
}

#[derive(Debug, Serialize, Deserialize)]
struct Budgets {
    /// Counts may exceed their budget by this much. If a count is further below, renew the budget.
    tolerance_percent: f64,
    /// The compiler that the budgets were counted with. Another compiler makes different code.
    rustc: String,
    instructions_per_event: BTreeMap<String, f64>,
    /// P15: the cost of `emit` as a share of the floor, for each kind of text: two texts of 20 bytes per event, or one of 200.
    emit_to_serde_json: BTreeMap<String, f64>,
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
        println!("well below: {}. Keep the gain: .ci/instructions renew", below.join(", "));
    }
    if !exceeded.is_empty() {
        println!(
            "EXCEEDED: {}. If this is intended, explain it in the commit and run .ci/instructions renew",
            exceeded.join(", ")
        );
    }
    Ok(check_texts(&budgets)? && exceeded.is_empty())
}

/// P15: no kind of text costs more than in serde_json, except [`DEARER`], and a kind that is far cheaper stays so.
fn check_texts(budgets: &Budgets) -> Result<bool, Failure> {
    let mut table = Table::of(&["emit, x serde_json", "counted", "budget", "verdict"]);
    let mut all_hold = true;
    for (text, ratio) in count_texts()? {
        let budget = budgets.emit_to_serde_json.get(&text).copied();
        let verdict = text_verdict(&text, ratio, budget, budgets.tolerance_percent);
        all_hold &= matches!(verdict, "within" | "below");
        let budget = budget.map_or_else(|| "-".to_owned(), |budget| format!("{budget:.2}"));
        table.row(vec![text, format!("{ratio:.2}"), budget, verdict.to_owned()]);
    }
    print!("\n{}", table.markdown());
    Ok(all_hold)
}

fn text_verdict(text: &str, ratio: f64, budget: Option<f64>, tolerance_percent: f64) -> &'static str {
    let slack = 1.0 + tolerance_percent / 100.0;
    match budget {
        None => "no budget",
        Some(_) if ratio > 1.0 && !DEARER.contains(&text) => "DEARER than serde_json",
        Some(budget) if ratio > budget * slack => "EXCEEDED",
        Some(budget) if ratio < budget / slack => "below",
        Some(_) => "within",
    }
}

/// For a handful of instructions, one more exceeds any percentage. Half an instruction is always allowed.
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
    let emit_to_serde_json =
        count_texts()?.into_iter().map(|(text, ratio)| (text, (1000.0 * ratio).round() / 1000.0)).collect();
    let budgets =
        Budgets { tolerance_percent: 3.0, rustc: rustc()?, instructions_per_event, emit_to_serde_json };
    let mut text = "# Instructions per event, by callgrind; `.ci/instructions` compares, `.ci/instructions renew` writes this file.\n".to_owned();
    for (case, what) in CASES {
        text += &format!("# {case}: {what}\n");
    }
    text += "# sender: deliver without emit (P7)\n# format-NAME: the same in that format, with the answer of its endpoint read\n";
    text += "# emit_to_serde_json, P15: emit as a share of the floor, by kind of text: two texts of 20 bytes among other fields, or one of 200 alone\n";
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
    if let (Some(&deliver), Some(&emit)) = (counted.get("deliver"), counted.get("emit")) {
        counted.insert("sender".to_owned(), deliver - emit);
        for format in formats::ALL {
            let case = format!("{FORMAT}{}", format.name);
            let more = count(&case, MANY)?.saturating_sub(count(&case, FEW)?);
            counted.insert(case, more as f64 / (MANY - FEW) as f64 - emit);
        }
    }
    Ok(counted)
}

fn count_texts() -> Result<BTreeMap<String, f64>, Failure> {
    let mut ratios = BTreeMap::new();
    for (kind, _) in corpus::KINDS {
        for shape in ["20", "200"] {
            let count = |what: &str| count_within(texts::COUNTED, &format!("{what}:{shape}:{kind}"), FEW);
            ratios.insert(format!("{kind}-{shape}"), count("emit")? as f64 / count("floor")? as f64);
        }
    }
    Ok(ratios)
}

/// All instructions of a run, start and end included.
fn count(case: &str, events: usize) -> Result<u64, Failure> {
    count_within("*", case, events)
}

/// Instructions within functions of this name.
fn count_within(function: &str, case: &str, events: usize) -> Result<u64, Failure> {
    let mut valgrind = Command::new("valgrind");
    if function != "*" {
        valgrind.arg(format!("--toggle-collect={function}"));
    }
    let output = valgrind
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
        said.lines().find_map(|line| line.split_once("Collected :")).ok_or("callgrind reports no count")?;
    Ok(collected.1.trim().parse()?)
}

/// Answers every request at once.
struct Taking {
    /// The reply to a whole batch.
    answer: Vec<u8>,
}

impl Transport for Taking {
    fn post(&mut self, request: Request) -> Posting {
        black_box(request.body.len());
        Box::pin(std::future::ready(Ok(Reply::of_status(200).with_body(self.answer.clone()))))
    }
}

fn builder() -> Builder {
    Client::builder("counted")
        .transport(Taking { answer: Vec::new() })
        .queue_events_max(2 * MANY)
        .queue_bytes_max(64 << 20)
        .batch_events_max(BATCH)
}

fn log_to_nowhere() -> Result<(), Failure> {
    let subscriber = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

fn run(case: &str, events: usize) -> Result<(), Failure> {
    if case.contains(':') {
        return texts::run(case, builder());
    }
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
            // Leaves queued events unsettled, because settling them must not count.
            std::process::exit(0);
        }
        HAND_OVER => {
            let (client, _sender) = builder().mode(Mode::LogOnly).build_with_sender()?;
            emit_all(&client);
            assert_eq!(client.stats().pending, events as u64);
            std::process::exit(0);
        }
        "tracing-events" => trace_all(SpanFields::None, events)?,
        "tracing-events-spans" => trace_all(SpanFields::All, events)?,
        "tracing-json" => {
            log_to_nowhere()?;
            corpus::cycle(0).take(events).for_each(|event| trace_event!(black_box(event)));
        }
        "deliver" => deliver(builder(), events)?,
        case if case.starts_with(FORMAT) => {
            let name = &case[FORMAT.len()..];
            let format = formats::by_name(name).ok_or_else(|| format!("there is no format {name:?}"))?;
            let answer = format.answer(BATCH).into_bytes();
            deliver(format.set(builder()).transport(Taking { answer }), events)?;
        }
        "spill-sink" => {
            let log_only = builder().mode(Mode::LogOnly).spill_sink(WriteSink::new(std::io::sink()));
            let (client, sender) = log_only.build_with_sender()?;
            emit_all(&client);
            // Writes the records that are waiting.
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

/// Emits through tracing.
fn trace_all(spans: SpanFields, events: usize) -> Result<(), Failure> {
    let (client, _sender) = builder().build_with_sender()?;
    let layer = TracingEvents::builder(&client).spans(spans).build()?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    let _spans = (spans == SpanFields::All).then(|| {
        let outer = tracing::info_span!("request", id = 7, tenant = "acme").entered();
        (outer, tracing::info_span!("attempt", nth = 1, peer = "10.0.0.7").entered())
    });
    corpus::cycle(0).take(events).for_each(|event| trace_event!(black_box(event)));
    assert_eq!(client.stats().pending, events as u64);
    std::process::exit(0);
}

/// Emits and sends on one thread.
fn deliver(builder: Builder, events: usize) -> Result<(), Failure> {
    let (client, sender) = builder.build_with_sender()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    corpus::cycle(0).take(events).for_each(|event| _ = client.emit(black_box(event)));
    let stats = runtime.block_on(async {
        let _sender = tokio::spawn(sender.run());
        let _ = client.flush(Duration::from_secs(60)).await;
        client.stats()
    });
    assert_eq!(stats.delivered, events as u64, "{stats}");
    std::process::exit(0);
}

#[cfg(test)]
mod tests {
    use super::{text_verdict, verdict};

    #[test]
    fn a_count_above_its_budget_and_the_tolerance_is_exceeded() {
        let verdicts = [1031.0, 1030.0, 1000.0, 970.0, 969.0].map(|count| verdict(count, Some(1000.0), 3.0));
        assert_eq!(verdicts, ["EXCEEDED", "within", "within", "within", "below"]);
        assert_eq!(verdict(1.0, None, 3.0), "no budget");
        assert_eq!(verdict(11.4, Some(11.0), 3.0), "within");
    }

    #[test]
    fn a_text_that_is_dearer_than_serde_json_is_told_whatever_its_budget() {
        assert_eq!(text_verdict("cjk-20", 1.01, Some(1.01), 3.0), "DEARER than serde_json");
        assert_eq!(text_verdict("mixed-200", 1.01, Some(1.01), 3.0), "within");
        assert_eq!(text_verdict("cjk-20", 0.99, Some(0.90), 3.0), "EXCEEDED");
        assert_eq!(text_verdict("cjk-20", 0.80, Some(0.90), 3.0), "below");
        assert_eq!(text_verdict("cjk-20", 0.80, None, 3.0), "no budget");
    }
}
