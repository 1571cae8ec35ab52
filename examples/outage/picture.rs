//! The run as a picture: memory at the top, where the events went below, the outage shaded. SVG, which every browser opens.

use super::Failure;
use super::report::Run;
use super::screen::megabytes;
use super::service::Sample;
use super::timeline::Phase;
use plotters::chart::SeriesLabelStyle;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

const SIZE: (u32, u32) = (1200, 640);
const OURS: RGBColor = RGBColor(0, 104, 139);
const THEIRS: RGBColor = RGBColor(200, 60, 30);
const DELIVERED: RGBColor = RGBColor(60, 140, 80);
const IN_THE_LOG: RGBColor = RGBColor(196, 128, 0);
const REFUSED: RGBColor = RGBColor(255, 225, 215);
const TARPIT: RGBColor = RGBColor(255, 240, 205);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A line of a chart: its points, its colour, its name.
type Line = (Vec<(f64, f64)>, RGBColor, &'static str);

pub fn draw(run: &Run) -> Result<(), Failure> {
    let file = run.arguments.out.join("outage.svg");
    let area = SVGBackend::new(&file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (memory, events) = area.split_vertically(365);
    let title = format!(
        "The endpoint goes away: kept events fill the memory, overspill's stays flat ({} events/s each)",
        grouped(run.arguments.rate as f64)
    );
    chart(
        &memory,
        run,
        (&title, "resident memory, MB"),
        [
            (memory_of(&run.theirs), THEIRS, "leaky client: keeps failed posts in a Vec"),
            (memory_of(&run.ours), OURS, "overspill: writes them to the log"),
        ],
    )?;
    chart(
        &events,
        run,
        (&fates(run), "events/s"),
        [
            (rates_of(&run.ours, |sample| sample.delivered), DELIVERED, "delivered to the endpoint"),
            (rates_of(&run.ours, |sample| sample.spilled), IN_THE_LOG, "written to the log"),
        ],
    )?;
    area.present()?;
    Ok(())
}

/// What became of overspill's events, in numbers.
fn fates(run: &Run) -> String {
    let count = |of: fn(&Sample) -> u64| run.ours.last().map_or(0, |(_, sample)| of(sample));
    format!(
        "What became of overspill's events: {} delivered, {} in the log, {} lost",
        grouped(count(|sample| sample.delivered) as f64),
        grouped(count(|sample| sample.spilled) as f64),
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

fn chart(area: &Area<'_>, run: &Run, (title, unit): (&str, &str), lines: [Line; 2]) -> Result<(), Failure> {
    let highest = lines.iter().flat_map(|line| &line.0).map(|point| point.1).fold(1.0, f64::max) * 1.2;
    let end = run.ours.last().map_or(1.0, |(at, _)| *at);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    shade(&mut chart, run, (end, highest))?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc(unit)
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|value| grouped(*value))
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 17))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (points, colour, name) in lines {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(3)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 26, y)], colour.stroke_width(3)));
    }
    legend(chart.configure_series_labels())?;
    Ok(())
}

/// 20000.0 as 20,000.
fn grouped(value: f64) -> String {
    let (thousands, rest) = (value as u64 / 1000, value as u64 % 1000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}

fn shade(chart: &mut Chart<'_, '_>, run: &Run, (end, highest): (f64, f64)) -> Result<(), Failure> {
    for &(phase, from, to) in &run.outage {
        let colour = if phase == Phase::Tarpit { TARPIT } else { REFUSED };
        chart.draw_series([Rectangle::new([(from, 0.0), (to, highest)], colour.filled())])?;
        let label = if phase == Phase::Tarpit { "endpoint hangs" } else { "endpoint refuses connections" };
        chart.draw_series([Text::new(label, (from + end * 0.01, highest * 0.97), ("sans-serif", 17))])?;
    }
    Ok(())
}

fn legend<'b>(
    mut labels: SeriesLabelStyle<'b, '_, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
) -> Result<(), Failure> {
    labels
        .position(SeriesLabelPosition::MiddleLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 17))
        .legend_area_size(34)
        .draw()?;
    Ok(())
}
