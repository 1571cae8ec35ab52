//! Draws the panels of the dashboard as an SVG: what the engineer on call sees.

use super::Failure;
use super::dashboard::{Kind, Panel};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::register_font;
use std::path::Path;

const WIDTH: u32 = 1440;
/// The height of a panel, as a share of its width.
const SHAPE: f64 = 0.56;
const HEAD: u32 = 78;
/// What becomes of events has the same colours in every picture.
const FATES: [(&str, RGBColor); 3] = [
    ("delivered", RGBColor(60, 140, 80)),
    ("to the log", RGBColor(196, 128, 0)),
    ("lost", RGBColor(190, 30, 45)),
];
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 104, 139),
    RGBColor(100, 60, 140),
    RGBColor(110, 110, 110),
    RGBColor(205, 90, 150),
    RGBColor(100, 170, 190),
];
const GONE: RGBColor = RGBColor(255, 229, 219);
const FIRING: RGBColor = RGBColor(190, 30, 45);
/// The space above the highest point of a panel, for its legend.
const AIR: f64 = 1.45;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The message, and a line below it.
pub struct Heading<'a> {
    pub message: &'a str,
    pub below: &'a str,
    pub columns: usize,
}

/// `shades`: the spans during which the endpoint was gone.
pub fn draw(
    panels: &[Panel],
    heading: &Heading<'_>,
    shades: &[(f64, f64)],
    file: &Path,
) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let rows = panels.len().div_ceil(heading.columns);
    let height = f64::from(WIDTH) / heading.columns as f64 * SHAPE;
    let size = (WIDTH, HEAD + (height * rows as f64) as u32);
    let area = SVGBackend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    let (head, body) = area.split_vertically(HEAD);
    head.draw(&Text::new(heading.message, (20, 12), ("sans-serif", 27).into_font()))?;
    head.draw(&Text::new(heading.below, (20, 50), ("sans-serif", 16).into_font().color(&BLACK.mix(0.7))))?;
    for (panel, area) in panels.iter().zip(body.split_evenly((rows, heading.columns))) {
        one(panel, &area, shades, end_of(panels))?;
    }
    area.present()?;
    // Always as wide as the page that shows it.
    let drawn = std::fs::read_to_string(file)?.replacen("<svg ", "<svg style=\"width:100%;height:auto\" ", 1);
    std::fs::write(file, drawn)?;
    Ok(())
}

fn end_of(panels: &[Panel]) -> f64 {
    let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    points.map(|point| point.0).fold(1.0, f64::max)
}

fn one(panel: &Panel, area: &Area<'_>, shades: &[(f64, f64)], end: f64) -> Result<(), Failure> {
    let (factor, unit) = unit_of(panel);
    let points = panel.lines.iter().flat_map(|line| &line.points);
    let highest = points.map(|point| point.1 * factor).fold(0.0, f64::max);
    let top = match panel.kind {
        Kind::Bars => panel.lines.len().max(1) as f64,
        Kind::Lines if panel.unit == "percentunit" => 125.0_f64.max(highest * AIR),
        Kind::Lines if highest <= 0.0 => 1.0,
        Kind::Lines => highest * AIR,
    };
    let labels = if panel.kind == Kind::Bars { 10 } else { 62 };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(labels)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    for (from, to) in shades {
        chart.draw_series([Rectangle::new([(*from, 0.0), (*to, top)], GONE.filled())])?;
    }
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("seconds")
        .y_desc(unit)
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|value| shown(*value))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 13))
        .light_line_style(TRANSPARENT);
    if panel.kind == Kind::Bars {
        mesh.disable_y_axis().disable_y_mesh().y_desc("");
    }
    mesh.draw()?;
    match panel.kind {
        Kind::Bars => bars(&mut chart, panel, end),
        Kind::Lines => lines(&mut chart, panel, factor, (end, top)),
    }
}

fn lines<'a, 'b: 'a>(
    chart: &mut Chart<'a, 'b>,
    panel: &Panel,
    factor: f64,
    (end, top): (f64, f64),
) -> Result<(), Failure> {
    // As in the rules of this run.
    let scale = if panel.unit == "s" { 1.0 / 60.0 } else { 1.0 };
    if let Some(threshold) =
        panel.threshold.map(|threshold| threshold * factor * scale).filter(|line| *line < top)
    {
        let dash = |nth: u32| {
            let at = |nth: u32| end * f64::from(nth) / 60.0;
            PathElement::new([(at(nth), threshold), (at(nth + 1), threshold)], FIRING)
        };
        chart.draw_series((0..60).step_by(2).map(dash))?;
    }
    let mut others = COLOURS.into_iter().cycle();
    for line in &panel.lines {
        let points = line.points.iter().map(|(at, value)| (*at, value * factor));
        let fate = FATES.iter().find(|(name, _)| *name == line.name);
        let colour = fate.map(|(_, colour)| *colour).or_else(|| others.next()).unwrap_or(BLACK);
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(line.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 13))
        .legend_area_size(22)
        .margin(4)
        .draw()?;
    Ok(())
}

/// Bars one below the other, each as long as its alert fires.
fn bars(chart: &mut Chart<'_, '_>, panel: &Panel, end: f64) -> Result<(), Failure> {
    for (line, row) in panel.lines.iter().zip(0_u32..) {
        let (bottom, middle) = (f64::from(row) + 0.15, f64::from(row) + 0.5);
        for &(at, _) in &line.points {
            let bar = [(at - 1.0, bottom), (at, bottom + 0.3)];
            chart.draw_series([Rectangle::new(bar, FIRING.filled())])?;
        }
        // Above the bar, where it begins; further left where it begins late.
        let from = line.points.first().map_or(0.0, |point| point.0).min(end * 0.55);
        let words = ("sans-serif", 15).into_font();
        chart.draw_series([Text::new(line.name.clone(), (from - 1.0, middle + 0.3), words)])?;
    }
    Ok(())
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

fn shown(value: f64) -> String {
    if value != 0.0 && value < 10.0 && value.fract() != 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
