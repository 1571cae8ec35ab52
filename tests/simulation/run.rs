//! One life of one client, from its seed.

use crate::actors::Cast;
use crate::books::Books;
use crate::hooks::{Event, Framing, Manner, Sink, Watcher};
use crate::plan::{End, Plan};
use crate::weather::Sky;
use fastrand::Rng;
use overspill::{Client, LostReason, Reason, Stats};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The library's own grace, a restart of the sender, and a margin.
const GRACE: Duration = Duration::from_millis(200);

/// What happened in a life, or in many.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    emitted: u64,
    delivered: u64,
    maybe_delivered: u64,
    posts: u64,
    packs: u64,
    virtual_time: Duration,
    spilled: Vec<u64>,
    lost: Vec<u64>,
    ends: [u64; 4],
}

impl Outcome {
    fn of(plan: &Plan, books: &Books, stats: Option<&Stats>, virtual_time: Duration) -> Outcome {
        let mut outcome =
            Outcome { posts: books.posts(), packs: books.packs(), virtual_time, ..Outcome::default() };
        outcome.ends[match plan.end {
            End::Shutdown(_) => 0,
            End::ShutdownTwice(..) => 1,
            End::Dropped => 2,
            End::SenderDropped(_) => 3,
        }] = 1;
        if let Some(stats) = stats {
            outcome.emitted = stats.emitted;
            outcome.delivered = stats.delivered;
            outcome.maybe_delivered = stats.maybe_delivered;
            outcome.spilled = Reason::ALL.iter().map(|&reason| stats.spilled_by(reason)).collect();
            outcome.lost = LostReason::ALL.iter().map(|&reason| stats.lost_by(reason)).collect();
        }
        outcome
    }

    pub fn add(&mut self, other: &Outcome) {
        let add = |sums: &mut Vec<u64>, more: &Vec<u64>| {
            sums.resize(sums.len().max(more.len()), 0);
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        self.emitted += other.emitted;
        self.delivered += other.delivered;
        self.maybe_delivered += other.maybe_delivered;
        self.posts += other.posts;
        self.packs += other.packs;
        self.virtual_time += other.virtual_time;
        add(&mut self.spilled, &other.spilled);
        add(&mut self.lost, &other.lost);
        self.ends.iter_mut().zip(other.ends).for_each(|(sum, more)| *sum += more);
    }

    /// How many shutdowns and senders were dropped before they finished.
    pub fn ends_in_the_middle(&self) -> u64 {
        self.ends[1] + self.ends[3]
    }

    /// A simulation in which nothing goes wrong proves nothing.
    pub fn assert_everything_happened(&self) {
        assert!(self.delivered > 0 && self.maybe_delivered > 0 && self.packs > 0, "{self}");
        for (reason, events) in Reason::ALL.iter().zip(&self.spilled) {
            assert!(*events > 0, "nothing was spilled as {reason}: {self}");
        }
        // Here no time passes while the log is written, and nothing is redacted; other tests cover these reasons.
        let elsewhere = [
            LostReason::LogStalled,
            LostReason::Deadline,
            LostReason::Reentrant,
            LostReason::LogBudget,
            LostReason::RedactFailed,
        ];
        for (reason, events) in LostReason::ALL.iter().zip(&self.lost) {
            assert!(*events > 0 || elsewhere.contains(reason), "nothing was lost as {reason}: {self}");
        }
        assert!(self.ends.iter().all(|&lives| lives > 0), "{self}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} days, {} events = {} delivered + {} spilled ({} maybe delivered) + {} lost, {} posts",
            self.virtual_time.as_secs_f64() / 86_400.0,
            self.emitted,
            self.delivered,
            self.spilled.iter().sum::<u64>(),
            self.maybe_delivered,
            self.lost.iter().sum::<u64>(),
            self.posts,
        )
    }
}

/// Polls a future this many times, then drops it in the middle.
struct Limited<F>(Option<Pin<Box<F>>>, u32);

impl<F: Future<Output = ()>> Future for Limited<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.1 == 0 {
            self.0 = None;
        }
        self.1 = self.1.saturating_sub(1);
        match &mut self.0 {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

pub fn of(seed: u64) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(life(seed))
}

async fn life(seed: u64) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let books = Arc::new(Books::default());
    let began = Instant::now();
    let (client, sender) = Client::builder("simulated")
        .queue_events_max(plan.queue_events_max)
        .queue_bytes_max(plan.queue_bytes_max)
        .event_bytes_max(plan.event_bytes_max)
        .batch_events_max(plan.batch_events_max)
        .batch_bytes_max(plan.batch_bytes_max)
        .batch_age_max(plan.batch_age_max)
        .posts_in_flight_max(plan.posts_in_flight_max)
        .post_timeout(plan.post_timeout)
        .probe_interval_max(plan.probe_interval_max)
        .shutdown_timeout(plan.shutdown_timeout)
        .spill_packing(plan.spill_packing)
        .transport(Sky::new(&plan, rng.fork(), Arc::clone(&books)))
        .format(Framing::new(&plan, &mut rng))
        .spill_sink(Sink::primary(&plan, &mut rng, &books))
        .spill_fallback(Sink::fallback(&plan, &mut rng, &books))
        .observer(Watcher::new(&plan, &mut rng, &books))
        .jitter_seed(rng.u64(..))
        .build_with_sender()
        .unwrap();
    let polls = if let End::SenderDropped(polls) = plan.end { polls } else { u32::MAX };
    let sending = tokio::spawn(Limited(Some(Box::pin(sender.run())), polls));

    let cast = Cast { client: &client, books: &books, plan: &plan, began, calm: polls == u32::MAX };
    let events = |nth| if nth < plan.emitters { plan.events_per_emitter } else { 0 };
    tokio::join!(
        cast.emit(rng.fork(), events(0)),
        cast.emit(rng.fork(), events(1)),
        cast.emit(rng.fork(), events(2)),
        cast.switch_modes(rng.fork()),
        cast.flush(rng.fork()),
        cast.look(rng.fork()),
    );
    if rng.bool() {
        cast.recover().await;
    }
    let stats = end(client, &plan, &books).await;
    sending.await.expect("the sender's task does not panic");
    books.check_settled(stats.as_ref(), &plan);
    Outcome::of(&plan, &books, stats.as_ref(), began.elapsed())
}

/// Ends the life within the given time.
async fn end(client: Client, plan: &Plan, books: &Books) -> Option<Stats> {
    let began = Instant::now();
    let deadline = match plan.end {
        End::Dropped => {
            drop(client);
            // The caller awaits the sender's task, which must have ended by then.
            sleep(plan.shutdown_timeout + GRACE).await;
            books.check_settled(None, plan);
            return None;
        }
        End::Shutdown(within) => within,
        End::SenderDropped(_) => Duration::from_secs(5),
        End::ShutdownTwice(within, patience) => {
            // A shutdown that is dropped in the middle has still requested the end.
            let _ = timeout(patience, client.shutdown(within)).await;
            books.check(&client, plan);
            within
        }
    };
    client.shutdown(deadline).await;
    let took = began.elapsed();
    assert!(took <= deadline + GRACE, "shutdown({deadline:?}) took {took:?}: {}", client.stats());
    let id = books.next_id();
    books.emitted(id, client.emit(&Event { id, padding: "after the end", manner: Manner::Good }));
    Some(client.shutdown(deadline).await)
}
