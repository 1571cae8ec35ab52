//! Row 45: how long a client takes to deliver again once its endpoint is back. A hundred clients, default settings, a paused clock.

use crate::figures::report;
use overspill::spill::{Record, SpillSink};
use overspill::testkit::{Answer, Scripted};
use overspill::transport::{Failure, FailureKind, Request};
use overspill::{Client, MaybeDelivered, Stats};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

const CLIENTS: u64 = 100;
const ANSWER: Duration = Duration::from_millis(5);

/// What one client's endpoint does while it is away.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Away {
    Refused,
    /// Accepts connections, and never answers requests that were sent before it is back.
    Tarpit,
    /// Packets are dropped, so that no connection can be made.
    Blackhole,
    Unavailable,
}

/// Where its events are, by their ids.
#[derive(Clone, Default)]
struct Kept {
    taken: Arc<Mutex<BTreeSet<u64>>>,
    spilled: Arc<Mutex<BTreeSet<u64>>>,
}

impl SpillSink for Kept {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let id = record.event.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        self.spilled.lock().unwrap().insert(id);
        Ok(())
    }
}

struct Life {
    /// From the endpoint's return to the answer to the first post that it accepts.
    back_after: Duration,
    /// Posts per second while it was out.
    posts_while_out: f64,
    stats: Stats,
}

async fn life(seed: u64, away: Away, lasting: Duration) -> Life {
    let began = Instant::now();
    let from = began + Duration::from_millis(1_000 + fastrand::Rng::with_seed(seed).u64(..1_500));
    let until = from + lasting;
    let kept = Kept::default();
    let (first, posts) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(0_u32)));
    let (taken, delivered, made) = (Arc::clone(&kept.taken), Arc::clone(&first), Arc::clone(&posts));
    let failed = |after, kind, maybe_delivered, detail: &str| {
        Answer::After(after, Err(Failure::new(kind, maybe_delivered, detail)))
    };
    let transport = Scripted::new(move |request: &Request| {
        let now = Instant::now();
        if (from..until).contains(&now) {
            *made.lock().unwrap() += 1;
            let connecting = request.timeout.min(Duration::from_secs(3));
            return match away {
                Away::Refused => Answer::refused(Duration::from_millis(1)),
                Away::Tarpit => {
                    failed(request.timeout, FailureKind::Timeout, MaybeDelivered::Yes, "no answer")
                }
                Away::Blackhole => {
                    failed(connecting, FailureKind::Connect, MaybeDelivered::No, "no connection")
                }
                Away::Unavailable => Answer::status(ANSWER, 503),
            };
        }
        if now >= until {
            delivered.lock().unwrap().get_or_insert(now + ANSWER - until);
        }
        let text = std::str::from_utf8(&request.body).unwrap();
        let ids = text.trim_matches(['[', ']']).split(',').map(|id| id.parse::<u64>().unwrap());
        taken.lock().unwrap().extend(ids);
        Answer::status(ANSWER, 200)
    });
    let (client, sender) = Client::builder("simulated")
        .transport(transport)
        .jitter_seed(seed)
        .spill_sink(kept.clone())
        .spill_fallback(kept.clone())
        .build_with_sender()
        .unwrap();
    let emitting = async {
        let (end, mut id) = (until + Duration::from_secs(4), 0_u64);
        while Instant::now() < end {
            client.emit(&id);
            id += 1;
            // Few samples in the middle of a long outage: the intervals between probes have long been at their maximum.
            let now = Instant::now();
            let busy = now < from + Duration::from_secs(4) || now + Duration::from_secs(4) > until;
            // The pace, on a paused clock.
            sleep(Duration::from_millis(if busy { 20 } else { 700 })).await;
        }
        // The end of the outage, on a paused clock.
        sleep_until(end).await;
        let stats = client.shutdown(Duration::from_secs(20)).await;
        assert_eq!((stats.emitted, stats.lost, stats.pending), (id, 0, 0), "{stats}");
        let (taken, spilled) = (kept.taken.lock().unwrap(), kept.spilled.lock().unwrap());
        assert_eq!((taken.len() as u64, spilled.len() as u64), (stats.delivered, stats.spilled), "{stats}");
        assert_eq!(&*taken | &*spilled, (0..id).collect(), "{stats}");
        stats
    };
    let stats = tokio::join!(sender.run(), emitting).1;
    let back_after = first.lock().unwrap().expect("it has come back");
    let posts_while_out = f64::from(*posts.lock().unwrap()) / lasting.as_secs_f64();
    Life { back_after, posts_while_out, stats }
}

