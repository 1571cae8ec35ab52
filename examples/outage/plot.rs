//! Shared by all pictures: colours, axes, lines, shaded times, the legend, figures. The title is the message, a colour means the same in
//! every picture, and the legend never covers a line. Each program that draws defines its `Backend`: SVG or PNG.

use super::{Backend, Failure};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;
use std::path::Path;

pub const OURS: RGBColor = RGBColor(0, 104, 139);
pub const LEAKY: RGBColor = RGBColor(200, 60, 30);
/// For floors, and for a label that names no system.
pub const FLOOR: RGBColor = RGBColor(150, 150, 150);
/// For reference lines: limits, bounds, thresholds, trends.
pub const GUIDE: RGBColor = RGBColor(60, 60, 60);
/// The endpoint is away.
pub const AWAY: RGBColor = RGBColor(255, 229, 219);
/// The endpoint hangs.
pub const HANGS: RGBColor = RGBColor(255, 240, 205);

/// The fates of events.
pub const FATES: [(&str, RGBColor); 3] = [
    ("delivered", RGBColor(60, 140, 80)),
    ("in the log", RGBColor(196, 128, 0)),
    ("lost", RGBColor(190, 30, 45)),
];
pub const DELIVERED: RGBColor = FATES[0].1;
pub const IN_THE_LOG: RGBColor = FATES[1].1;

/// For lines that are neither a system nor a fate, in this order.
pub const OTHERS: [RGBColor; 5] = [
    RGBColor(70, 75, 130),
    RGBColor(130, 90, 95),
    RGBColor(110, 110, 110),
    RGBColor(60, 110, 110),
    RGBColor(160, 150, 90),
];
/// An alert that fires.
pub const FIRING: RGBColor = RGBColor(150, 40, 110);

/// The colour of a label is that of the first of these names that it contains.
const SYSTEMS: [(&str, RGBColor); 8] = [
    ("overspill", OURS),
    ("leaky", LEAKY),
    ("opentelemetry", RGBColor(120, 80, 180)),
    ("sentry", RGBColor(205, 90, 150)),
    ("loki", RGBColor(125, 140, 40)),
    ("cadence", RGBColor(150, 100, 60)),
    ("appender", RGBColor(60, 130, 190)),
    ("tracing-subscriber", RGBColor(100, 170, 190)),
];

pub fn colour_of(label: &str) -> RGBColor {
    SYSTEMS.iter().find(|(name, _)| label.contains(name)).map_or(FLOOR, |(_, colour)| *colour)
}

pub type Area<'a> = DrawingArea<Backend<'a>, Shift>;
pub type Chart<'a, 'b> = ChartContext<'a, Backend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The size of labels: in a single picture, and in one of many panels ([`PANEL`]). All other sizes follow from it.
pub const WHOLE: u32 = 16;
pub const PANEL: u32 = 13;

pub fn canvas(file: &Path, size: (u32, u32)) -> Result<Area<'_>, Failure> {
    let area = Backend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    Ok(area)
}

/// `across`: which end of the text is at its position.
pub fn words(text: u32, across: HPos, colour: &RGBColor) -> TextStyle<'static> {
    ("sans-serif", text).into_font().color(colour).pos(Pos::new(across, VPos::Center))
}

/// A number without needless digits: 20,000 or 0.25.
pub fn mark(value: f64) -> String {
    let text = format!("{value:.3}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (mut grouped, first) = (String::new(), whole.len() % 3);
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && nth % 3 == first {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let part = part.trim_end_matches('0');
    if part.is_empty() { grouped } else { format!("{grouped}.{part}") }
}

/// The scale of the horizontal axis. The vertical axis is linear, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    Linear,
    Logarithmic,
    /// No scale: bars stand next to each other.
    Bars,
}

#[derive(Debug, Clone, Copy)]
pub struct Axes<'a> {
    /// The message.
    pub title: &'a str,
    pub x: &'a str,
    /// Empty for rows, which have no vertical axis.
    pub y: &'a str,
    pub across: Across,
    pub text: u32,
}

