//! RSS and bytes held over time, with the endpoint's troubles shaded.

use super::Failure;
use super::driver::Run;
use super::plot::{Area, Axes, Line, OURS, Shade, Stroke, WHOLE, canvas, key, lines, mark};
use super::report::series;
use super::service::Sample;
use super::slope::Slope;
use super::weather::{WARM_UP, Weather};
use plotters::prelude::RGBColor;
use std::path::Path;

/// In the order of [`Weather::TROUBLES`].
const SHADES: [RGBColor; 5] = [
    RGBColor(255, 215, 205),
    RGBColor(255, 236, 190),
    RGBColor(225, 215, 245),
    RGBColor(215, 232, 250),
    RGBColor(222, 240, 215),
];

pub fn draw(run: &Run, file: &Path) -> Result<(), Failure> {
    let area = canvas(file, (1200, 780))?;
    let (charts, below) = area.split_vertically(740);
    let (above, held) = charts.split_vertically(370);
    let allocator = run.samples.first().map_or("", |sample| sample.allocator.as_str());
    let title = format!(
        "Memory through {} troubles of the endpoint ({allocator}); dashed: its trend after the warm-up",
        mark(run.troubles.len() as f64)
    );
    panel(&above, run, (&title, "resident memory, KB"), |sample| sample.rss_bytes)?;
    panel(&held, run, ("What the client holds", "bytes of events, KB"), |sample| sample.held_bytes)?;
    let named = Weather::TROUBLES.into_iter().zip(SHADES);
    let named: Vec<Line> =
        named.map(|(name, shade)| Line::of(name, shade, Stroke::Plain, Vec::new())).collect();
    key(&below, WHOLE, (100, 12), (140, 0), &named.iter().collect::<Vec<_>>())?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &Area<'_>,
    run: &Run,
    (title, unit): (&str, &str),
    of: fn(&Sample) -> u64,
) -> Result<(), Failure> {
    let end = run.arguments.seconds as f64;
    let points =
        run.samples.iter().map(|sample| (sample.seconds.min(end), of(sample) as f64 / 1000.0)).collect();
    let shade = |&(from, to, weather): &(f64, f64, Weather)| {
        let kind = Weather::TROUBLES.into_iter().zip(SHADES).find(|(name, _)| weather.name() == *name)?;
        Some(Shade { from, to, colour: kind.1, name: "" })
    };
    let shades: Vec<Shade<'_>> = run.troubles.iter().filter_map(shade).collect();
    let mut all = vec![Line::of("", OURS, Stroke::Thin, points)];
    all.extend(Slope::of(&series(run, of)).map(|slope| Line::dashed(slope.from, slope.to)));
    let mut chart = lines(area, &Axes::of(title, "seconds", unit), &all, &shades, (end, 0.0))?;
    let top = chart.y_range().end;
    Line::dashed((end * WARM_UP, 0.0), (end * WARM_UP, top)).draw(&mut chart, WHOLE)
}
