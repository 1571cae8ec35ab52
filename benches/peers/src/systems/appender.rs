//! tracing-appender's non-blocking writer: serde_json encodes the line, and a thread takes it and discards it.

use super::{Caller, Ended, System};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

const QUEUE_EVENTS: usize = 8192;

pub struct Appender {
    writer: NonBlocking,
    guard: WorkerGuard,
    written: Arc<AtomicU64>,
}

struct Counting(Arc<AtomicU64>);

impl Write for Counting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Appender {
    pub fn start() -> Appender {
        let written = Arc::new(AtomicU64::new(0));
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(QUEUE_EVENTS)
            .finish(Counting(Arc::clone(&written)));
        Appender { writer, guard, written }
    }
}

impl System for Appender {
    fn caller(&self) -> Caller<'_> {
        let mut writer = self.writer.clone();
        let mut line = Vec::with_capacity(1024);
        Box::new(move |event| {
            line.clear();
            let _ = serde_json::to_writer(&mut line, event);
            line.push(b'\n');
            let _ = writer.write_all(&line);
        })
    }

    fn keeps_up(&self, emitted: u64) -> bool {
        let dropped = self.writer.error_counter().dropped_lines() as u64;
        emitted.saturating_sub(self.written.load(Ordering::Relaxed) + dropped) < 4000
    }

    fn finish(self: Box<Self>, _within: Duration) -> Ended {
        let dropped = self.writer.error_counter().dropped_lines() as u64;
        drop(self.guard);
        Ended { delivered: Some(self.written.load(Ordering::Relaxed)), spilled: None, lost: Some(dropped) }
    }
}
