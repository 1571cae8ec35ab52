//! Draws the pictures of a chapter from its tables, and for an outage from its raw data. So a picture can be redrawn without a new
//! measurement, and it always agrees with its table.

use crate::Failure;
use crate::output::short;
use crate::picture::{self, Bar, InOutage};
use crate::plot::{Across, Axes, Stroke};
use crate::statistics::Spread;
use serde_json::Value;
use std::path::Path;

/// Draws the pictures of a chapter into the folder. Does nothing for a chapter without pictures.
pub fn draw(command: &str, chapter: &str, folder: &Path) -> Result<(), Failure> {
    match command {
        "call" => call(chapter, folder),
        "wire" => wire(chapter, folder),
        "sweep" => SWEEPS.iter().try_for_each(|sweep| sweep.draw(chapter, folder)),
        "outage" => outage(folder),
        _ => Ok(()),
    }
}

/// The rows of the table whose first heading begins with `head`: for each, the label without Markdown, and the cells.
fn rows(chapter: &str, head: &str) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let start = chapter.find(&format!("| {head}")).ok_or_else(|| format!("there is no table \"{head}\""))?;
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let label = cells.next().unwrap_or_default().replace(['*', '`'], "");
        (label, cells.collect())
    };
    Ok(chapter[start..].lines().take_while(|line| line.starts_with('|')).skip(2).map(row).collect())
}

/// Parses `0.84 (0.78 – 0.98)`, or a single figure.
fn spread(cell: &str) -> Option<Spread> {
    let figure = |text: &str| text.trim_matches(['(', ')', ' ']).replace(',', "").parse::<f64>().ok();
    let (median, quartiles) = cell.split_once(' ').unwrap_or((cell, ""));
    let median = figure(median)?;
    let (low, high) = quartiles
        .split_once('–')
        .and_then(|(low, high)| Some((figure(low)?, figure(high)?)))
        .unwrap_or((median, median));
    Some(Spread { low, median, high })
}

fn bars_of(chapter: &str, head: &str, column: usize) -> Result<Vec<Bar>, Failure> {
    let bar = |(label, cells): (String, Vec<String>)| Some(Bar { label, value: spread(cells.get(column)?)? });
    Ok(rows(chapter, head)?.into_iter().filter_map(bar).collect())
}

/// The lowest and the highest median.
fn range(bars: &[Bar]) -> (f64, f64) {
    let ends = (f64::MAX, f64::MIN);
    bars.iter().map(|bar| bar.value.median).fold(ends, |(low, high), value| (low.min(value), high.max(value)))
}

fn ours(bars: &[Bar]) -> f64 {
    bars.iter().find(|bar| bar.label == "overspill").map_or(f64::NAN, |bar| bar.value.median)
}

fn peers(bars: Vec<Bar>) -> Vec<Bar> {
    bars.into_iter().filter(|bar| !bar.label.contains(": ") && !bar.label.contains("overspill")).collect()
}

fn call(chapter: &str, folder: &Path) -> Result<(), Failure> {
    let head = "a call, one producer";
    let (low, high) = range(&peers(bars_of(chapter, head, 1)?));
    let mut bars = bars_of(chapter, head, 1)?;
    // The first row compares the floor with itself.
    bars.retain(|bar| !bar.label.starts_with("floor: serde_json::to_writer"));
    let message = format!(
        "A call of overspill costs {} of encoding its event by serde_json; others cost {} to {} of it",
        short(ours(&bars)),
        short(low),
        short(high)
    );
    for bar in &mut bars {
        bar.label = bar.label.replace("floor: ", "a part: ");
    }
    let axes = Axes::of(&message, "time of a call ÷ time of serde_json::to_writer", "");
    picture::bars(&folder.join("call.png"), &axes, &bars, Some((1.0, "serde_json::to_writer")))
}

fn wire(chapter: &str, folder: &Path) -> Result<(), Failure> {
    let head = "emit to 2xx";
    let (low, high) = range(&peers(bars_of(chapter, head, 2)?));
    let bars = bars_of(chapter, head, 2)?;
    let message = format!(
        "From emit to the 2xx: {} s of CPU for a million events; other clients {} to {} s",
        short(ours(&bars)),
        short(low),
        short(high)
    );
    let axes = Axes::of(&message, "CPU seconds per million events", "");
    picture::bars(&folder.join("wire.png"), &axes, &bars, None)
}

/// A table of the sweep, and what its picture says.
struct Sweep {
    name: &'static str,
    head: &'static str,
    y: &'static str,
    across: Across,
    message: fn(&[(f64, f64)]) -> String,
}

fn at(points: &[(f64, f64)], x: f64) -> String {
    points.iter().find(|point| point.0 == x).map_or_else(|| "?".to_owned(), |point| short(point.1))
}

fn most(points: &[(f64, f64)]) -> String {
    short(points.iter().map(|point| point.1).fold(0.0, f64::max))
}

