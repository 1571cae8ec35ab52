//! The report: the law with numbers and ids as sets, memory against its bound, slopes, and the verdict.

use super::Failure;
use super::driver::Run;
use super::ids::Compared;
use super::service::{QUEUE_BYTES_MAX, Sample};
use super::slope::Slope;
use super::weather::{WARM_UP, Weather};
use std::process::ExitCode;

/// RSS may exceed the baseline by the client's bound plus this, for thread stacks and what the allocator keeps.
const RSS_ALLOWANCE: u64 = 8 << 20;
/// A leak that fails the run: 11 MB a day. The whole confidence interval must lie above it, both after warm-up and in the second
/// half of that time alone: pools and the allocator's arenas grow in steps that become rare, but a leak goes on.
const LEAK_KB_PER_MINUTE: f64 = 8.0;
/// A shorter run can show that the law and the bound hold, but in it steps still look like a slope.
const LONG_ENOUGH: u64 = 1_800;

/// The samples after warm-up as (seconds, KB), without the last, which was taken after the shutdown.
pub fn series(run: &Run, of: fn(&Sample) -> u64) -> Vec<(f64, f64)> {
    let warm = run.arguments.seconds as f64 * WARM_UP;
    let running = &run.samples[..run.samples.len().saturating_sub(1)];
    let warmed = running.iter().filter(|sample| sample.seconds >= warm);
    warmed.map(|sample| (sample.seconds, of(sample) as f64 / 1000.0)).collect()
}

pub fn print(run: &Run) -> Result<ExitCode, Failure> {
    let (first, last) = (run.samples.first().ok_or("no samples")?, run.samples.last().ok_or("no samples")?);
    let mut broken = Vec::new();
    print_weather(run);
    law(run, last, &mut broken);
    memory(run, first, last, &mut broken);
    growth("RSS", &series(run, |sample| sample.rss_bytes), run, &mut broken);
    growth("held", &series(run, |sample| sample.held_bytes), run, &mut broken);
    if run.arguments.seconds < LONG_ENOUGH {
        println!(
            "           (a run under {LONG_ENOUGH} s judges the law and the bound; its slopes are only informative)"
        );
    }
    println!("Picture:   {0}/soak.svg", run.arguments.out.display());
    println!("Log:       {0}/spilled.log, samples: {0}/samples.tsv", run.arguments.out.display());
    for what in &broken {
        println!("BROKEN: {what}");
    }
    if broken.is_empty() {
        println!("Verdict ({}): the law holds, memory is bounded.", first.allocator);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn print_weather(run: &Run) {
    let troubled: f64 = run.troubles.iter().map(|(from, to, _)| to - from).sum();
    let of_kind = |name: &&str| {
        let count = run.troubles.iter().filter(|(.., weather)| weather.name() == *name).count();
        format!("{name} {count}")
    };
    println!(
        "\nTroubles:  {} in {} s, {troubled:.0} s long in all: {}",
        run.troubles.len(),
        run.arguments.seconds,
        Weather::TROUBLES.iter().map(of_kind).collect::<Vec<_>>().join(", ")
    );
}

fn law(run: &Run, last: &Sample, broken: &mut Vec<String>) {
    let (found, evidence) = (&run.evidence.found, &run.evidence);
    let ids = found.compare(last.emitted);
    println!("The law:   {}", last.books);
    println!(
        "Ids:       {} emitted; {} at the endpoint, {} in the log ({} in several parts) {:?}",
        last.emitted, found.at_endpoint.count, found.in_log.count, evidence.in_parts, evidence.by_reason
    );
    println!(
        "           {} in neither; {} in both, {} of those unmarked; {} twice in one; {} unknown; {} unreadable",
        ids.in_neither, ids.in_both, ids.in_both_unmarked, ids.again, ids.unknown, evidence.unreadable
    );
    if last.log_stalled > 0 {
        // The one loss that the machine causes: a write to the log took over a second, and no caller may wait that long.
        println!(
            "           THE LOG STALLED: {} events lost and counted; the disk or the cores were too busy",
            last.log_stalled
        );
    }
    let books = last.pending == 0 && last.emitted == last.delivered + last.spilled + last.lost;
    for (holds, what) in [
        (books, "the counters do not add up"),
        (last.lost == last.log_stalled, "events lost while the log worked"),
        (ids.in_neither == last.lost, "the events in neither place are not those counted as lost"),
        (Compared { in_neither: 0, ..ids }.is_exact(), "ids as sets"),
        (last.spilled == found.in_log.count, "the log does not hold the events counted as spilled"),
        (last.delivered + ids.in_both == found.at_endpoint.count, "the endpoint and the counters differ"),
        (evidence.unreadable == 0, "the log has lines that cannot be read back"),
    ] {
        if !holds {
            broken.push(format!("the law: {what}"));
        }
    }
}

fn memory(run: &Run, first: &Sample, last: &Sample, broken: &mut Vec<String>) {
    let peak = |of: fn(&Sample) -> u64| run.samples.iter().map(of).max().unwrap_or(0);
    let (rss, held) = (peak(|sample| sample.rss_bytes), peak(|sample| sample.held_bytes));
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "Memory:    RSS {:.1} MB before the load, {:.1} MB at most, {:.1} MB at the end; memory_bound {:.1} MB",
        megabytes(first.rss_bytes),
        megabytes(rss),
        megabytes(last.rss_bytes),
        megabytes(last.memory_bound)
    );
    println!(
        "           held {:.2} MB at most, of {:.2} MB",
        megabytes(held),
        megabytes(QUEUE_BYTES_MAX as u64)
    );
    if rss > first.rss_bytes + last.memory_bound + RSS_ALLOWANCE {
        broken.push("RSS grew beyond memory_bound and 8 MiB".to_owned());
    }
    if held > QUEUE_BYTES_MAX as u64 {
        broken.push("more bytes held than queue_bytes_max".to_owned());
    }
}

fn growth(name: &str, series: &[(f64, f64)], run: &Run, broken: &mut Vec<String>) {
    let (whole, later) = (Slope::of(series), Slope::of(&series[series.len() / 2..]));
    let (Some(whole), Some(later)) = (whole, later) else {
        println!("Slope:     {name:<4} too few samples");
        return;
    };
    for (slope, when) in [(whole, "after warm-up"), (later, "second half of it")] {
        let verdict = match (slope.least() > 0.0, slope.most() < 0.0) {
            (true, _) => "rises",
            (_, true) => "falls",
            _ => "level",
        };
        println!(
            "Slope:     {name:<4} {when:<17} {:+9.2} KB/min, 95 % between {:+.2} and {:+.2}: {verdict} ({} blocks, autocorrelation {:+.2})",
            slope.per_minute,
            slope.least(),
            slope.most(),
            slope.blocks,
            slope.autocorrelation
        );
    }
    let leaks = whole.least().min(later.least()) > LEAK_KB_PER_MINUTE;
    if leaks && run.arguments.seconds >= LONG_ENOUGH {
        broken.push(format!("{name} keeps growing by more than {LEAK_KB_PER_MINUTE} KB/min"));
    }
}
