//! The chart of the page: events over time by reason, with the outages
//! shaded. SVG inside the page, in its colours, light or dark.

use super::summary::Summary;
use super::words;
use crate::units::moment;
use overspill::Reason;
use plotters::prelude::*;

const SIZE: (u32, u32) = (1_000, 340);
/// Placeholders that plotters draws; the colours of the page's style replace them.
const INK: RGBColor = RGBColor(1, 2, 3);
const SHADE: RGBColor = RGBColor(4, 5, 6);

/// The colour of each reason: the same in the chart and in the table.
pub(crate) fn colour(reason: Reason) -> RGBColor {
    match reason {
        Reason::Outage => RGBColor(217, 95, 2),
        Reason::Connect => RGBColor(117, 112, 179),
        Reason::Timeout => RGBColor(231, 41, 138),
        Reason::Broken => RGBColor(166, 118, 29),
        Reason::Unavailable => RGBColor(102, 166, 30),
        Reason::Refused => RGBColor(200, 40, 40),
        Reason::Denied => RGBColor(140, 20, 90),
        Reason::QueueFull => RGBColor(27, 158, 119),
        Reason::Deadline => RGBColor(70, 130, 200),
        Reason::LogOnly => RGBColor(120, 160, 190),
        _ => RGBColor(130, 130, 130),
    }
}

pub(crate) fn hex(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// The chart, or the error from plotters.
pub(crate) fn svg(summary: &Summary) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, summary).map_err(|error| error.to_string())?;
    let svg = svg.replace(&hex(INK).to_uppercase(), "currentColor");
    let svg = svg.replace(&hex(SHADE).to_uppercase(), "var(--out)");
    // Scales with the page.
    let (width, height) = SIZE;
    let fixed = format!("width=\"{width}\" height=\"{height}\" ");
    Ok(svg.replacen(&fixed, "", 1).replacen("<svg ", "<svg role=\"img\" aria-label=\"Events over time\" ", 1))
}

fn draw(svg: &mut String, summary: &Summary) -> Result<(), Box<dyn std::error::Error>> {
    let timeline = &summary.books.timeline;
    let width = timeline.width().as_secs_f64();
    let length = (timeline.buckets().len().max(1) as f64) * width;
    let highest =
        timeline.buckets().map(|bucket| bucket.iter().sum::<u64>()).max().unwrap_or(1).max(1) as f64;
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..length, 0.0..highest * 1.08)?;
    let since = |at: std::time::SystemTime| {
        at.duration_since(timeline.start()).map_or(0.0, |since| since.as_secs_f64()).clamp(0.0, length)
    };
    for row in &summary.rows {
        let (from, to) = (since(row.began), row.ended.map_or(length, since));
        // Makes a short outage visible too.
        let to = to.max((from + length / 400.0).min(length));
        chart.draw_series([Rectangle::new([(from, 0.0), (to, highest * 1.08)], SHADE.filled())])?;
    }
    let long = length > 86_400.0;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(("sans-serif", 14, &INK))
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|seconds| {
            let text = moment(timeline.start() + std::time::Duration::from_secs_f64(seconds.max(0.0)));
            if long { text[5..16].to_owned() } else { text[11..].to_owned() }
        })
        .y_label_formatter(&|events| crate::units::grouped(*events as u64))
        .draw()?;
    let order = words::reasons(&summary.books.by_reason);
    for (nth, bucket) in timeline.buckets().enumerate() {
        let (from, to) = (nth as f64 * width, (nth as f64 + 0.92) * width);
        let mut below = 0.0;
        for (reason, _) in &order {
            let events = bucket[super::books::index(*reason)] as f64;
            if events > 0.0 {
                let bar = Rectangle::new([(from, below), (to, below + events)], colour(*reason).filled());
                chart.draw_series([bar])?;
                below += events;
            }
        }
    }
    area.present()?;
    drop(chart);
    Ok(())
}
