//! The clients, each with its fault, and the alerts that it must raise.

use overspill::testkit::{Act, Received};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nobody listens.
    EndpointGone,
    /// One request of four is answered with 503.
    SomePostsFail,
    /// One event of twenty is refused.
    EventsRefused,
    /// An answer takes a second, and four times as much is emitted: the queue stands at three quarters, and the sender writes the rest to
    /// the log.
    QueueFull,
    /// A write to the log takes until the fault ends.
    LogStuck,
}

/// Names of clients, and their faults. The process's own fault is its memory.
pub const CLIENTS: [(&str, Fault); 6] = [
    ("orders", Fault::EndpointGone),
    ("payments", Fault::SomePostsFail),
    ("search", Fault::EventsRefused),
    ("clicks", Fault::QueueFull),
    ("audit", Fault::LogStuck),
    ("healthy", Fault::None),
];

/// Every alert that must fire, and for which client; memory is the process's. No other may.
pub const EXPECTED: &[(&str, &str)] = &[
    ("OverspillOutage", "orders"),
    ("OverspillSpilling", "orders"),
    ("OverspillPostsFailing", "payments"),
    ("OverspillEventsRefused", "search"),
    ("OverspillSpilling", "search"),
    ("OverspillQueueNearlyFull", "clicks"),
    ("OverspillSpilling", "clicks"),
    ("OverspillLogStalled", "audit"),
    ("OverspillEventsLost", "audit"),
    ("OverspillMemoryNearThreshold", ""),
];

/// What an endpoint does with its `nth` request.
pub fn act(fault: Fault, now: &AtomicBool, nth: u64, request: &Received) -> Act {
    if !now.load(Ordering::Relaxed) {
        return Act::Status(200);
    }
    let poisoned = || request.body.windows(POISON.len()).any(|words| words == POISON);
    match fault {
        Fault::SomePostsFail if nth % 4 == 0 => Act::Status(503),
        Fault::EventsRefused if poisoned() => Act::Status(422),
        Fault::QueueFull => Act::Drip(SLOW.to_vec(), Duration::from_millis(25)),
        _ => Act::Status(200),
    }
}

/// A byte every 25 ms.
const SLOW: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const POISON: &[u8] = b"\"poison\":true";

/// One event of twenty.
pub fn is_poisoned(id: u64) -> bool {
    id % 20 == 7
}
