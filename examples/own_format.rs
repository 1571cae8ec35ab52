//! A format of your own: how an endpoint wants its events, and how it says no to single ones.
//!
//! The endpoint here takes a line an event, `id TAB time TAB json`, and answers with the numbers of the lines that it does not take, and
//! why: `3 no such order`. `cargo run --example own_format` runs it.
#![allow(missing_docs, reason = "an example has no outside")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

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

    /// An id of 37 characters at most, a time of 24, two tabs and the line's end.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 37 + 24 + 3 }
    }

    /// The time stands beside the event; common fields would have to be written too.
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
            // What cannot be read is no delivery.
            match number.parse::<usize>().ok().and_then(|nth| fates.get_mut(nth)) {
                Some(fate) => *fate = Fate::Refused(why.to_owned()),
                None => return Verdict::Unknown,
            }
        }
        Verdict::Each(fates)
    }

    /// It knows an event by its id.
    fn repeats(&self) -> Repeats {
        Repeats::Harmless
    }

    fn demands(&self) -> Demands {
        Demands::NONE.events_max(100).encodings(&["gzip"]).token("x-orders-token", "")
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Stands in for the endpoint: it knows even orders alone.
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