const SWEEPS: [Sweep; 6] = [
    Sweep {
        name: "bytes",
        head: "bytes of JSON per event",
        y: "ns per call",
        across: Across::Linear,
        message: |points| {
            format!(
                "A call's time grows with its event: {} ns for 1,000 bytes, {} ns for 32,000",
                at(points, 1000.0),
                at(points, 32000.0)
            )
        },
    },
    Sweep {
        name: "producers",
        head: "producers, all at once",
        y: "ns per event, all together",
        across: Across::Linear,
        message: |points| {
            format!(
                "More producers do not slow each other down: {} ns with one, {} ns with sixteen",
                at(points, 1.0),
                at(points, 16.0)
            )
        },
    },
    Sweep {
        name: "clients",
        head: "clients in the process, taken in turn",
        y: "ns per call",
        across: Across::Linear,
        message: |points| {
            format!(
                "A hundred clients in a process: a call costs {} ns instead of {}",
                at(points, 100.0),
                at(points, 1.0)
            )
        },
    },
    Sweep {
        name: "idle",
        head: "idle clients in the process",
        y: "KiB of RSS per client after the first",
        across: Across::Linear,
        message: |points| format!("An idle client holds {} KiB at most", most(points)),
    },
    Sweep {
        name: "connected",
        head: "idle clients, each with its connection open",
        y: "KiB of RSS per client after the first",
        across: Across::Linear,
        message: |points| format!("With its connection open, a client holds {} KiB at most", most(points)),
    },
    Sweep {
        name: "batch",
        head: "batch_events_max",
        y: "CPU µs per event, emit to 2xx",
        across: Across::Logarithmic,
        message: |points| {
            format!(
                "Batches share the price of a request: {} µs an event alone, {} µs in 500",
                at(points, 1.0),
                at(points, 500.0)
            )
        },
    },
];

impl Sweep {
    fn draw(&self, chapter: &str, folder: &Path) -> Result<(), Failure> {
        let rows = rows(chapter, self.head)?;
        let line = |column: usize| -> Vec<(f64, f64)> {
            let point = |(x, cells): &(String, Vec<String>)| {
                Some((spread(x)?.median, spread(cells.get(column)?)?.median))
            };
            rows.iter().filter_map(point).collect()
        };
        let (ours, floor) = (line(0), line(1));
        let message = (self.message)(&ours);
        let mut lines = vec![picture::line("overspill", Stroke::Points, ours)];
        if floor.is_empty() {
            lines[0].name.clear();
        } else {
            lines.push(picture::line("serde_json::to_writer alone", Stroke::Points, floor));
        }
        let axes = Axes { across: self.across, ..Axes::of(&message, self.head, self.y) };
        picture::lines(&folder.join(format!("sweep-{}.png", self.name)), &axes, &lines)
    }
}

/// Draws from the raw data next to the chapter, because the chapter does not have memory over time.
fn outage(folder: &Path) -> Result<(), Failure> {
    let Ok(raw) = std::fs::read(folder.join("outage.json")) else { return Ok(()) };
    let raw: Value = serde_json::from_slice(&raw)?;
    let measured = raw[0].as_array().ok_or("outage.json has no measurements")?;
    for (fault, doing) in [("Refused", "refuses connections"), ("Tarpit", "never answers")] {
        let systems: Vec<InOutage> =
            measured.iter().filter(|of| of["fault"] == fault).filter_map(in_outage).collect();
        let gone = systems.iter().filter(|system| system.fates[2] >= 1.0).count();
        let message = format!(
            "The endpoint {doing}: overspill's memory is flat, its events are in the log; {gone} of {} others lose theirs",
            systems.len().saturating_sub(1)
        );
        let begins = raw[2].as_f64().unwrap_or(OUT_FROM);
        let file = folder.join(format!("outage-{}.png", fault.to_lowercase()));
        picture::outage(&file, &message, begins, &systems)?;
    }
    Ok(())
}

/// When the outage began if the raw data does not say: the default of `--seconds`.
const OUT_FROM: f64 = 10.0;

fn in_outage(of: &Value) -> Option<InOutage> {
    let sample = of.get("sample").filter(|sample| !sample.is_null())?;
    let points = sample["rss_mb"].as_array()?;
    let memory = points.iter().filter_map(|point| Some((point[0].as_f64()?, point[1].as_f64()?))).collect();
    let [emitted, arrived] = ["emitted", "arrived"].map(|of| sample[of].as_f64().unwrap_or(0.0));
    let spilled = sample["ended_spilled"].as_f64().unwrap_or(0.0);
    let gone = (emitted - arrived - spilled).max(0.0);
    let fates = [arrived, spilled, gone].map(|events| events / 1000.0);
    Some(InOutage { label: of["what"].as_str()?.replace('*', ""), memory, fates })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\n| a call | ns | × floor |\n|---|---:|---:|\n| *floor*: `x` | 1,286 | 0.95 (0.88 – 1.01) |\n| **ours** | - | 2 |\n\nmore";

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let bars = bars_of(TABLE, "a call", 1).unwrap();
        let said: Vec<_> = bars
            .iter()
            .map(|bar| (bar.label.as_str(), bar.value.low, bar.value.median, bar.value.high))
            .collect();
        assert_eq!(said, [("floor: x", 0.88, 0.95, 1.01), ("ours", 2.0, 2.0, 2.0)]);
        let means = bars_of(TABLE, "a call", 0).unwrap();
        assert_eq!(means.iter().map(|bar| bar.value.median).collect::<Vec<_>>(), [1286.0]);
    }

    #[test]
    fn a_table_that_is_not_there_is_an_error() {
        assert!(rows(TABLE, "another").is_err());
    }
}
