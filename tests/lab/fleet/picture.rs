//! The endpoint's day: requests per 100 ms, probes apart, and below them how many clients are out. PNG and SVG.

use super::Failure;
use super::chronicle::{Edge, TICK};
use super::measure::Figures;
use super::simulation::{END, Outcome, Plan, TROUBLES};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::register_font;
use std::path::Path;

const SIZE: (u32, u32) = (1200, 720);
const LOAD: RGBColor = RGBColor(0, 104, 139);
const PROBES: RGBColor = RGBColor(200, 60, 30);
const LIVE: RGBColor = RGBColor(90, 90, 90);
const TROUBLE: RGBColor = RGBColor(255, 228, 215);
const LIMIT: RGBColor = RGBColor(150, 150, 150);

struct View<'a> {
    outcome: &'a Outcome,
    figures: &'a Figures,
    plan: &'a Plan,
}

pub fn draw(outcome: &Outcome, figures: &Figures, plan: &Plan, out: &Path) -> Result<(), Failure> {
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "the font cannot be read")?;
    let view = View { outcome, figures, plan };
    let (png, svg) = (out.join("fleet.png"), out.join("fleet.svg"));
    view.draw_on(&BitMapBackend::new(&png, SIZE).into_drawing_area())?;
    view.draw_on(&SVGBackend::new(&svg, SIZE).into_drawing_area())
}

impl View<'_> {
    fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), Failure>
    where
        B::ErrorType: 'static,
    {
        area.fill(&WHITE)?;
        let (load, clients) = area.split_vertically(SIZE.1 * 7 / 10);
        self.load(&load)?;
        self.clients(&clients)?;
        area.present()?;
        Ok(())
    }

    fn load<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), Failure>
    where
        B::ErrorType: 'static,
    {
        let live = self.figures.live_rate;
        let limit = live * self.plan.capacity;
        let ticks = || self.outcome.notes.ticks.iter().enumerate();
        let at = |nth: usize| nth as f64 * TICK.as_secs_f64();
        let highest = ticks().map(|(_, tick)| tick.requests as f64).fold(limit, f64::max) * 1.32;
        let end = END.as_secs_f64();
        let mut chart = ChartBuilder::on(area)
            .caption(
                format!(
                    "{} clients lose their endpoint twice, and come back without a storm of requests",
                    self.plan.clients
                ),
                ("sans-serif", 24),
            )
            .margin(18)
            .margin_right(28)
            .x_label_area_size(24)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..end, 0.0..highest)?;
        for trouble in TROUBLES {
            let (from, to) = (trouble.from.as_secs_f64(), trouble.healed.as_secs_f64());
            chart.draw_series([Rectangle::new([(from, 0.0), (to, highest)], TROUBLE.filled())])?;
            let label = (trouble.name, (from + end * 0.005, highest * 0.74));
            chart.draw_series([Text::new(label.0, label.1, ("sans-serif", 17))])?;
        }
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_label_formatter(&|value| format!("{value:.0} s"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_desc("requests per 100 ms")
            .label_style(("sans-serif", 16))
            .axis_desc_style(("sans-serif", 18))
            .light_line_style(WHITE.mix(0.0))
            .draw()?;
        chart
            .draw_series(LineSeries::new(
                ticks().map(|(nth, tick)| (at(nth), tick.requests as f64)),
                LOAD.stroke_width(1),
            ))?
            .label("all requests")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 26, y)], LOAD.stroke_width(3)));
        chart
            .draw_series(LineSeries::new(
                ticks().map(|(nth, tick)| (at(nth), tick.probes as f64)),
                PROBES.stroke_width(1),
            ))?
            .label("probes of clients that are out")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 26, y)], PROBES.stroke_width(3)));
        for (height, colour, label) in [
            (live, LIVE, "live rate: the mean before the first trouble"),
            (limit, LIMIT, "the endpoint's limit"),
        ] {
            chart
                .draw_series(DashedLineSeries::new(
                    [(0.0, height), (end, height)],
                    8,
                    5,
                    colour.stroke_width(2),
                ))?
                .label(label)
                .legend(move |(x, y)| {
                    DashedPathElement::new([(x, y), (x + 26, y)], 8, 5, colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 16))
            .legend_area_size(34)
            .draw()?;
        Ok(())
    }

    fn clients<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), Failure>
    where
        B::ErrorType: 'static,
    {
        let (all, end) = (self.plan.clients as f64, END.as_secs_f64());
        let mut steps = vec![(0.0, 0.0)];
        let mut out = 0.0;
        for &(at, _, edge) in &self.outcome.notes.edges {
            steps.push((at.as_secs_f64(), out));
            out += if edge == Edge::Began { 1.0 } else { -1.0 };
            steps.push((at.as_secs_f64(), out));
        }
        steps.push((end, out));
        let mut chart = ChartBuilder::on(area)
            .margin(18)
            .margin_top(0)
            .margin_right(28)
            .x_label_area_size(30)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..end, 0.0..all * 1.1)?;
        for trouble in TROUBLES {
            let (from, to) = (trouble.from.as_secs_f64(), trouble.healed.as_secs_f64());
            chart.draw_series([Rectangle::new([(from, 0.0), (to, all * 1.1)], TROUBLE.filled())])?;
        }
        chart
            .configure_mesh()
            .disable_x_mesh()
            .y_labels(4)
            .x_label_formatter(&|value| format!("{value:.0} s"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_desc("clients out")
            .label_style(("sans-serif", 16))
            .axis_desc_style(("sans-serif", 18))
            .light_line_style(WHITE.mix(0.0))
            .draw()?;
        chart.draw_series(AreaSeries::new(steps, 0.0, LOAD.mix(0.25)).border_style(LOAD.stroke_width(2)))?;
        Ok(())
    }
}
