//! Draws memory over time, and what the telemetry client held at each profile: PNG and SVG.

use super::judge::{Experiment, Variant};
use super::{Failure, Role};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const SIZE: (u32, u32) = (1200, 900);
const COLOURS: [RGBColor; 3] = [RGBColor(200, 60, 30), RGBColor(120, 120, 120), RGBColor(0, 104, 139)];
const SHORT: [&str; 3] = ["the leaky client", "mode Off", "overspill"];
const GONE: RGBColor = RGBColor(255, 232, 222);

pub fn draw(experiment: &Experiment, out: &Path) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let (png, svg) = (out.join("leak_experiment.png"), out.join("leak_experiment.svg"));
    draw_on(&BitMapBackend::new(&png, SIZE).into_drawing_area(), experiment)?;
    draw_on(&SVGBackend::new(&svg, SIZE).into_drawing_area(), experiment)
}

fn draw_on<B: DrawingBackend>(area: &DrawingArea<B, Shift>, experiment: &Experiment) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let (upper, lower) = area.split_vertically(500);
    memory(&upper, experiment)?;
    held(&lower, experiment)?;
    area.present()?;
    Ok(())
}

/// Labels of axes.
fn whole(number: &f64) -> String {
    format!("{number:.0}")
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The upper half: the three lines.
fn memory<B: DrawingBackend>(area: &DrawingArea<B, Shift>, experiment: &Experiment) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    let points = |variant: &Variant| -> Vec<(f64, f64)> {
        let seen = variant.seen.samples.iter().filter(|(at, _)| *at <= experiment.ended_at);
        seen.map(|(at, sample)| (*at, megabytes(sample.rss_bytes))).collect()
    };
    let lines: Vec<Vec<(f64, f64)>> = experiment.variants.iter().map(points).collect();
    let highest = lines.iter().flatten().map(|point| point.1).fold(1.0, f64::max) * 1.2;
    let end = experiment.ended_at * 1.02;
    let title =
        format!("Memory of one service while its telemetry endpoint is gone, {} events/s", experiment.rate);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 26))
        .margin(18)
        .x_label_area_size(48)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    chart.draw_series([Rectangle::new([(experiment.cut_at, 0.0), (end, highest)], GONE.filled())])?;
    let label = ("sans-serif", 17).into_font();
    chart.draw_series([Text::new("the endpoint is gone", (end * 0.38, highest * 0.9), label.clone())])?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("resident memory, MB")
        .x_label_formatter(&whole)
        .y_label_formatter(&whole)
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 18))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    for ((at, _, _), number) in experiment.variants[0].seen.profiles.iter().zip(1..) {
        let dashes = (0..40).step_by(2).map(|dash| {
            let part = |dash: i32| highest * f64::from(dash) / 40.0;
            PathElement::new([(*at, part(dash)), (*at, part(dash + 1))], BLACK.mix(0.5))
        });
        chart.draw_series(dashes)?;
        let style = label.clone().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Top));
        chart.draw_series([Text::new(format!("profile {number} "), (*at, highest * 0.99), style)])?;
    }
    for ((line, variant), colour) in lines.into_iter().zip(&experiment.variants).zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(3)))?
            .label(variant.title)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 26, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(8, 44))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 17))
        .legend_area_size(34)
        .draw()?;
    Ok(())
}

/// The lower half: three bars for each variant.
fn held<B: DrawingBackend>(area: &DrawingArea<B, Shift>, experiment: &Experiment) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    let all = experiment.variants.iter().flat_map(|variant| &variant.client);
    let highest = all.map(|held| megabytes(held.bytes)).fold(1.0, f64::max) * 1.25;
    let mut chart = ChartBuilder::on(area)
        .caption("What the telemetry client's own call stacks held at each profile", ("sans-serif", 24))
        .margin(18)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..3.0, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_desc("heap, MB")
        .y_label_formatter(&whole)
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 18))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    let centred =
        |size| ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Bottom));
    for (((variant, left), colour), name) in
        experiment.variants.iter().zip([0.0, 1.0, 2.0]).zip(COLOURS).zip(SHORT)
    {
        for (held, bar) in variant.client.iter().zip([0.14, 0.38, 0.62]) {
            let (from, to, top) = (left + bar, left + bar + 0.22, megabytes(held.bytes));
            chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], colour.filled())])?;
            let words = format!("{top:.1}");
            chart.draw_series([Text::new(words, (from + 0.11, top + highest * 0.015), centred(17))])?;
        }
        chart.draw_series([Text::new(name, (left + 0.49, highest * 0.9), centred(19))])?;
        if let (Role::Overspill, Some((_, sample))) = (variant.role, variant.seen.samples.last()) {
            let bound = megabytes(sample.memory_bound);
            let line = [(left + 0.1, bound), (left + 0.88, bound)];
            chart.draw_series([PathElement::new(line, colour.stroke_width(2))])?;
            let words = format!("its memory bound: {bound:.1}");
            chart.draw_series([Text::new(words, (left + 0.49, bound + highest * 0.015), centred(17))])?;
        }
    }
    let below = ("sans-serif", 16).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Bottom));
    let (width, height) = area.dim_in_pixel();
    let place = (width as i32 / 2, height as i32 - 12);
    area.draw(&Text::new("profiles 1, 2 and 3 of each", place, below))?;
    Ok(())
}
