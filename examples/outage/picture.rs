//! Memory over time, overspill against the leaky client, the outage shaded: PNG and SVG.

use super::Failure;
use super::report::Run;
use super::screen::megabytes;
use super::service::Sample;
use super::timeline::Phase;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

const SIZE: (u32, u32) = (1200, 640);
const OURS: RGBColor = RGBColor(0, 104, 139);
const THEIRS: RGBColor = RGBColor(200, 60, 30);
const REFUSED: RGBColor = RGBColor(255, 225, 215);
const TARPIT: RGBColor = RGBColor(255, 240, 205);

pub fn draw(run: &Run) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let (png, svg) = (run.arguments.out.join("outage.png"), run.arguments.out.join("outage.svg"));
    draw_on(&BitMapBackend::new(&png, SIZE).into_drawing_area(), run)?;
    draw_on(&SVGBackend::new(&svg, SIZE).into_drawing_area(), run)
}

/// Without the last sample, which was taken after the load had ended.
fn points(said: &[(f64, Sample)]) -> Vec<(f64, f64)> {
    said.iter()
        .take(said.len().saturating_sub(1))
        .map(|(at, sample)| (*at, megabytes(sample.rss_bytes)))
        .collect()
}

fn draw_on<B: DrawingBackend>(area: &DrawingArea<B, Shift>, run: &Run) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    let (ours, theirs) = (points(&run.ours), points(&run.theirs));
    let highest = ours.iter().chain(&theirs).map(|point| point.1).fold(1.0, f64::max) * 1.15;
    let end = ours.last().map_or(1.0, |point| point.0);
    area.fill(&WHITE)?;
    let title = format!("Resident memory while the endpoint is away, {} events/s", run.arguments.rate);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 26))
        .margin(18)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    for &(phase, from, to) in &run.outage {
        let colour = if phase == Phase::Tarpit { TARPIT } else { REFUSED };
        chart.draw_series([Rectangle::new([(from, 0.0), (to, highest)], colour.filled())])?;
        let label = format!("endpoint: {}", phase.name());
        chart.draw_series([Text::new(label, (from + end * 0.01, highest * 0.97), ("sans-serif", 17))])?;
    }
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("MB")
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 18))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    for (points, colour, label) in [
        (theirs, THEIRS, "the leaky client: failed posts kept in a Vec"),
        (ours, OURS, "overspill: failed posts written to the log"),
    ] {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(3)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 26, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 17))
        .legend_area_size(34)
        .draw()?;
    area.present()?;
    Ok(())
}
