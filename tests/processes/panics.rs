//! Row 23, under a global subscriber: panics in the sender's transport, in the observer, in the spill sink and in `Serialize`, all in one
//! process. Each is contained, the events in hand are in the log, and the sender goes on at once.

use crate::child::{Part, Start, log_to_stdout, say};
use crate::figures::report;
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{LONG, Numbered, emit_all, ids_of, quick, until};
use overspill::spill::{Record, SpillSink, WriteSink};
use overspill::transport::{Posting, Reply, Request, Transport};
use overspill::{Emitted, LostReason, Observer, Reason, Signal};
use serde::{Serialize, Serializer};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub const PARTS: &[Part] = &[("panics everywhere", panics_everywhere)];

/// Panics on the sender's thread for every third request. Accepts the others and reports them to the parent.
struct PanickingTransport(u64, Option<Instant>);

impl Transport for PanickingTransport {
    fn post(&mut self, request: Request) -> Posting {
        if let Some(panicked_at) = self.1.take() {
            say(format_args!("went on after ms {}", panicked_at.elapsed().as_millis()));
        }
        self.0 += 1;
        if self.0 % 3 == 0 {
            self.1 = Some(Instant::now());
            panic!("a transport");
        }
        say(format_args!("took {}", serde_json::to_string(&ids_of(&request.body)).unwrap()));
        Box::pin(async { Ok(Reply::of_status(200)) })
    }
}

struct PanickingObserver;

impl Observer for PanickingObserver {
    fn signal(&self, signal: &Signal<'_>) {
        panic!("an observer at {signal:?}");
    }
}

struct PanickingSink(AtomicU64, WriteSink<io::Stderr>);

impl SpillSink for PanickingSink {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) % 2 == 0, "a sink");
        self.1.write(record)
    }
}

struct PanickingSerialize;

impl Serialize for PanickingSerialize {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a Serialize")
    }
}

const EVENTS: u64 = 300;

fn panics_everywhere() {
    log_to_stdout();
    std::panic::set_hook(Box::new(|_| {}));
    let client = quick("http://name.invalid/")
        .batch_events_max(10)
        .transport(PanickingTransport(0, None))
        .observer(PanickingObserver)
        .spill_sink(PanickingSink(AtomicU64::new(0), WriteSink::new(io::stderr())))
        .build()
        .unwrap();
    for nth in 0..EVENTS / 10 {
        emit_all(&client, nth * 10..nth * 10 + 10);
        assert_eq!(client.emit(&PanickingSerialize), Emitted::Lost(LostReason::EncodeFailed));
        until("a batch to be settled", || client.stats().pending == 0);
    }
    let stats = client.shutdown_blocking(LONG);
    // The event after the end goes to the log on this thread.
    client.emit(&Numbered::of(EVENTS));
    let lost = stats.lost_by(LostReason::EncodeFailed);
    assert_eq!((stats.lost, lost, stats.pending), (EVENTS / 10, EVENTS / 10, 0), "{stats}");
    assert!(stats.delivered > 0 && stats.spilled_by(Reason::Abandoned) > 0, "{stats}");
    say(format_args!("emitted {}", EVENTS + 1));
}

#[test]
fn panics_in_every_hook_are_contained_and_the_sender_goes_on() {
    let peer = Peer::healthy();
    let ended = Start::of("panics everywhere", "").start().succeed();
    // The transport is the endpoint here: what it took is what was delivered.
    let took = ended.said.iter().filter_map(|said| said.strip_prefix("took "));
    for ids in took {
        let ids: Vec<u64> = serde_json::from_str(ids).unwrap();
        let body: Vec<Numbered> = ids.into_iter().map(Numbered::of).collect();
        peer.taken.keep(&serde_json::to_vec(&body).unwrap());
    }
    assert_settled(&peer, &ended, ended.figure("emitted "));
    assert!(spilled(&ended).iter().any(|event| event.reason == Reason::Abandoned), "{ended}");
    let went_on =
        ended.said.iter().filter_map(|said| said.strip_prefix("went on after ms ")?.parse::<u64>().ok());
    let slowest = went_on.max().expect("the sender panicked and went on");
    // The promise is 100 ms, and is tested on a paused clock (tests/it/outage.rs). This machine may be busy.
    assert!(slowest <= 500, "{slowest} ms");
    report(23, "slowest return of the sender after a panic, ms", slowest);
}
