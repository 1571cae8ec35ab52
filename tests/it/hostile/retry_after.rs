//! Row 13: what a client does after an answer with this Retry-After, on a paused clock.

use overspill::limits::PROBE_INTERVAL;
use overspill::spill::{Record, SpillSink};
use overspill::transport::{Posting, Reply, Request, Transport};
use overspill::{Builder, Client, EndpointState};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How late the first probe may be: `PROBE_INTERVAL_FIRST`, plus the age at which a batch leaves, and a margin for the timer's granularity.
const SLACK: Duration = Duration::from_millis(230);

/// How long outcomes of posts are remembered.
const HEARD_FOR: Duration = Duration::from_secs(300);
/// Clients that got the same delay spread their return over this share of it.
const SPREAD: f64 = 0.5;

/// A client, and an endpoint that is unavailable on request.
pub struct Endpoint {
    runtime: tokio::runtime::Runtime,
    client: Client,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    /// The answers to the next two posts.
    refuse_with: Vec<String>,
    posts: u64,
}

struct Scripted(Arc<Mutex<Script>>);

impl Transport for Scripted {
    fn post(&mut self, _: Request) -> Posting {
        let mut script = self.0.lock().expect("no reader panics");
        script.posts += 1;
        let refusal = script.refuse_with.pop();
        Box::pin(async move {
            Ok(match refusal {
                Some(retry_after) => Reply::of_status(503).with_retry_after(retry_after),
                None => Reply::of_status(200),
            })
        })
    }
}

impl Endpoint {
    pub fn start() -> Endpoint {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let script = Arc::<Mutex<Script>>::default();
        let client = runtime.block_on(async {
            let (client, sender) = settings(Client::builder("http://127.0.0.1:9/"))
                .transport(Scripted(Arc::clone(&script)))
                .build_with_sender()
                .expect("sound settings");
            tokio::spawn(sender.run());
            client
        });
        Endpoint { runtime, client, script }
    }

    /// Checks that the client asks again neither before nor long after the given time, whatever the text. The jitter that keeps clients
    /// with the same delay apart may make it later.
    pub fn check(&mut self, text: &str, (earliest, latest): (Duration, Duration)) {
        assert!(latest <= Duration::from_secs(600));
        let posts = || self.script.lock().expect("no reader panics").posts;
        self.runtime.block_on(async {
            // Lets earlier outcomes be forgotten, so that each text meets the same client.
            tokio::time::sleep(HEARD_FOR).await;
            let before = posts();
            self.client.emit("delivered");
            // On a paused clock, like all sleeps here: all other tasks run first, and it takes no time.
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!((posts(), self.client.stats().endpoint), (before + 1, EndpointState::Healthy));
            self.script.lock().expect("no reader panics").refuse_with = vec![text.to_owned(); 2];
            let before = posts();
            self.client.emit("refused");
            // Lets the answer arrive.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let told = self.client.stats().endpoint;
            if latest.is_zero() {
                // No hint: the client retried once, and failed again.
                assert_eq!((posts(), told), (before + 2, EndpointState::Failing), "{text:?}");
            } else if earliest > Duration::from_millis(100) {
                assert_eq!((posts(), told), (before + 1, EndpointState::Out), "{text:?}");
                // A probe asks again, and gets the same answer.
                tokio::time::sleep(2 * SLACK).await;
                self.client.emit("asks");
                // The answer comes meanwhile.
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert_eq!(posts(), before + 2, "{text:?}");
            }
            self.script.lock().expect("no reader panics").refuse_with.clear();
            let before = posts();
            if earliest > 4 * SLACK {
                // Until just before the client may ask again.
                tokio::time::sleep(earliest - 4 * SLACK).await;
                self.client.emit("too early");
                // A request would be made meanwhile.
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert_eq!(posts(), before, "asked too early: {text:?}");
            }
            let spread = latest.mul_f64(SPREAD).min(PROBE_INTERVAL);
            // Until the client must no longer wait.
            tokio::time::sleep(latest - earliest + spread + 6 * SLACK).await;
            self.client.emit("asks");
            // The answer comes meanwhile.
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(
                (posts(), self.client.stats().endpoint),
                (before + 1, EndpointState::Healthy),
                "{text:?}"
            );
            assert_eq!(self.client.stats().pending, 0);
        });
    }
}

fn settings(builder: Builder) -> Builder {
    builder
        .queue_events_max(8)
        .batch_events_max(4)
        .batch_age_max(Duration::from_millis(1))
        .spill_fallback(Discard)
}

/// A log that discards everything.
struct Discard;

impl SpillSink for Discard {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        Ok(())
    }
}
