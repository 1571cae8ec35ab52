//! Answers of any kind, to a client whose sender the test runs, on a paused clock.

use overspill::format::{Body, Events, Format, Ndjson, Overhead, Refused};
use overspill::spill::{Record, SpillSink, join, read_line};
use overspill::transport::{BodyEnd, Failure, FailureKind, Posting, Reply, Request, Transport};
use overspill::{Client, MaybeDelivered, Stats};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The endpoint's behaviour, read from some bytes; after their end it is healthy.
#[derive(Clone)]
struct Script(Arc<Mutex<std::vec::IntoIter<u8>>>);

impl Script {
    fn byte(&self) -> u8 {
        self.0.lock().expect("no reader panics").next().unwrap_or(0)
    }

    fn bytes(&self) -> Vec<u8> {
        let len = usize::from(self.byte() % 24);
        self.0.lock().expect("no reader panics").by_ref().take(len).collect()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn answer(&self) -> Result<Reply, Failure> {
        let maybe_delivered = if self.byte() % 2 == 0 { MaybeDelivered::No } else { MaybeDelivered::Yes };
        match self.byte() {
            0..16 => {
                let kind = [FailureKind::Connect, FailureKind::Timeout, FailureKind::Broken]
                    [usize::from(self.byte() % 3)];
                Err(Failure::new(kind, maybe_delivered, self.text()))
            }
            class => {
                let status = match class {
                    16..96 => 200 + u16::from(self.byte()) % 100,
                    96..128 => [400, 413, 422][usize::from(self.byte() % 3)],
                    _ => u16::from_be_bytes([self.byte() % 4, self.byte()]),
                };
                let mut reply = Reply::of_status(status);
                reply.retry_after = (self.byte() % 4 == 0).then(|| self.text());
                reply.body_end = if self.byte() % 2 == 0 { BodyEnd::Whole } else { BodyEnd::Cut };
                reply.body = self.bytes();
                Ok(reply)
            }
        }
    }
}

/// Where each event ended, as seen from outside the client.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    /// Events whose whole request was answered with a 2xx.
    answered: BTreeSet<u64>,
    /// Records by event, with their `maybe_delivered`.
    spilled: BTreeMap<u64, MaybeDelivered>,
}

impl Ends {
    /// The law at rest, with the ids on both sides; `partial`: a 2xx may refuse some of its events.
    fn assert_settled(&self, stats: &Stats, emitted: u64, partial: bool) {
        let found = self.0.lock().expect("no writer panics");
        assert_eq!((stats.emitted, stats.lost), (emitted, 0), "{stats}");
        assert_eq!((stats.pending, stats.pending_bytes), (0, 0), "{stats}");
        assert_eq!(stats.spilled, found.spilled.len() as u64, "{stats}");
        let in_both = found.answered.iter().filter(|id| found.spilled.contains_key(id)).count();
        assert!(partial || in_both == 0, "delivered and spilled: {stats}");
        let delivered = (found.answered.len() - in_both) as u64;
        assert_eq!(stats.delivered, delivered, "what was answered with a 2xx, and nothing else: {stats}");
        let ended: BTreeSet<u64> = found.answered.iter().chain(found.spilled.keys()).copied().collect();
        assert_eq!(ended, (0..emitted).collect(), "{stats}");
    }
}

struct Endpoint(Script, Ends);

impl Transport for Endpoint {
    fn post(&mut self, request: Request) -> Posting {
        let (answer, found) = (self.0.answer(), self.1.clone());
        let takes = Duration::from_millis(u64::from(self.0.byte()));
        Box::pin(async move {
            // On a paused clock: no time passes.
            tokio::time::sleep(takes).await;
            if answer.as_ref().is_ok_and(|reply| (200..=299).contains(&reply.status)) {
                let ids = std::str::from_utf8(&request.body).expect("JSON").lines();
                let mut found = found.0.lock().expect("no reader panics");
                for id in ids.map(|id| id.parse().expect("an id")) {
                    assert!(found.answered.insert(id), "{id} was posted again after a 2xx");
                }
            }
            answer
        })
    }
}

/// The log: records as lines, read back at once.
impl SpillSink for Ends {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let line = serde_json::to_string(record)?;
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let part = read_line(&line).expect("a record");
        let [event] = join([part]).try_into().expect("one part");
        let id = event.event.parse().expect("an id");
        let before = self.0.lock().expect("no reader panics").spilled.insert(id, event.maybe_delivered);
        assert_eq!(before, None, "{id} was spilled twice");
        Ok(())
    }

    fn notice(&self, notice: &overspill::spill::Notice<'_>) -> io::Result<()> {
        assert!(!notice.text.chars().any(char::is_control), "{notice:?}");
        Ok(())
    }
}

/// An endpoint that refuses single events in a 2xx answer: by position, sometimes an invalid one, or without saying which.
struct Partial;

impl Format for Partial {
    fn content_type(&self) -> &'static str {
        Ndjson.content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        Ndjson.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        Ndjson.overhead()
    }

    fn refused(&self, reply: &Reply, _: usize) -> Refused {
        match (reply.body_end, reply.body.first()) {
            (BodyEnd::Cut, Some(_)) => Refused::Unknown,
            (_, None) => Refused::None,
            _ => Refused::Events(reply.body.iter().map(|&position| usize::from(position)).collect()),
        }
    }
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
}

/// Emits a few events to an endpoint that answers as these bytes say. Never panics; the law holds exactly; only a 2xx delivers.
pub fn check(bytes: &[u8]) {
    let script = Script(Arc::new(Mutex::new(Vec::from(bytes).into_iter())));
    let ends = Ends::default();
    let builder = Client::builder("http://127.0.0.1:9/")
        .transport(Endpoint(script.clone(), ends.clone()))
        .spill_sink(ends.clone())
        .spill_fallback(ends.clone())
        .queue_events_max(64)
        .batch_events_max(1 + usize::from(script.byte() % 8))
        .posts_in_flight_max(1 + usize::from(script.byte() % 3))
        .batch_age_max(Duration::from_millis(20))
        .jitter_seed(u64::from(script.byte()));
    let partial = script.byte() % 2 == 1;
    let builder = if partial { builder.format(Partial) } else { builder.format(Ndjson) };
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (client, sender) = builder.build_with_sender().expect("sound settings");
            let sender = tokio::spawn(sender.run());
            let mut emitted = 0;
            for _ in 0..1 + script.byte() % 8 {
                for _ in 0..script.byte() % 12 {
                    client.emit(&emitted);
                    emitted += 1;
                }
                // On a paused clock, here and below.
                tokio::time::sleep(Duration::from_millis(7 * u64::from(script.byte()))).await;
            }
            // A batch leaves within 20 ms, and an answer comes within 256 ms. Halving takes several posts.
            for _ in 0..1000 {
                if client.stats().pending == 0 {
                    break;
                }
                // The polling interval, on a paused clock.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            ends.assert_settled(&client.stats(), emitted, partial);
            drop(client);
            sender.await.expect("the sender does not panic");
        });
    });
}
