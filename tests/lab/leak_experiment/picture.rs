//! Memory over time, and what the telemetry client held at each profile.

use super::judge::{Experiment, Variant};
use super::plot::{
    AWAY, Across, Area, Axes, Line, Shade, Stroke, WHOLE, canvas, colour_of, lines, mark, words,
};
use super::{Failure, Role};
use plotters::prelude::{BLACK, Color, PathElement, Rectangle, Text};
use plotters::style::text_anchor::HPos;
use std::path::Path;

const SHORT: [&str; 3] = ["the leaky client", "mode Off", "overspill"];

pub fn draw(experiment: &Experiment, out: &Path) -> Result<(), Failure> {
    let file = out.join("leak_experiment.svg");
    let area = canvas(&file, (1200, 900))?;
    let (upper, lower) = area.split_vertically(500);
    memory(&upper, experiment)?;
    held(&lower, experiment)?;
    area.present()?;
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The upper half: a line for each service, and when its heap was profiled.
fn memory(area: &Area<'_>, experiment: &Experiment) -> Result<(), Failure> {
    let line = |variant: &Variant| {
        let seen = variant.seen.samples.iter().filter(|(at, _)| *at <= experiment.ended_at);
        let points = seen.map(|(at, sample)| (*at, megabytes(sample.rss_bytes))).collect();
        Line::of(variant.title, colour_of(variant.title), Stroke::Plain, points)
    };
    let of_memory: Vec<Line> = experiment.variants.iter().map(line).collect();
    let title = format!(
        "The endpoint goes away: the client that keeps its posts grows, overspill does not ({} events/s each)",
        mark(experiment.rate as f64)
    );
    let end = experiment.ended_at;
    let away = Shade { from: experiment.cut_at, to: end, colour: AWAY, name: "the endpoint is away" };
    let axes = Axes::of(&title, "seconds", "resident memory, MB");
    let mut chart = lines(area, &axes, &of_memory, &[away], (end, 0.0))?;
    let highest = of_memory.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    for ((at, _, _), number) in experiment.variants[0].seen.profiles.iter().zip(1..) {
        Line::dashed((*at, 0.0), (*at, highest)).draw(&mut chart, WHOLE)?;
        let name = format!("profile {number} ");
        chart.draw_series([Text::new(name, (*at, highest * 0.04), words(WHOLE, HPos::Right, &BLACK))])?;
    }
    Ok(())
}

/// The lower half: three bars for each service.
fn held(area: &Area<'_>, experiment: &Experiment) -> Result<(), Failure> {
    let all = experiment.variants.iter().flat_map(|variant| &variant.client);
    let highest = all.map(|held| megabytes(held.bytes)).fold(1.0, f64::max) * 1.3;
    let leaky: Vec<String> =
        experiment.variants[0].client.iter().map(|held| format!("{:.1}", megabytes(held.bytes))).collect();
    let title = format!(
        "Three heap profiles show whose memory it is: the leaky client's own calls hold {} MB",
        leaky.join(", ")
    );
    let below = "heap profiles 1, 2 and 3 of each service";
    let axes = Axes { across: Across::Bars, ..Axes::of(&title, below, "heap held by the client, MB") };
    let mut chart = axes.chart(area, axes.left(), (0.0..3.0, 0.0..highest))?;
    axes.draw(&mut chart)?;
    let said = |text: String, x: f64, y: f64| {
        Text::new(text, (x, y + highest * 0.04), words(WHOLE, HPos::Center, &BLACK))
    };
    for ((variant, left), name) in experiment.variants.iter().zip([0.0, 1.0, 2.0]).zip(SHORT) {
        let colour = colour_of(variant.title);
        for (held, bar) in variant.client.iter().zip([0.14, 0.38, 0.62]) {
            let (from, to, top) = (left + bar, left + bar + 0.22, megabytes(held.bytes));
            chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], colour.filled())])?;
            chart.draw_series([said(format!("{top:.1}"), from + 0.11, top)])?;
        }
        chart.draw_series([said(name.to_owned(), left + 0.49, highest * 0.9)])?;
        if let (Role::Overspill, Some((_, sample))) = (variant.role, variant.seen.samples.last()) {
            let bound = megabytes(sample.memory_bound);
            let line = [(left + 0.1, bound), (left + 0.88, bound)];
            chart.draw_series([PathElement::new(line, colour.stroke_width(2))])?;
            chart.draw_series([said(format!("its memory bound: {bound:.1}"), left + 0.49, bound)])?;
        }
    }
    Ok(())
}
