//! PNG pictures: bars with quartiles, lines, and memory above what became of the events. The title is the message; a system has the same
//! colour in every picture.

use crate::Failure;
use crate::output::short;
use crate::statistics::Spread;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const SIZE: (u32, u32) = (1100, 540);
const OURS: RGBColor = RGBColor(0, 104, 139);
const FLOOR: RGBColor = RGBColor(150, 150, 150);
const OUT: RGBColor = RGBColor(255, 229, 219);
const GUIDE: RGBColor = RGBColor(60, 60, 60);

/// Each system's own, in every picture: the first name that a label contains.
const COLOURS: [(&str, RGBColor); 7] = [
    ("overspill", OURS),
    ("opentelemetry", RGBColor(120, 80, 180)),
    ("sentry", RGBColor(205, 90, 150)),
    ("loki", RGBColor(125, 140, 40)),
    ("cadence", RGBColor(150, 100, 60)),
    ("appender", RGBColor(60, 130, 190)),
    ("tracing-subscriber", RGBColor(100, 170, 190)),
];

/// What became of events: as in the pictures of the example and of the guide.
pub const FATES: [(&str, RGBColor); 3] = [
    ("delivered", RGBColor(60, 140, 80)),
    ("in the log", RGBColor(196, 128, 0)),
    ("gone", RGBColor(190, 30, 45)),
];

fn colour_of(label: &str) -> RGBColor {
    COLOURS.iter().find(|(name, _)| label.contains(name)).map_or(FLOOR, |(_, colour)| *colour)
}

pub struct Bar {
    pub label: String,
    pub value: Spread,
}

pub struct Line {
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

/// How the horizontal axis of lines grows; the vertical one begins at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    Linear,
    Logarithmic,
}

/// What a picture says, and what its axes are.
pub struct Axes<'a> {
    pub message: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub across: Across,
}

/// One system in an outage: MB over seconds, and events by fate, in thousands.
pub struct InOutage {
    pub label: String,
    pub memory: Vec<(f64, f64)>,
    pub fates: [f64; 3],
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn blank(file: &Path, size: (u32, u32)) -> Result<Area<'_>, Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let area = BitMapBackend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    Ok(area)
}

fn text(size: u32, across: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(across, VPos::Center))
}

/// A place of the picture as one of this part of it, for a label before it.
fn left_of(area: &Area<'_>, (x, y): (i32, i32)) -> (i32, i32) {
    let (across, down) = area.get_pixel_range();
    (x - across.start - 8, y - down.start)
}