impl<'a> Axes<'a> {
    pub fn of(title: &'a str, x: &'a str, y: &'a str) -> Axes<'a> {
        Axes { title, x, y, across: Across::Linear, text: WHOLE }
    }

    /// The space for the labels of the vertical axis.
    pub fn left(&self) -> u32 {
        self.text * 5
    }

    /// The chart with only its title. `left`: the space for the labels to its left.
    pub fn chart<'b, 'c>(
        &self,
        area: &'b Area<'c>,
        left: u32,
        (x, y): (Range<f64>, Range<f64>),
    ) -> Result<Chart<'b, 'c>, Failure> {
        let text = self.text;
        let mut builder = ChartBuilder::on(area);
        builder.margin(text).margin_right(text * 7 / 4).x_label_area_size(text * 3).y_label_area_size(left);
        if !self.title.is_empty() {
            builder.caption(self.title, ("sans-serif", text * 7 / 5));
        }
        Ok(builder.build_cartesian_2d(x, y)?)
    }

    /// Draws axes and grid over what was drawn before.
    pub fn draw(&self, chart: &mut Chart<'_, '_>) -> Result<(), Failure> {
        let (width, height) = chart.plotting_area().dim_in_pixel();
        let across = |x: &f64| mark(if self.across == Across::Logarithmic { 10_f64.powf(*x) } else { *x });
        let up = |y: &f64| mark(*y);
        let font = ("sans-serif", self.text);
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x)
            .y_desc(self.y)
            .label_style(font)
            .axis_desc_style(font)
            .light_line_style(TRANSPARENT);
        mesh.x_label_formatter(&across).y_label_formatter(&up);
        mesh.y_labels((height * 2 / 5 / self.text).max(3) as usize).x_labels(match self.across {
            Across::Linear => (width / self.text / 6) as usize,
            Across::Logarithmic => 5,
            Across::Bars => 0,
        });
        if self.y.is_empty() {
            mesh.disable_y_axis().disable_y_mesh();
        }
        mesh.draw()?;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    Plain,
    /// For many points.
    Thin,
    /// With a dot at each point.
    Points,
    /// For reference lines.
    Dashed,
}

#[derive(Debug, Clone)]
pub struct Line {
    /// Empty if the line is not in the legend.
    pub name: String,
    pub colour: RGBColor,
    pub stroke: Stroke,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    pub fn of(name: &str, colour: RGBColor, stroke: Stroke, points: Vec<(f64, f64)>) -> Line {
        Line { name: name.to_owned(), colour, stroke, points }
    }

    /// Not in the legend: the caller draws its label.
    pub fn dashed(from: (f64, f64), to: (f64, f64)) -> Line {
        Line::of("", GUIDE, Stroke::Dashed, vec![from, to])
    }

    pub fn draw(&self, chart: &mut Chart<'_, '_>, text: u32) -> Result<(), Failure> {
        let points = self.points.iter().copied();
        let width = if self.stroke == Stroke::Thin { 1 } else { text.div_ceil(6) };
        let style = self.colour.stroke_width(width);
        match self.stroke {
            Stroke::Dashed => chart.draw_series(DashedLineSeries::new(points, 8, 5, style))?,
            Stroke::Plain | Stroke::Thin | Stroke::Points => {
                chart.draw_series(LineSeries::new(points, style))?
            }
        };
        if self.stroke == Stroke::Points {
            chart
                .draw_series(self.points.iter().map(|&point| Circle::new(point, 4, self.colour.filled())))?;
        }
        Ok(())
    }
}

/// A span of time with its own background, and a name at its top unless the name is empty.
#[derive(Debug, Clone, Copy)]
pub struct Shade<'a> {
    pub from: f64,
    pub to: f64,
    pub colour: RGBColor,
    pub name: &'a str,
}

