//! `overspill drill`: rehearses an outage of the endpoint, with a proxy in between that fails on a schedule.

mod fault;
mod load;
mod proxy;
mod verdict;

use crate::exit::{CommandFailure, Exit};
use crate::out;
use crate::to::To;
use crate::units::{count, span, time_of};
use clap::Args;
use fault::{DrillPhase, Fault};
use indicatif::{ProgressBar, ProgressStyle};
use load::DrillLog;
use overspill::limits;
use proxy::Proxy;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use verdict::{EventCounts, PhaseRow};

/// Rehearse outages: a proxy in front of the endpoint refuses, hangs, resets, slows down, answers 503, 413 or a web page
#[derive(Debug, Args)]
#[command(after_help = "\
By default it emits its own events through the library, with the settings of the environment, and knows what became of each:
delivered, spilled, both (an answer was unknown), or lost. With --to they go to that endpoint, named overspill.drill; without it, to one
inside the command. With --listen it drills your own service: let the service post to that address instead of the endpoint.

noticed: from the start of a fault to the first event in the log. recovered: from its end to the first request that is accepted.

Exits with 0 if nothing was lost, with 1 if something was, with 3 if the endpoint accepts nothing even without a fault.

Examples:
  overspill drill
  overspill drill --faults refuse,503 --fault 30s --rate 2000 --json
  overspill drill --to https://telemetry.example.com/v1/events --bearer-file token
  overspill drill --listen 127.0.0.1:8088 --to http://collector:4318 & ORDERS_EVENTS_URL=http://127.0.0.1:8088/v1/logs ./orders")]
pub(crate) struct Arguments {
    #[command(flatten)]
    to: To,
    /// Drill a service that posts to this address
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The faults, in this order
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FAULT,...")]
    #[arg(default_values = ["refuse", "hang", "reset", "slow", "503", "413", "html"])]
    faults: Vec<Fault>,
    /// How long each fault lasts [default: 5s, and 15s for hang, which no client notices before its post_timeout of 10s]
    #[arg(long, value_name = "TIME", value_parser = time_of)]
    fault: Option<Duration>,
    /// How long the endpoint is healthy before, between and after the faults
    #[arg(long, value_name = "TIME", value_parser = time_of, default_value = "4s")]
    healthy: Duration,
    /// Events per second of the drill's own load
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    rate: u64,
    /// The verdict as JSON
    #[arg(long)]
    json: bool,
}

/// Limits on the duration and the events of one drill: three sets remember the event numbers, at about 20 bytes each.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
const EVENTS_MAX: u64 = 2_000_000;

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CommandFailure> {
    let phases = fault::schedule(&arguments.faults, arguments.fault, arguments.healthy);
    let whole: Duration = phases.iter().map(|phase| phase.lasts).sum();
    if whole > LONGEST {
        return Err(CommandFailure::usage(format!(
            "the drill would last {}: make it a day at most",
            span(whole)
        )));
    }
    let events = whole.as_secs().saturating_mul(arguments.rate);
    if arguments.listen.is_none() && events > EVENTS_MAX {
        return Err(CommandFailure::usage(format!(
            "the drill would emit {}: lower --rate, or make it shorter, so that it is {} at most",
            count(events, "event"),
            count(EVENTS_MAX, "event")
        )));
    }
    let to = arguments.to.to.clone().or_else(|| std::env::var("OVERSPILL_ENDPOINT").ok());
    let proxy = Proxy::start(arguments.listen, to.as_deref())?;
    let rows = match arguments.listen {
        None => own_load(arguments, &proxy, to.as_deref(), &phases)?,
        Some(_) => your_service(&proxy, &phases)?,
    };
    show(arguments, &rows)?;
    let lost: u64 = rows.iter().filter_map(|row| row.events).map(|events| events.lost).sum();
    Ok(match rows.first() {
        _ if lost > 0 => Exit::Found,
        Some(first) if first.passed == 0 => {
            let why = match arguments.listen {
                Some(address) => format!(
                    "no request was taken while all was well: let the service post to http://{address}"
                ),
                None => "the endpoint takes nothing even without a fault: see the notices above".to_owned(),
            };
            out::tell(&format!("overspill: {why}\n"));
            Exit::Unreachable
        }
        _ => Exit::Well,
    })
}

