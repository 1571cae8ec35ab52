//! What the watch costs: its idle thread, and `emit` while it takes snapshots.

use crate::load::Latencies;
use std::fs;
use std::time::Duration;

/// What the watch's thread has used so far.
#[derive(Clone, Copy)]
pub struct Used {
    pub cpu: Duration,
    pub wake_ups: u64,
}

impl Used {
    /// Reads the one thread called `overspill-watch`.
    pub fn by_the_watch() -> Result<Used, Box<dyn std::error::Error>> {
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            if fs::read_to_string(task.join("comm"))?.trim() != "overspill-watch" {
                continue;
            }
            let on_cpu = fs::read_to_string(task.join("schedstat"))?;
            let nanos = on_cpu.split(' ').next().and_then(|nanos| nanos.parse().ok()).ok_or("schedstat")?;
            let status = fs::read_to_string(task.join("status"))?;
            let wake_ups = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
                .ok_or("status")?;
            return Ok(Used { cpu: Duration::from_nanos(nanos), wake_ups });
        }
        Err("the watch has no thread".into())
    }

    pub fn since(self, before: Used) -> Used {
        Used { cpu: self.cpu - before.cpu, wake_ups: self.wake_ups - before.wake_ups }
    }
}

/// A table row: how long `emit` took.
pub fn line(title: &str, latencies: &Latencies) -> String {
    let micros = |nanos: u64| nanos as f64 / 1_000.0;
    format!(
        "{title:<34} {:>9} {:>9.1} {:>9.1} {:>9.1} {:>9.0}",
        latencies.len(),
        micros(latencies.value_at_quantile(0.5)),
        micros(latencies.value_at_quantile(0.99)),
        micros(latencies.value_at_quantile(0.999)),
        micros(latencies.max()),
    )
}