#[tokio::test(start_paused = true)]
async fn row_45_an_endpoint_that_is_back_is_noticed_within_two_seconds_by_the_slowest_of_a_hundred_clients() {
    for away in [Away::Refused, Away::Tarpit, Away::Blackhole, Away::Unavailable] {
        for seconds in [5, 20, 60, 600] {
            let lasting = Duration::from_secs(seconds);
            let mut lives = tokio::task::JoinSet::new();
            (0..CLIENTS).for_each(|seed| _ = lives.spawn(life(seed, away, lasting)));
            let lives = lives.join_all().await;
            let mut back: Vec<Duration> = lives.iter().map(|life| life.back_after).collect();
            back.sort_unstable();
            let (median, worst) = (back[back.len() / 2], back[back.len() - 1]);
            let busiest = lives.iter().map(|life| life.posts_while_out).fold(0.0, f64::max);
            let what = format!("{away:?} for {seconds} s");
            assert!(worst <= Duration::from_secs(2), "{what}: {worst:?}, {}", lives[0].stats);
            // A healthy client posts five times a second.
            assert!(busiest <= 5.0, "{what}: {busiest:.1} posts a second");
            report(
                45,
                &format!("first delivery of {CLIENTS} clients after {what}"),
                format!("median {:.1} s, worst {:.1} s", median.as_secs_f64(), worst.as_secs_f64()),
            );
        }
    }
}

/// An endpoint that needs three seconds for each answer is slow, and not gone.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_back_but_slow_is_found_by_a_patient_probe() {
    let (began, kept) = (Instant::now(), Kept::default());
    let taken = Arc::clone(&kept.taken);
    let transport = Scripted::new(move |request: &Request| {
        if began.elapsed() < Duration::from_secs(30) {
            return Answer::refused(Duration::from_millis(1));
        }
        let slow = Duration::from_secs(3);
        if request.timeout < slow {
            let failure = Failure::new(FailureKind::Timeout, MaybeDelivered::Yes, "no answer");
            return Answer::After(request.timeout, Err(failure));
        }
        let text = std::str::from_utf8(&request.body).unwrap();
        taken
            .lock()
            .unwrap()
            .extend(text.trim_matches(['[', ']']).split(',').map(|id| id.parse::<u64>().unwrap()));
        Answer::status(slow, 200)
    });
    let (client, sender) = Client::builder("simulated")
        .transport(transport)
        .jitter_seed(7)
        .spill_sink(kept.clone())
        .build_with_sender()
        .unwrap();
    let emitting = async {
        let mut id = 0_u64;
        while client.stats().delivered == 0 {
            client.emit(&id);
            id += 1;
            // The pace, on a paused clock.
            sleep(Duration::from_millis(20)).await;
        }
        let back_after = began.elapsed() - Duration::from_secs(30);
        (back_after, client.shutdown(Duration::from_secs(20)).await)
    };
    let (back_after, stats) = tokio::join!(sender.run(), emitting).1;
    assert!(back_after <= Duration::from_secs(7), "{back_after:?}");
    assert_eq!((stats.lost, stats.pending), (0, 0));
    assert_eq!(&*kept.taken.lock().unwrap() | &*kept.spilled.lock().unwrap(), (0..stats.emitted).collect());
}