fn show(arguments: &Arguments, rows: &[PhaseRow]) -> Result<(), CommandFailure> {
    if arguments.json {
        return out::print(&format!("{:#}\n", json!({ "phases": verdict::json(rows) })));
    }
    let mut text = verdict::table(rows);
    let sum =
        |of: fn(&EventCounts) -> u64| rows.iter().filter_map(|row| row.events.as_ref()).map(of).sum::<u64>();
    if rows.iter().any(|row| row.events.is_some()) {
        text.push_str(&format!(
            "\n{}: {} delivered, {} in the log, {} of them in both, {} lost.\n",
            count(sum(|events| events.emitted), "event"),
            sum(|events| events.delivered),
            sum(|events| events.spilled),
            sum(|events| events.both),
            sum(|events| events.lost)
        ));
    } else {
        text.push_str("\nWhat the service has spilled is in its log: overspill report LOG.\n");
    }
    out::print(&text)
}

/// A progress bar, shown only on a terminal.
fn bar(phases: &[DrillPhase]) -> ProgressBar {
    let seconds: u64 = phases.iter().map(|phase| phase.lasts.as_secs()).sum();
    let style = ProgressStyle::with_template("{msg:8} {bar:40} {pos} of {len} s");
    let bar = ProgressBar::new(seconds);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

/// What a phase did, before the fate of its events is known.
struct Ran {
    ids: std::ops::Range<u64>,
    row: PhaseRow,
}

fn own_load(
    arguments: &Arguments,
    proxy: &Proxy,
    to: Option<&str>,
    phases: &[DrillPhase],
) -> Result<Vec<PhaseRow>, CommandFailure> {
    let path = to.and_then(|to| to.splitn(4, '/').nth(3)).unwrap_or("v1/events");
    let url = format!("http://{}/{path}", proxy.address());
    let log = DrillLog::default();
    // Checks the real URL first, so that its errors are the usual ones.
    if to.is_some() {
        arguments.to.builder()?.mode(overspill::Mode::Off).build()?;
    }
    let mut options = arguments.to.clone();
    options.to = Some(url);
    let client = options.builder()?.spill_sink(log.clone()).observer(log.clone()).build()?;
    let (bar, mut ran): (ProgressBar, Vec<Ran>) = (bar(phases), Vec::new());
    for phase in phases {
        bar.set_message(phase.name());
        log.lock().first = None;
        let began = Instant::now();
        proxy.turn(phase.fault)?;
        let from = ran.last().map_or(0, |before| before.ids.end);
        let ids = load::emit(&client, from, arguments.rate, phase.lasts);
        let noticed = log.lock().first.filter(|_| phase.fault.is_some()).map(|first| first - began);
        let row = row_of(proxy, phase, began, ran.last_mut().map(|before| &mut before.row));
        ran.push(Ran { ids, row: PhaseRow { noticed, ..row } });
        bar.inc(phase.lasts.as_secs());
    }
    client.shutdown_blocking(limits::SHUTDOWN_TIMEOUT);
    bar.finish_and_clear();
    let (delivered, written) = (proxy.delivered(), log.lock());
    Ok(ran
        .into_iter()
        .map(|Ran { ids, mut row }| {
            let mut events = EventCounts { emitted: ids.end - ids.start, ..EventCounts::default() };
            for id in ids {
                match (delivered.contains(&id), written.spilled.contains(&id)) {
                    (true, true) => {
                        events.delivered += 1;
                        events.spilled += 1;
                        events.both += 1;
                    }
                    (true, false) => events.delivered += 1,
                    (false, true) => events.spilled += 1,
                    (false, false) => events.lost += 1,
                }
            }
            row.events = Some(events);
            row
        })
        .collect())
}

/// The row of a phase that has just ended. After a fault, whose row is `before`, also sets there how long the recovery took.
fn row_of(proxy: &Proxy, phase: &DrillPhase, began: Instant, before: Option<&mut PhaseRow>) -> PhaseRow {
    let seen = proxy.take_seen();
    if let (None, Some(before)) = (phase.fault, before) {
        before.recovered = seen.first_passed.map(|first| first.saturating_duration_since(began));
    }
    PhaseRow {
        phase: phase.name(),
        lasted: began.elapsed(),
        requests: seen.requests,
        passed: seen.passed,
        ..PhaseRow::default()
    }
}

fn your_service(proxy: &Proxy, phases: &[DrillPhase]) -> Result<Vec<PhaseRow>, CommandFailure> {
    let bar = bar(phases);
    out::tell(&format!("overspill: the proxy listens at http://{}\n", proxy.address()));
    let mut rows: Vec<PhaseRow> = Vec::new();
    for phase in phases {
        bar.set_message(phase.name());
        let began = Instant::now();
        proxy.turn(phase.fault)?;
        std::thread::sleep(phase.lasts);
        let row = row_of(proxy, phase, began, rows.last_mut());
        rows.push(row);
        bar.inc(phase.lasts.as_secs());
    }
    bar.finish_and_clear();
    Ok(rows)
}
