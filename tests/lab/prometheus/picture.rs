//! Draws the panels of the dashboard: what the engineer on call sees.

use super::Failure;
use super::dashboard::{Kind, Panel};
use super::plot::{
    AWAY, Area, Axes, FATES, FIRING, GUIDE, Line, OTHERS, PANEL, Shade, Stroke, canvas, lines, words,
};
use plotters::prelude::{BLACK, Color, RGBColor, Rectangle, Text};
use plotters::style::text_anchor::HPos;
use std::path::Path;

const WIDTH: u32 = 1440;
/// The height of a panel, as a share of its width.
const SHAPE: f64 = 0.56;
const HEAD: u32 = 78;
/// A threshold is shown if it is at most this many times as high as the highest point.
const AIR: f64 = 1.45;

/// The message, and a line below it.
pub struct Heading<'a> {
    pub message: &'a str,
    pub below: &'a str,
    pub columns: usize,
}

/// `away`: from when to when the endpoint was away.
pub fn draw(panels: &[Panel], heading: &Heading<'_>, away: (f64, f64), file: &Path) -> Result<(), Failure> {
    let rows = panels.len().div_ceil(heading.columns);
    let height = f64::from(WIDTH) / heading.columns as f64 * SHAPE;
    let area = canvas(file, (WIDTH, HEAD + (height * rows as f64) as u32))?;
    let (head, body) = area.split_vertically(HEAD);
    head.draw(&Text::new(heading.message, (20, 24), words(27, HPos::Left, &BLACK)))?;
    head.draw(&Text::new(heading.below, (20, 57), words(16, HPos::Left, &GUIDE)))?;
    let all = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let end = all.map(|point| point.0).fold(1.0, f64::max);
    let away = [Shade { from: away.0, to: away.1, colour: AWAY, name: "" }];
    for (panel, area) in panels.iter().zip(body.split_evenly((rows, heading.columns))) {
        match panel.kind {
            Kind::Lines => of_lines(panel, &area, &away, end)?,
            Kind::Bars => of_alerts(panel, &area, &away, end)?,
        }
    }
    area.present()?;
    // Makes the picture as wide as the page that shows it.
    let drawn = std::fs::read_to_string(file)?.replacen("<svg ", "<svg style=\"width:100%;height:auto\" ", 1);
    std::fs::write(file, drawn)?;
    Ok(())
}

fn of_lines(panel: &Panel, area: &Area<'_>, away: &[Shade<'_>], end: f64) -> Result<(), Failure> {
    let (factor, unit) = unit_of(panel);
    let mut others = OTHERS.into_iter().cycle();
    let line = |line: &super::dashboard::Line| {
        let points = line.points.iter().map(|(at, value)| (*at, value * factor)).collect();
        let colour = fate_of(&line.name).or_else(|| others.next()).unwrap_or(BLACK);
        Line::of(&line.name, colour, Stroke::Plain, points)
    };
    let mut all: Vec<Line> = panel.lines.iter().map(line).collect();
    let highest = all.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    let least: f64 = if panel.unit == "percentunit" { 100.0 } else { 0.0 };
    // A second stands for a minute, as in the rules of this run.
    let scale = if panel.unit == "s" { 1.0 / 60.0 } else { 1.0 };
    let threshold = panel.threshold.map(|threshold| threshold * factor * scale);
    let shown = threshold.filter(|threshold| *threshold < least.max(highest * AIR));
    all.extend(shown.map(|threshold| Line::dashed((0.0, threshold), (end, threshold))));
    let axes = Axes { text: PANEL, ..Axes::of(&panel.title, "seconds", unit) };
    lines(area, &axes, &all, away, (end, least))?;
    Ok(())
}

/// Bars one below the other, each as long as its alert fires.
fn of_alerts(panel: &Panel, area: &Area<'_>, away: &[Shade<'_>], end: f64) -> Result<(), Failure> {
    let axes = Axes { text: PANEL, ..Axes::of(&panel.title, "seconds", "") };
    let mut chart = lines(area, &axes, &[], away, (end, panel.lines.len().max(1) as f64))?;
    for (line, row) in panel.lines.iter().zip(0_u32..) {
        let (bottom, name) = (f64::from(row) + 0.15, f64::from(row) + 0.6);
        for &(at, _) in &line.points {
            chart.draw_series([Rectangle::new([(at - 1.0, bottom), (at, bottom + 0.3)], FIRING.filled())])?;
        }
        // Above the start of the bar, or further left if the bar starts late.
        let from = line.points.first().map_or(0.0, |point| point.0).min(end * 0.55);
        chart.draw_series([Text::new(
            line.name.clone(),
            (from - 1.0, name),
            words(15, HPos::Left, &BLACK),
        )])?;
    }
    Ok(())
}

fn fate_of(name: &str) -> Option<RGBColor> {
    let name = if name == "to the log" { "in the log" } else { name };
    FATES.iter().find(|(fate, _)| *fate == name).map(|(_, colour)| *colour)
}

/// Grafana's units, as people read them.
fn unit_of(panel: &Panel) -> (f64, &'static str) {
    match panel.unit.as_str() {
        "cps" => (1.0, "events/s"),
        "reqps" => (1.0, "requests/s"),
        "s" => (1.0, "seconds"),
        "ms" => (1e3, "ms"),
        "percentunit" => (100.0, "%"),
        "bytes" => (1e-6, "MB"),
        "short" => (1.0, "number"),
        _ => (1.0, ""),
    }
}
