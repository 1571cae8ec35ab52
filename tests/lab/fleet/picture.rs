//! The endpoint's day: requests per 100 ms, probes apart, and below them how many clients are out.

use super::Failure;
use super::chronicle::{Edge, TICK, Tick};
use super::measure::Figures;
use super::plot::{AWAY, Axes, FLOOR, GUIDE, Line, OTHERS, OURS, Shade, Stroke, canvas, lines, mark};
use super::simulation::{END, Outcome, Plan, TROUBLES};
use plotters::prelude::{AreaSeries, Color};
use std::path::Path;

pub fn draw(outcome: &Outcome, figures: &Figures, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let area = canvas(file, (1200, 780))?;
    let (load, clients) = area.split_vertically(530);
    let end = END.as_secs_f64();
    let title = format!(
        "{} clients lose their endpoint twice, and come back without a storm of requests",
        mark(plan.clients as f64)
    );
    let at = |nth: usize| nth as f64 * TICK.as_secs_f64();
    let of = |count: fn(&Tick) -> u64| {
        let ticks = outcome.notes.ticks.iter().enumerate();
        ticks.map(|(nth, tick)| (at(nth), count(tick) as f64)).collect()
    };
    let level =
        |name, colour, height| Line::of(name, colour, Stroke::Dashed, vec![(0.0, height), (end, height)]);
    let live = figures.live_rate;
    let of_load = [
        Line::of("all requests", OURS, Stroke::Thin, of(|tick| tick.requests)),
        Line::of("probes of clients that are out", OTHERS[1], Stroke::Thin, of(|tick| tick.probes)),
        level("live rate: the mean before the first trouble", GUIDE, live),
        level("the endpoint's limit", FLOOR, live * plan.capacity),
    ];
    let shades = TROUBLES.map(|trouble| Shade {
        from: trouble.from.as_secs_f64(),
        to: trouble.healed.as_secs_f64(),
        colour: AWAY,
        name: trouble.name,
    });
    lines(&load, &Axes::of(&title, "seconds", "requests per 100 ms"), &of_load, &shades, (end, 0.0))?;
    let out = out(outcome, end);
    let axes = Axes::of("How many clients are out", "seconds", "clients");
    let line = Line::of("", OURS, Stroke::Plain, out.clone());
    let mut chart =
        lines(&clients, &axes, &[line], &shades.map(|shade| Shade { name: "", ..shade }), (end, 0.0))?;
    chart.draw_series(AreaSeries::new(out, 0.0, OURS.mix(0.25)))?;
    area.present()?;
    Ok(())
}

/// Clients that are out, as steps.
fn out(outcome: &Outcome, end: f64) -> Vec<(f64, f64)> {
    let (mut steps, mut out) = (vec![(0.0, 0.0)], 0.0);
    for &(at, _, edge) in &outcome.notes.edges {
        steps.push((at.as_secs_f64(), out));
        out += if edge == Edge::Began { 1.0 } else { -1.0 };
        steps.push((at.as_secs_f64(), out));
    }
    steps.push((end, out));
    steps
}
