//! The final report: the law in numbers, ids compared as sets at the endpoint and in the log, latencies, memory growth.

use super::ids::Ids;
use super::screen::megabytes;
use super::service::Sample;
use super::timeline::Phase;
use super::{Arguments, Failure};
use overspill::MaybeDelivered;
use overspill::spill::Records;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::process::ExitCode;

/// Everything observed in the run.
pub struct Run {
    pub ours: Vec<(f64, Sample)>,
    pub theirs: Vec<(f64, Sample)>,
    pub outage: Vec<(Phase, f64, f64)>,
    pub at_endpoint: Ids,
    pub arguments: Arguments,
}

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

/// The events in the log.
struct Log {
    ids: Ids,
    by_reason: BTreeMap<&'static str, u64>,
    /// Spilled and also at the endpoint, but not marked as maybe delivered.
    unmarked: u64,
    in_both: u64,
}

fn read_log(arguments: &Arguments, at_endpoint: &Ids) -> Result<Log, Failure> {
    let file = std::fs::File::open(arguments.out.join("overspill.log"))?;
    let mut log = Log { ids: Ids::default(), by_reason: BTreeMap::new(), unmarked: 0, in_both: 0 };
    for event in Records::new(BufReader::new(file)).joined() {
        let event = event?;
        let Identified { id } = serde_json::from_str(&event.event)?;
        log.ids.insert(id);
        *log.by_reason.entry(event.reason.as_str()).or_default() += 1;
        if at_endpoint.contains(id) {
            log.in_both += 1;
            log.unmarked += u64::from(event.maybe_delivered == MaybeDelivered::No);
        }
    }
    Ok(log)
}

pub fn outage(run: &Run) -> Result<ExitCode, Failure> {
    let last = &run.ours.last().ok_or("the service reported nothing")?.1;
    let log = read_log(&run.arguments, &run.at_endpoint)?;
    println!("\nThe law: {}", last.books);
    println!(
        "Ids:     {} emitted; {} at the endpoint, {} in the log {:?}, {} in both (all marked maybe_delivered: {})",
        last.emitted,
        run.at_endpoint.count,
        log.ids.count,
        log.by_reason,
        log.in_both,
        if log.unmarked == 0 { "yes" } else { "NO" }
    );
    let nowhere =
        (0..last.emitted).filter(|&id| !run.at_endpoint.contains(id) && !log.ids.contains(id)).count();
    println!("         in neither: {nowhere}; more than once at the endpoint: {}", run.at_endpoint.again);
    print_latencies("overspill", last);
    if let Some((_, leaky)) = run.theirs.last() {
        print_latencies("leaky", leaky);
    }
    let (ours, theirs) = (growth(&run.ours, &run.outage), growth(&run.theirs, &run.outage));
    println!(
        "Memory:  overspill grew by {ours:.1} MB in the outage (memory_bound {:.1} MB)",
        megabytes(last.memory_bound)
    );
    println!("         leaky     grew by {theirs:.1} MB in the outage, and would have kept growing");
    let out = run.arguments.out.display();
    println!("Picture: {out}/outage.svg    Log: {out}/overspill.log");
    let kept = nowhere == 0
        && run.at_endpoint.again == 0
        && log.unmarked == 0
        && last.lost + last.pending == 0
        && last.spilled == log.ids.count
        && log.ids.again == 0;
    println!("{}", if kept { "The law holds." } else { "THE LAW IS BROKEN." });
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn against(said: &[(f64, Sample)], arguments: &Arguments) -> Result<ExitCode, Failure> {
    let last = &said.last().ok_or("the service reported nothing")?.1;
    let log = read_log(arguments, &Ids::default())?;
    println!("\nThe law: {}", last.books);
    println!("Ids:     {} emitted; {} in the log {:?}", last.emitted, log.ids.count, log.by_reason);
    print_latencies("overspill", last);
    let kept = last.lost + last.pending == 0 && last.spilled == log.ids.count;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_latencies(name: &str, sample: &Sample) {
    let [healthy, outage] = sample.emit_nanos.map(|quantiles| quantiles.map(|nanos| nanos as f64 / 1000.0));
    println!(
        "emit:    {name:<9} healthy p50 {:.1} us, p99.9 {:.1} us; in the outage p50 {:.1} us, p99.9 {:.1} us",
        healthy[0], healthy[1], outage[0], outage[1]
    );
}

/// Growth of RSS in MB, from just before the outage to the highest point during it.
fn growth(said: &[(f64, Sample)], outage: &[(Phase, f64, f64)]) -> f64 {
    let (Some(&(_, from, _)), Some(&(_, _, to))) = (outage.first(), outage.last()) else { return 0.0 };
    let before = said.iter().rev().find(|(at, _)| *at <= from).map_or(0, |(_, sample)| sample.rss_bytes);
    let peak =
        said.iter().filter(|(at, _)| (from..=to).contains(at)).map(|(_, sample)| sample.rss_bytes).max();
    megabytes(peak.unwrap_or(0).saturating_sub(before))
}
