//! When faults began and ended, and when the alerts reported them.

use super::HEALTHY;
use super::dashboard::Span;
use super::faults::EXPECTED;
use super::receiver::{Key, Raised};
use super::servers;
use std::collections::BTreeMap;
use std::time::Instant;

/// A moment by both clocks: the monotonic one, and seconds since 1970.
type Moment = (Instant, f64);

fn moment() -> Moment {
    (Instant::now(), servers::now())
}

#[derive(Debug, Clone, Copy)]
pub struct Course {
    faults: [Moment; 2],
    ballast: [Moment; 2],
}

impl Course {
    /// A course that starts with the clients' faults.
    pub fn begin() -> Course {
        Course { faults: [moment(); 2], ballast: [moment(); 2] }
    }

    pub fn end_faults(&mut self) {
        self.faults[1] = moment();
    }

    pub fn begin_ballast(&mut self) {
        self.ballast[0] = moment();
    }

    pub fn end_ballast(&mut self) {
        self.ballast[1] = moment();
    }

    /// The span that is queried and drawn. It ends before the memory fault, which is separate.
    pub fn span(&self) -> Span {
        let from = self.faults[0].1 - HEALTHY.as_secs_f64() + 2.0;
        Span { from, drawn_to: self.ballast[0].1 - 1.0, to: servers::now() }
    }

    /// The clients' faults, in seconds of the span.
    pub fn shade(&self) -> (f64, f64) {
        let from = self.span().from;
        (self.faults[0].1 - from, self.faults[1].1 - from)
    }

    /// Prints when each alert fired and resolved, and returns what is wrong.
    pub fn table(&self, seen: &BTreeMap<Key, Raised>) -> Vec<String> {
        println!("\n{:<30} {:<14} {:>12} {:>15}", "alert", "client", "fired after", "resolved after");
        let mut problems = Vec::new();
        for &(alert, client) in EXPECTED {
            let raised = seen.get(&Key { alert: alert.to_owned(), client: client.to_owned() });
            let [began, ended] = if client.is_empty() { self.ballast } else { self.faults };
            let after = |at: Option<Instant>, from: Moment| match at {
                Some(at) => format!("{:.1} s", at.saturating_duration_since(from.0).as_secs_f64()),
                None => "never".to_owned(),
            };
            let fired = after(raised.map(|raised| raised.fired), began);
            let resolved = after(raised.and_then(|raised| raised.resolved), ended);
            println!("{alert:<30} {client:<14} {fired:>12} {resolved:>15}");
            problems.extend(raised.map_or(Some("did not fire".to_owned()), Raised::problem).map(|problem| {
                format!("{alert} {problem} ({})", if client.is_empty() { "the process" } else { client })
            }));
        }
        for key in seen.keys() {
            if !EXPECTED.contains(&(key.alert.as_str(), key.client.as_str())) {
                problems.push(format!("{} fired for {:?}, which has no such fault", key.alert, key.client));
            }
        }
        println!();
        problems
    }
}