/// Draws the lines into a chart. The axes reach at least to `least`.
pub fn lines<'a, 'b>(
    area: &'a Area<'b>,
    axes: &Axes<'_>,
    lines: &[Line],
    shades: &[Shade<'_>],
    least: (f64, f64),
) -> Result<Chart<'a, 'b>, Failure> {
    let mut lines = lines.to_vec();
    if axes.across == Across::Logarithmic {
        lines.iter_mut().flat_map(|line| &mut line.points).for_each(|point| point.0 = point.0.log10());
    }
    let at = || lines.iter().flat_map(|line| &line.points).map(|point| point.0);
    let end = at().fold(least.0, f64::max);
    let start = if axes.across == Across::Logarithmic { at().fold(end, f64::min) } else { 0.0 };
    let row = axes.text * 7 / 5;
    let head = if shades.iter().any(|shade| !shade.name.is_empty()) { row + row / 2 } else { row / 2 };
    let (top, left) = Legend { axes, lines: &lines, row, head, end }.place(area.dim_in_pixel());
    let top = if top > 0.0 { top.max(least.1) } else { least.1.max(1.0) };
    let mut chart = axes.chart(area, axes.left(), (start..end, 0.0..top))?;
    for shade in shades {
        chart.draw_series([Rectangle::new([(shade.from, 0.0), (shade.to, top)], shade.colour.filled())])?;
    }
    axes.draw(&mut chart)?;
    for line in &lines {
        line.draw(&mut chart, axes.text)?;
    }
    let inner = chart.plotting_area().strip_coord_spec();
    let width = f64::from(inner.dim_in_pixel().0);
    for shade in shades {
        let place = ((shade.from / end * width) as i32 + 6, (row * 3 / 4) as i32);
        inner.draw(&Text::new(shade.name, place, words(axes.text, HPos::Left, &BLACK)))?;
    }
    let named: Vec<&Line> = lines.iter().filter(|line| !line.name.is_empty()).collect();
    let first = ((left * width) as i32 + 8, (head + row / 2) as i32);
    key(&inner, axes.text, first, (0, row as i32), &named)?;
    Ok(chart)
}

/// Decides where the legend goes: above the lines, in a part of the chart with nothing else in it.
struct Legend<'a> {
    axes: &'a Axes<'a>,
    lines: &'a [Line],
    row: u32,
    /// The height of the row above the legend, which has the shades' names.
    head: u32,
    end: f64,
}

impl Legend<'_> {
    /// Returns the top of the vertical axis, and the legend's left edge as a share of the width. The legend goes to the side where the
    /// lines lose less height.
    fn place(&self, (width, height): (u32, u32)) -> (f64, f64) {
        let text = f64::from(self.axes.text);
        let width = f64::from(width) - text * 8.0;
        let height = f64::from(height) - text * 8.0;
        let names = self.lines.iter().map(|line| line.name.chars().count()).filter(|length| *length > 0);
        let deep = f64::from(self.head + self.row * names.clone().count() as u32 + self.row / 2) / height;
        let wide = (text * (3.0 + 0.48 * names.max().unwrap_or(0) as f64) / width).min(1.0);
        let [left, right] = [0.0, 1.0 - wide].map(|from| (self.top(from, from + wide, deep, height), from));
        if left.0 <= right.0 { left } else { right }
    }

    fn top(&self, from: f64, to: f64, deep: f64, height: f64) -> f64 {
        let shallow = f64::from(self.head) / height;
        let beneath = |a: f64, b: f64| a.min(b) / self.end <= to && a.max(b) / self.end >= from;
        // A segment is under the legend if any part of it is.
        let piece = |pair: &[(f64, f64)]| {
            let (a, b) = (pair[0], pair[pair.len() - 1]);
            a.1.max(b.1) / (1.0 - if beneath(a.0, b.0) { deep } else { shallow })
        };
        let pieces = self.lines.iter().flat_map(|line| line.points.windows(2));
        pieces.map(piece).fold(0.0, f64::max)
    }
}

/// Draws the names with their strokes: the first at this pixel, each other one a `step` further.
pub fn key(
    area: &Area<'_>,
    text: u32,
    first: (i32, i32),
    step: (i32, i32),
    lines: &[&Line],
) -> Result<(), Failure> {
    for (line, nth) in lines.iter().zip(0..) {
        let (x, y) = (first.0 + step.0 * nth, first.1 + step.1 * nth);
        let parts: &[(i32, i32)] =
            if line.stroke == Stroke::Dashed { &[(0, 9), (15, 24)] } else { &[(0, 24)] };
        for (from, to) in parts {
            area.draw(&Rectangle::new([(x + from, y - 2), (x + to, y + 2)], line.colour.filled()))?;
        }
        area.draw(&Text::new(line.name.as_str(), (x + 32, y), words(text, HPos::Left, &BLACK)))?;
    }
    Ok(())
}
