//! PNG pictures: bars with quartiles, lines, and memory above what became of the events.

use crate::Failure;
use crate::output::short;
use crate::plot::{
    self, AWAY, Area, Axes, Chart, FATES, GUIDE, Line, Shade, Stroke, WHOLE, colour_of, words,
};
use crate::statistics::Spread;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::HPos;
use std::path::Path;

const SIZE: (u32, u32) = (1100, 540);

pub struct Bar {
    pub label: String,
    pub value: Spread,
}

/// One system in an outage: MB over seconds, and events by fate, in thousands.
pub struct InOutage {
    pub label: String,
    pub memory: Vec<(f64, f64)>,
    pub fates: [f64; 3],
}

/// A line of a system, with its colour.
pub fn line(label: &str, stroke: Stroke, points: Vec<(f64, f64)>) -> Line {
    Line::of(label, colour_of(label), stroke, points)
}

fn canvas(file: &Path, size: (u32, u32)) -> Result<Area<'_>, Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    plot::canvas(file, size)
}

/// The name of a row, to the left of it.
fn name_row(area: &Area<'_>, chart: &Chart<'_, '_>, name: &str, middle: f64) -> Result<(), Failure> {
    let (x, y) = chart.backend_coord(&(0.0, middle));
    let (across, down) = area.get_pixel_range();
    let place = (x - across.start - 8, y - down.start);
    area.draw(&Text::new(name, place, words(WHOLE, HPos::Right, &BLACK)))?;
    Ok(())
}

/// Horizontal bars from zero, with the quartiles as a line. `at` draws a vertical line at the value that they are compared with.
pub fn bars(file: &Path, axes: &Axes<'_>, bars: &[Bar], at: Option<(f64, &str)>) -> Result<(), Failure> {
    let area = canvas(file, SIZE)?;
    let highest = bars.iter().map(|bar| bar.value.high).fold(0.0, f64::max) * 1.12;
    let rows = bars.len() as f64;
    // Leaves room above the bars for the name of the vertical line.
    let first = if at.is_some() { -0.4 } else { 0.0 };
    let mut chart = axes.chart(&area, 410, (0.0..highest, rows..first))?;
    axes.draw(&mut chart)?;
    let beside = |x: f64| x + highest * 0.01;
    for (bar, row) in bars.iter().zip(0_u32..) {
        let (top, middle, bottom) = (f64::from(row) + 0.2, f64::from(row) + 0.5, f64::from(row) + 0.8);
        let block = Rectangle::new([(0.0, top), (bar.value.median, bottom)], colour_of(&bar.label).filled());
        chart.draw_series([block])?;
        let whisker = [(bar.value.low, middle), (bar.value.high, middle)];
        chart.draw_series([PathElement::new(whisker, BLACK.stroke_width(2))])?;
        let place = (beside(bar.value.high.max(bar.value.median)), middle);
        let figure = short(bar.value.median);
        chart.draw_series([Text::new(figure, place, words(WHOLE, HPos::Left, &BLACK))])?;
        name_row(&area, &chart, &bar.label, middle)?;
    }
    if let Some((at, what)) = at {
        chart.draw_series([PathElement::new([(at, first), (at, rows)], GUIDE.stroke_width(2))])?;
        chart.draw_series([Text::new(
            what.to_owned(),
            (beside(at), -0.1),
            words(WHOLE, HPos::Left, &BLACK),
        )])?;
    }
    area.present()?;
    Ok(())
}

pub fn lines(file: &Path, axes: &Axes<'_>, lines: &[Line]) -> Result<(), Failure> {
    let area = canvas(file, SIZE)?;
    plot::lines(&area, axes, lines, &[], (0.0, 0.0))?;
    area.present()?;
    Ok(())
}

/// Draws memory above and the fates of the events below: a flat line is no success if events are lost. `from`: when the outage began.
pub fn outage(file: &Path, message: &str, from: f64, systems: &[InOutage]) -> Result<(), Failure> {
    let area = canvas(file, (SIZE.0, 760))?;
    let (memory, fates) = area.split_vertically(450);
    let of = |system: &InOutage| line(&system.label, Stroke::Plain, system.memory.clone());
    let all: Vec<Line> = systems.iter().map(of).collect();
    let to = all.iter().flat_map(|line| &line.points).map(|point| point.0).fold(from, f64::max);
    let away = Shade { from, to, colour: AWAY, name: "the endpoint is out" };
    plot::lines(&memory, &Axes::of(message, "seconds", "resident memory, MB"), &all, &[away], (1.0, 1.0))?;
    fates_of(&fates, systems)?;
    area.present()?;
    Ok(())
}

fn fates_of(area: &Area<'_>, systems: &[InOutage]) -> Result<(), Failure> {
    let highest = systems.iter().map(|system| system.fates.iter().sum::<f64>()).fold(1.0, f64::max) * 1.02;
    let axes = Axes::of("What became of the events", "thousand events", "");
    let mut chart = axes.chart(area, 210, (0.0..highest, systems.len() as f64..-0.7))?;
    axes.draw(&mut chart)?;
    for (system, row) in systems.iter().zip(0_u32..) {
        stack(&mut chart, system.fates, f64::from(row))?;
        name_row(area, &chart, &system.label, f64::from(row) + 0.5)?;
    }
    let named = FATES.map(|(name, colour)| Line::of(name, colour, Stroke::Plain, Vec::new()));
    plot::key(&chart.plotting_area().strip_coord_spec(), WHOLE, (16, 16), (150, 0), &named.each_ref())
}

/// One bar of three parts, with the figure in each part that has room for it.
fn stack(chart: &mut Chart<'_, '_>, fates: [f64; 3], row: f64) -> Result<(), Failure> {
    let (mut from, whole) = (0.0, fates.iter().sum::<f64>());
    for (fate, (_, colour)) in fates.into_iter().zip(FATES) {
        let to = from + fate;
        chart.draw_series([Rectangle::new([(from, row + 0.15), (to, row + 0.85)], colour.filled())])?;
        if fate > whole * 0.04 {
            let place = ((from + to) / 2.0, row + 0.5);
            chart.draw_series([Text::new(short(fate), place, words(WHOLE, HPos::Center, &WHITE))])?;
        }
        from = to;
    }
    Ok(())
}
