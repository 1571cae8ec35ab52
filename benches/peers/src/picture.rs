//! Pictures of the raw data, as PNG and SVG: bars with quartiles, and lines.

use crate::Failure;
use crate::statistics::Spread;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const SIZE: (u32, u32) = (1100, 540);
const OURS: RGBColor = RGBColor(0, 104, 139);
const THEIRS: RGBColor = RGBColor(150, 150, 150);
const COLOURS: [RGBColor; 5] =
    [OURS, RGBColor(200, 60, 30), RGBColor(110, 110, 110), RGBColor(90, 140, 40), RGBColor(150, 80, 160)];

pub struct Bar {
    pub label: String,
    pub ours: bool,
    pub value: Spread,
}

pub struct Line {
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

/// The axes of a line chart, and their scales.
pub struct Axes<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub logarithmic: Logarithmic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logarithmic {
    X,
    Neither,
    Both,
}

/// Horizontal bars on a logarithmic axis, with the quartiles as a line and an optional vertical line for comparison.
pub fn bars(path: &Path, title: &str, bars: &[Bar], at: Option<f64>) -> Result<(), Failure> {
    on_both(path, |png, svg| match (png, svg) {
        (Some(area), _) => draw_bars(&area, title, bars, at),
        (_, Some(area)) => draw_bars(&area, title, bars, at),
        _ => Ok(()),
    })
}

/// A line per series, with its points.
pub fn lines(path: &Path, axes: &Axes<'_>, lines: &[Line]) -> Result<(), Failure> {
    on_both(path, |png, svg| match (png, svg) {
        (Some(area), _) => draw_lines(&area, axes, lines),
        (_, Some(area)) => draw_lines(&area, axes, lines),
        _ => Ok(()),
    })
}

type Area<B> = DrawingArea<B, Shift>;
type Draw<'a> =
    &'a dyn Fn(Option<Area<BitMapBackend<'_>>>, Option<Area<SVGBackend<'_>>>) -> Result<(), Failure>;

fn on_both(
    path: &Path,
    draw: impl Fn(Option<Area<BitMapBackend<'_>>>, Option<Area<SVGBackend<'_>>>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let (png, svg) = (path.with_extension("png"), path.with_extension("svg"));
    let draw: Draw<'_> = &draw;
    draw(Some(BitMapBackend::new(&png, SIZE).into_drawing_area()), None)?;
    draw(None, Some(SVGBackend::new(&svg, SIZE).into_drawing_area()))
}

/// A figure on an axis, without insignificant digits.
fn mark(value: f64) -> String {
    let text = crate::output::short(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn draw_bars<B: DrawingBackend>(
    area: &Area<B>,
    title: &str,
    bars: &[Bar],
    at: Option<f64>,
) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let values = bars.iter().map(|bar| bar.value.high).chain(at);
    let highest = values.clone().fold(f64::MIN_POSITIVE, f64::max) * 1.9;
    let lowest = bars.iter().map(|bar| bar.value.low).chain(at).fold(f64::MAX, f64::min) / 1.6;
    let rows = bars.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(14)
        .margin_left(400)
        .x_label_area_size(34)
        .build_cartesian_2d((lowest..highest).log_scale(), rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_label_formatter(&|value| mark(*value))
        .label_style(("sans-serif", 15))
        .draw()?;
    let right = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
    let left = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    for (nth, bar) in bars.iter().enumerate() {
        let row = nth as f64;
        let colour = if bar.ours { OURS } else { THEIRS };
        chart.draw_series([Rectangle::new(
            [(lowest, row + 0.2), (bar.value.median, row + 0.8)],
            colour.filled(),
        )])?;
        let whisker = [(bar.value.low, row + 0.5), (bar.value.high, row + 0.5)];
        chart.draw_series([PathElement::new(whisker, BLACK.stroke_width(2))])?;
        let said = crate::output::short(bar.value.median);
        let beside = (bar.value.high.max(bar.value.median) * 1.06, row + 0.5);
        chart.draw_series([Text::new(said, beside, left.clone())])?;
        let (x, y) = chart.backend_coord(&(lowest, row + 0.5));
        area.draw(&Text::new(bar.label.clone(), (x - 8, y), right.clone()))?;
    }
    if let Some(at) = at {
        chart.draw_series([PathElement::new(
            [(at, 0.0), (at, rows)],
            RGBColor(200, 60, 30).stroke_width(2),
        )])?;
    }
    area.present()?;
    Ok(())
}

fn draw_lines<B: DrawingBackend>(area: &Area<B>, axes: &Axes<'_>, lines: &[Line]) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let all = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (left, right) = all().fold((f64::MAX, f64::MIN), |ends, (x, _)| (ends.0.min(x), ends.1.max(x)));
    let (bottom, top) = all().fold((f64::MAX, f64::MIN), |ends, (_, y)| (ends.0.min(y), ends.1.max(y)));
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(axes.title, ("sans-serif", 22))
        .margin(14)
        .margin_right(28)
        .x_label_area_size(46)
        .y_label_area_size(82);
    macro_rules! draw {
        ($x:expr, $y:expr) => {{
            let mut chart = builder.build_cartesian_2d($x, $y)?;
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
            for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
                chart
                    .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
                    .label(line.label.clone())
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
                chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .label_font(("sans-serif", 15))
                .legend_area_size(30)
                .draw()?;
        }};
    }
    let (low, high) = (bottom / 1.5, top * 2.5);
    match axes.logarithmic {
        Logarithmic::X => draw!((left..right).log_scale(), 0.0..top * 1.3),
        Logarithmic::Neither => draw!(left..right, 0.0..top * 1.3),
        Logarithmic::Both => draw!((left..right).log_scale(), (low..high).log_scale()),
    }
    area.present()?;
    Ok(())
}
