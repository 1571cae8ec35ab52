//! Progress: a bar with an estimated end on a terminal; elsewhere only the necessary messages.

use crate::out;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct ReplayProgress {
    bar: ProgressBar,
    quiet: bool,
    read: Arc<AtomicU64>,
}

impl ReplayProgress {
    pub(crate) fn new(quiet: bool) -> ReplayProgress {
        ReplayProgress { bar: ProgressBar::hidden(), quiet, read: Arc::default() }
    }

    /// `bytes`: the total to read, if known.
    pub(crate) fn begin(&mut self, bytes: Option<u64>, read: Arc<AtomicU64>) {
        self.read = read;
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{wide_bar} {bytes}/{total_bytes}, {eta} left; {msg}"),
            None => (ProgressBar::no_length(), "{spinner} {bytes}, {bytes_per_sec}; {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        self.bar = bar;
    }

    pub(crate) fn events(&self, delivered: u64, refused: u64) {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        self.bar.set_message(format!("{delivered} delivered, {refused} refused"));
    }

    /// A line that stays on the screen.
    pub(crate) fn say(&self, text: &str) {
        if self.quiet {
            return;
        }
        self.bar.suspend(|| out::tell(&format!("overspill: {text}\n")));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
