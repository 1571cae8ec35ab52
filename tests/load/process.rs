//! This process, as the operating system sees it.

use std::fs;
use std::time::Duration;

/// CPU time of the sender's thread, the newest with that name. Linux counts it in ticks of 10 ms.
pub fn sender_cpu() -> Duration {
    let ticks = fs::read_dir("/proc/self/task")
        .expect("Linux")
        .flatten()
        .filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "overspill")
        })
        .max_by_key(|task| task.file_name().to_string_lossy().parse::<u32>().unwrap_or(0))
        .and_then(|task| fs::read_to_string(task.path().join("stat")).ok())
        .map_or(0, |stat| {
            // After the name, which may contain anything: state is the first field, utime the 12th, stime the 13th.
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
            fields[11].parse::<u64>().unwrap_or(0) + fields[12].parse::<u64>().unwrap_or(0)
        });
    Duration::from_millis(ticks * 10)
}

/// Lets time pass: in these tests an outage has to last.
pub fn let_pass(time: Duration) {
    // The time itself is what the caller wants.
    std::thread::sleep(time);
}

/// Waits on a condition.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} did not happen within 20 s");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    began.elapsed()
}
