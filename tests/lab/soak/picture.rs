//! Draws RSS and bytes held over time, with the endpoint's troubles shaded: PNG and SVG.

use super::Failure;
use super::driver::Run;
use super::report::series;
use super::service::Sample;
use super::slope::Slope;
use super::weather::{WARM_UP, Weather};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

const SIZE: (u32, u32) = (1200, 720);
const LINE: RGBColor = RGBColor(0, 104, 139);
const TREND: RGBColor = RGBColor(200, 60, 30);
/// In the order of [`Weather::TROUBLES`].
const SHADES: [RGBColor; 5] = [
    RGBColor(255, 215, 205),
    RGBColor(255, 236, 190),
    RGBColor(225, 215, 245),
    RGBColor(215, 232, 250),
    RGBColor(222, 240, 215),
];

pub fn draw(run: &Run) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let (png, svg) = (run.arguments.out.join("soak.png"), run.arguments.out.join("soak.svg"));
    draw_on(&BitMapBackend::new(&png, SIZE).into_drawing_area(), run)?;
    draw_on(&SVGBackend::new(&svg, SIZE).into_drawing_area(), run)
}

fn draw_on<B: DrawingBackend>(area: &DrawingArea<B, Shift>, run: &Run) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    let allocator = run.samples.first().map_or("", |sample| sample.allocator.as_str());
    let (above, below) = area.split_vertically(SIZE.1 / 2);
    let title = format!("Resident memory, KB ({allocator}); the line is the trend after warm-up");
    panel(&above, run, &title, |sample| sample.rss_bytes, Legend::Shown)?;
    panel(&below, run, "Bytes of events held, KB", |sample| sample.held_bytes, Legend::None)?;
    area.present()?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Legend {
    Shown,
    None,
}

fn panel<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    run: &Run,
    title: &str,
    of: fn(&Sample) -> u64,
    legend: Legend,
) -> Result<(), Failure>
where
    B::ErrorType: 'static,
{
    let end = run.arguments.seconds as f64;
    let points: Vec<(f64, f64)> =
        run.samples.iter().map(|sample| (sample.seconds.min(end), of(sample) as f64 / 1000.0)).collect();
    let highest = points.iter().map(|point| point.1).fold(1.0, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(14)
        .margin_right(28)
        .x_label_area_size(44)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    for (name, shade) in Weather::TROUBLES.into_iter().zip(SHADES) {
        let of_kind = run.troubles.iter().filter(|(.., weather)| weather.name() == name);
        let shaded = chart.draw_series(
            of_kind.map(|&(from, to, _)| Rectangle::new([(from, 0.0), (to, highest)], shade.filled())),
        )?;
        if legend == Legend::Shown {
            shaded
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 7), (x + 24, y + 7)], shade.filled()));
        }
    }
    chart
        .configure_mesh()
        .disable_x_mesh()
        .y_label_formatter(&|value| format!("{value:.0}"))
        .x_label_formatter(&|value| format!("{value:.0} s"))
        .label_style(("sans-serif", 16))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    chart.draw_series(LineSeries::new(points, LINE.stroke_width(1)))?;
    let warm = end * WARM_UP;
    chart.draw_series(DashedLineSeries::new(
        [(warm, 0.0), (warm, highest)],
        5,
        5,
        BLACK.mix(0.5).stroke_width(1),
    ))?;
    if let Some(slope) = Slope::of(&series(run, of)) {
        chart.draw_series(LineSeries::new([slope.from, slope.to], TREND.stroke_width(2)))?;
    }
    if legend == Legend::Shown {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 15))
            .legend_area_size(34)
            .draw()?;
    }
    Ok(())
}