/// A figure on an axis, without insignificant digits.
fn mark(value: f64) -> String {
    let text = short(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Horizontal bars from zero, with the quartiles as a line and, perhaps, a vertical at what they are compared with.
pub fn bars(file: &Path, axes: &Axes<'_>, bars: &[Bar], at: Option<(f64, &str)>) -> Result<(), Failure> {
    let area = blank(file, SIZE)?.margin(8, 0, 0, 0).titled(axes.message, ("sans-serif", 21))?;
    let highest = bars.iter().map(|bar| bar.value.high).fold(0.0, f64::max) * 1.12;
    let rows = bars.len() as f64;
    let mut chart = ChartBuilder::on(&area)
        .margin(14)
        .margin_left(400)
        .x_label_area_size(50)
        .build_cartesian_2d(0.0..highest, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc(axes.x)
        .x_label_formatter(&|value| mark(*value))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 17))
        .light_line_style(WHITE)
        .draw()?;
    for (bar, row) in bars.iter().zip(0_u32..) {
        let (top, middle, bottom) = (f64::from(row) + 0.2, f64::from(row) + 0.5, f64::from(row) + 0.8);
        let block = Rectangle::new([(0.0, top), (bar.value.median, bottom)], colour_of(&bar.label).filled());
        chart.draw_series([block])?;
        let whisker = [(bar.value.low, middle), (bar.value.high, middle)];
        chart.draw_series([PathElement::new(whisker, BLACK.stroke_width(2))])?;
        let beside = (bar.value.high.max(bar.value.median) + highest * 0.01, middle);
        chart.draw_series([Text::new(short(bar.value.median), beside, text(15, HPos::Left))])?;
        let place = left_of(&area, chart.backend_coord(&(0.0, middle)));
        area.draw(&Text::new(bar.label.clone(), place, text(15, HPos::Right)))?;
    }
    if let Some((at, what)) = at {
        chart.draw_series([PathElement::new([(at, 0.0), (at, rows)], GUIDE.stroke_width(2))])?;
        let said = (at + highest * 0.01, 0.12);
        chart.draw_series([Text::new(what.to_owned(), said, text(14, HPos::Left))])?;
    }
    area.present()?;
    Ok(())
}

/// A line per series, with its points.
pub fn lines(file: &Path, axes: &Axes<'_>, lines: &[Line]) -> Result<(), Failure> {
    let area = blank(file, SIZE)?;
    let all = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (left, right) = all().fold((f64::MAX, f64::MIN), |ends, (x, _)| (ends.0.min(x), ends.1.max(x)));
    let top = all().map(|point| point.1).fold(0.0, f64::max) * 1.15;
    let mut builder = ChartBuilder::on(&area);
    builder.caption(axes.message, ("sans-serif", 21)).margin(14).margin_right(28);
    builder.x_label_area_size(50).y_label_area_size(82);
    macro_rules! draw {
        ($x:expr) => {{
            let mut chart = builder.build_cartesian_2d($x, 0.0..top)?;
            chart
                .configure_mesh()
                .x_desc(axes.x)
                .y_desc(axes.y)
                .x_label_formatter(&|value| mark(*value))
                .y_label_formatter(&|value| mark(*value))
                .label_style(("sans-serif", 15))
                .axis_desc_style(("sans-serif", 17))
                .light_line_style(WHITE)
                .draw()?;
            for line in lines {
                let colour = colour_of(&line.label);
                chart
                    .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
                    .label(line.label.clone())
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
                chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
            }
            legend!(chart);
        }};
    }
    macro_rules! legend {
        ($chart:ident) => {
            if lines.len() > 1 {
                $chart
                    .configure_series_labels()
                    .position(SeriesLabelPosition::UpperLeft)
                    .background_style(WHITE.mix(0.85))
                    .border_style(BLACK.mix(0.3))
                    .label_font(("sans-serif", 15))
                    .legend_area_size(30)
                    .draw()?;
            }
        };
    }
    match axes.across {
        Across::Linear => draw!(0.0..right),
        Across::Logarithmic => draw!((left..right).log_scale()),
    }
    area.present()?;
    Ok(())
}

/// Memory above, what became of the events below: a flat line with the events gone is no success. `from`: when the endpoint went away.
pub fn outage(file: &Path, message: &str, from: f64, systems: &[InOutage]) -> Result<(), Failure> {
    let area = blank(file, (SIZE.0, 760))?;
    let (memory, fates) = area.split_vertically(450);
    memory_of(&memory, message, from, systems)?;
    fates_of(&fates, systems)?;
    area.present()?;
    Ok(())
}

fn memory_of(area: &Area<'_>, message: &str, from: f64, systems: &[InOutage]) -> Result<(), Failure> {
    let all = || systems.iter().flat_map(|system| system.memory.iter().copied());
    let end = all().map(|point| point.0).fold(1.0, f64::max);
    let top = all().map(|point| point.1).fold(1.0, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(message, ("sans-serif", 21))
        .margin(14)
        .margin_right(28)
        .x_label_area_size(46)
        .y_label_area_size(82)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart.draw_series([Rectangle::new([(from, 0.0), (end, top)], OUT.filled())])?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("resident memory, MB")
        .x_label_formatter(&|value| mark(*value))
        .y_label_formatter(&|value| mark(*value))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 17))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let said = (from + end * 0.01, top * 0.96);
    chart.draw_series([Text::new("the endpoint is out", said, text(15, HPos::Left))])?;
    for system in systems {
        let colour = colour_of(&system.label);
        chart
            .draw_series(LineSeries::new(system.memory.iter().copied(), colour.stroke_width(3)))?
            .label(system.label.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 15))
        .legend_area_size(30)
        .draw()?;
    Ok(())
}

fn fates_of(area: &Area<'_>, systems: &[InOutage]) -> Result<(), Failure> {
    let highest = systems.iter().map(|system| system.fates.iter().sum::<f64>()).fold(1.0, f64::max) * 1.02;
    let rows = systems.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption("What became of the events", ("sans-serif", 21))
        .margin(14)
        .margin_right(28)
        .margin_left(210)
        .x_label_area_size(46)
        .build_cartesian_2d(0.0..highest, rows..-0.7)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc("thousand events")
        .x_label_formatter(&|value| mark(*value))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 17))
        .light_line_style(WHITE)
        .draw()?;
    for (system, row) in systems.iter().zip(0_u32..) {
        stack(&mut chart, system.fates, f64::from(row))?;
        let place = left_of(area, chart.backend_coord(&(0.0, f64::from(row) + 0.5)));
        area.draw(&Text::new(system.label.clone(), place, text(15, HPos::Right)))?;
    }
    // The legend, above the bars.
    for ((name, colour), place) in FATES.iter().zip(0_u32..) {
        let at = highest * (0.02 + 0.18 * f64::from(place));
        chart.draw_series([Rectangle::new([(at, -0.5), (at + highest * 0.02, -0.15)], colour.filled())])?;
        let said = (at + highest * 0.028, -0.32);
        chart.draw_series([Text::new((*name).to_owned(), said, text(15, HPos::Left))])?;
    }
    Ok(())
}

/// One bar of three parts, with the figure in each part that has room for it.
fn stack(chart: &mut Chart<'_, '_>, fates: [f64; 3], row: f64) -> Result<(), Failure> {
    let (mut from, whole) = (0.0, fates.iter().sum::<f64>());
    for (fate, (_, colour)) in fates.into_iter().zip(FATES) {
        let to = from + fate;
        chart.draw_series([Rectangle::new([(from, row + 0.15), (to, row + 0.85)], colour.filled())])?;
        if fate > whole * 0.04 {
            let style =
                ("sans-serif", 15).into_font().color(&WHITE).pos(Pos::new(HPos::Center, VPos::Center));
            chart.draw_series([Text::new(short(fate), ((from + to) / 2.0, row + 0.5), style)])?;
        }
        from = to;
    }
    Ok(())
}
