//! The display during the run: a bar with the phase, and a line for each service. Plain lines without a terminal.

use super::service::Sample;
use super::timeline::Phase;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Instant;

pub struct Screen {
    began: Instant,
    bars: Option<[ProgressBar; 3]>,
    said_second: Mutex<u64>,
}

impl Screen {
    pub fn new(seconds: u64) -> Screen {
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let bar = ProgressStyle::with_template("{elapsed_precise} [{bar:40}] {msg}");
            let line = ProgressStyle::with_template("{msg}");
            let bars = [seconds * 1000, 1, 1].map(|length| all.add(ProgressBar::new(length)));
            bars[0].set_style(bar.unwrap_or_else(|_| ProgressStyle::default_bar()));
            let line = line.unwrap_or_else(|_| ProgressStyle::default_bar());
            bars[1].set_style(line.clone());
            bars[2].set_style(line);
            bars
        });
        Screen { began: Instant::now(), bars, said_second: Mutex::new(u64::MAX) }
    }

    pub fn show(&self, phase: Phase, ours: Option<&Sample>, theirs: Option<&Sample>) {
        let ours = ours.map(overspill_line).unwrap_or_default();
        let theirs = theirs.map(leaky_line).unwrap_or_default();
        if let Some([bar, first, second]) = &self.bars {
            bar.set_position(self.began.elapsed().as_millis() as u64);
            bar.set_message(format!("endpoint {}", phase.name()));
            first.set_message(ours);
            second.set_message(theirs);
            return;
        }
        let second = self.began.elapsed().as_secs();
        if let Ok(mut said) = self.said_second.lock() {
            if *said != second {
                *said = second;
                println!("{second:>3} s  endpoint {:<13}  {ours}  {theirs}", phase.name());
            }
        }
    }

    pub fn finish(&self) {
        self.bars.iter().flatten().for_each(ProgressBar::finish_and_clear);
    }
}

fn overspill_line(sample: &Sample) -> String {
    format!(
        "overspill: RSS {:>5.1} MB, holds {:>4.2} MB | emitted {} delivered {} spilled {} lost {} pending {} | {}",
        megabytes(sample.rss_bytes),
        megabytes(sample.held_bytes),
        sample.emitted,
        sample.delivered,
        sample.spilled,
        sample.lost,
        sample.pending,
        sample.endpoint
    )
}

fn leaky_line(sample: &Sample) -> String {
    format!(
        "leaky: RSS {:>5.1} MB, holds {:>5.1} MB",
        megabytes(sample.rss_bytes),
        megabytes(sample.held_bytes)
    )
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
