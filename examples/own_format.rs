//! A custom format: how the endpoint expects its events, and how it refuses single events.
//!
//! The endpoint here takes one event per line, `id TAB time TAB json`, and replies with the numbers of the lines that it refuses and
//! the reason: `3 no such order`. `cargo run --example own_format` runs it.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::format::{Body, Demands, Events, Fate, Format, Overhead, Placement, Repeats, Verdict};
use overspill::spill::Rfc3339;
use overspill::testkit::{Act, Endpoint, Spilled};
use overspill::transport::Reply;
use overspill::{Client, Reason};
use std::time::Duration;

struct Tabbed;

impl Format for Tabbed {
    fn content_type(&self) -> &'static str {
        "text/tab-separated-values"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        for event in events {
            body.push(format!("{}\t{}\t", event.id(), Rfc3339(event.time())));
            body.push(event.json());
            body.push("\n");
        }
    }

    /// An id of up to 37 characters, a time of 24, two tabs and a newline.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 37 + 24 + 3 }
    }

    /// The time is outside the event's JSON. A format with common fields would have to write them too.
    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        if reply.status != 207 {
            return Verdict::ByStatus;
        }
        let mut fates = vec![Fate::Delivered; events];
        for line in String::from_utf8_lossy(&reply.body).lines() {
            let (number, why) = line.split_once(' ').unwrap_or((line, ""));
            // A reply that cannot be parsed does not count as a delivery.
            match number.parse::<usize>().ok().and_then(|nth| fates.get_mut(nth)) {
                Some(fate) => *fate = Fate::Refused(why.to_owned()),
                None => return Verdict::Unknown,
            }
        }
        Verdict::Each(fates)
    }

    /// The endpoint recognises an event by its id.
    fn repeats(&self) -> Repeats {
        Repeats::Harmless
    }

    fn demands(&self) -> Demands {
        Demands::NONE.events_max(100).encodings(&["gzip"]).token("x-orders-token", "")
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Stands in for the endpoint, which knows only even orders.
    let endpoint = Endpoint::start(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let odd = body.lines().enumerate().filter(|(_, line)| !is_even(line));
        let answer: String = odd.map(|(nth, _)| format!("{nth} no such order\n")).collect();
        let head = format!("HTTP/1.1 207 Multi-Status\r\ncontent-length: {}\r\n\r\n", answer.len());
        Act::Bytes((head + &answer).into_bytes())
    })?;
    let log = Spilled::default();
    let events =
        Client::builder(endpoint.url()).format(Tabbed).token("secret").spill_sink(log.clone()).build()?;
    for order in 0..10 {
        events.emit(&order);
    }
    let stats = events.shutdown_blocking(Duration::from_secs(5));
    println!("{stats}");
    for record in log.events() {
        println!("in the log: order {}, {}: {}", record.event, record.reason, record.detail);
    }
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Refused)), (5, 5));
    Ok(())
}

fn is_even(line: &str) -> bool {
    line.rsplit('\t').next().and_then(|json| json.parse::<u64>().ok()).is_some_and(|order| order % 2 == 0)
}
