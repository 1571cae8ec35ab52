//! The clients, their faults, and the alerts that each fault must raise.

use overspill::testkit::{Act, Received};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nothing listens.
    EndpointGone,
    /// One request in four gets a 503.
    SomePostsFail,
    /// One event in twenty is refused.
    EventsRefused,
    /// An answer takes a second, and four times as many events are emitted: the queue stays three-quarters full, and the sender
    /// writes the rest to the log.
    QueueFull,
    /// A write to the log takes until the fault ends.
    LogStuck,
}

/// The clients' names and faults. Memory is the fault of the process itself.
pub const CLIENTS: [(&str, Fault); 6] = [
    ("orders", Fault::EndpointGone),
    ("payments", Fault::SomePostsFail),
    ("search", Fault::EventsRefused),
    ("clicks", Fault::QueueFull),
    ("audit", Fault::LogStuck),
    ("healthy", Fault::None),
];

/// Every alert that must fire, and for which client; the memory alert is the process's. No other may fire.
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

/// One event in twenty.
pub fn is_poisoned(id: u64) -> bool {
    id % 20 == 7
}
