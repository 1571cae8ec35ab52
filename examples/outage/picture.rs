//! The run as a picture: memory at the top, where the events went below, the outage shaded. SVG, which every browser opens.

use super::Failure;
use super::plot::{
    AWAY, Axes, DELIVERED, HANGS, IN_THE_LOG, LEAKY, Line, OURS, Shade, Stroke, canvas, lines, mark,
};
use super::report::Run;
use super::screen::megabytes;
use super::service::Sample;
use super::timeline::Phase;

pub fn draw(run: &Run) -> Result<(), Failure> {
    let file = run.arguments.out.join("outage.svg");
    let area = canvas(&file, (1200, 600))?;
    let (memory, events) = area.split_vertically(330);
    let title = format!(
        "The endpoint goes away: kept events fill the memory, overspill's stays flat ({} events/s each)",
        mark(run.arguments.rate as f64)
    );
    let shades: Vec<Shade<'_>> = run.outage.iter().map(shade).collect();
    let end = run.ours.last().into_iter().chain(run.theirs.last()).map(|(at, _)| *at).fold(1.0, f64::max);
    let line = |name, colour, points| Line::of(name, colour, Stroke::Plain, points);
    let of_memory = [
        line("leaky client: keeps failed posts in a Vec", LEAKY, memory_of(&run.theirs)),
        line("overspill: writes them to the log", OURS, memory_of(&run.ours)),
    ];
    lines(&memory, &Axes::of(&title, "seconds", "resident memory, MB"), &of_memory, &shades, (end, 0.0))?;
    let of_events = [
        line("delivered to the endpoint", DELIVERED, rates_of(&run.ours, |sample| sample.delivered)),
        line("written to the log", IN_THE_LOG, rates_of(&run.ours, |sample| sample.spilled)),
    ];
    lines(&events, &Axes::of(&fates(run), "seconds", "events/s"), &of_events, &shades, (end, 0.0))?;
    area.present()?;
    Ok(())
}

fn shade(&(phase, from, to): &(Phase, f64, f64)) -> Shade<'static> {
    let (colour, name) = match phase {
        Phase::Tarpit => (HANGS, "endpoint hangs"),
        _ => (AWAY, "endpoint refuses connections"),
    };
    Shade { from, to, colour, name }
}

/// What became of overspill's events, in numbers.
fn fates(run: &Run) -> String {
    let count = |of: fn(&Sample) -> u64| mark(run.ours.last().map_or(0, |(_, sample)| of(sample)) as f64);
    format!(
        "What became of overspill's events: {} delivered, {} in the log, {} lost",
        count(|sample| sample.delivered),
        count(|sample| sample.spilled),
        count(|sample| sample.lost)
    )
}

/// Leaves out the last sample, which was taken after the load had ended.
fn under_load(said: &[(f64, Sample)]) -> &[(f64, Sample)] {
    &said[..said.len().saturating_sub(1)]
}

fn memory_of(said: &[(f64, Sample)]) -> Vec<(f64, f64)> {
    under_load(said).iter().map(|(at, sample)| (*at, megabytes(sample.rss_bytes))).collect()
}

/// Events per second, over the last five samples (one second).
fn rates_of(said: &[(f64, Sample)], count: impl Fn(&Sample) -> u64) -> Vec<(f64, f64)> {
    let rate = |pair: &[(f64, Sample)]| {
        let ((from, before), (to, after)) = (pair.first()?, pair.last()?);
        Some((*to, (count(after) - count(before)) as f64 / (to - from)))
    };
    under_load(said).windows(6).filter_map(rate).collect()
}
