//! Days of outage in a second: a scripted transport under a paused clock, and panics in every hook of the sender.

use crate::figures::report;
use crate::support::*;
use overspill::format::{Body, Events, Format, JsonArray, Overhead};
use overspill::spill::{Record, SpillSink};
use overspill::testkit::{Answer, Scripted};
use overspill::transport::{Posting, Request, Transport};
use overspill::{Builder, Client, EndpointState, Reason, Sender};
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

struct Simulation {
    world: World,
    client: Client,
    sender: Option<Sender>,
    posts: Arc<Mutex<Vec<(Instant, usize)>>>,
}

impl Simulation {
    fn new(
        builder: impl FnOnce(Builder) -> Builder,
        mut script: impl FnMut(Instant) -> Answer + Send + 'static,
    ) -> Simulation {
        let world = World::new();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let (taken, made) = (world.taken.clone(), Arc::clone(&posts));
        let transport = Scripted::new(move |request| {
            made.lock().unwrap().push((Instant::now(), ids_of(&request.body).len()));
            let answer = script(Instant::now());
            // It has accepted what it answers with a 2xx, even if the answer never arrives.
            if matches!(&answer, Answer::After(_, Ok(reply)) if (200..300).contains(&reply.status)) {
                taken.keep(&request.body);
            }
            answer
        });
        let (client, sender) = builder(Client::builder("simulated").transport(transport).jitter_seed(7))
            .build_with_sender()
            .unwrap();
        Simulation { world, client, sender: Some(sender), posts }
    }

    /// Emits one event every `every` for `lasting`, then shuts down.
    async fn run(&mut self, every: Duration, lasting: Duration) -> overspill::Stats {
        let sender = self.sender.take().unwrap();
        let client = self.client.clone();
        let emitting = async move {
            let (began, mut id) = (Instant::now(), 0);
            while began.elapsed() < lasting {
                emit_all(&client, id..id + 1);
                id += 1;
                // The pace, on a paused clock.
                sleep(every).await;
            }
            client.shutdown(LONG).await
        };
        tokio::join!(sender.run(), emitting).1
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_outage_costs_small_probes_made_of_new_events_and_ends_with_the_first_delivery() {
    let began = Instant::now();
    let healed = Duration::from_secs(24 * 3600);
    let mut simulation = Simulation::new(
        |builder| builder,
        move |now| {
            let after = Duration::from_millis(1);
            if now - began < healed { Answer::refused(after) } else { Answer::status(after, 200) }
        },
    );
    let stats = simulation.run(Duration::from_secs(5), healed + Duration::from_secs(60)).await;
    simulation.world.assert_settled(&stats, (24 * 3600 + 60) / 5);
    assert_eq!(stats.endpoint, EndpointState::Healthy);
    let posts = simulation.posts.lock().unwrap();
    let probes = posts.iter().filter(|(at, _)| *at - began < healed).count();
    assert!(
        (86_400 / 5..86_400 / 5 + 10).contains(&probes),
        "one probe per event, and no more: {probes} a day"
    );
    let first = posts.iter().find(|(at, _)| *at - began >= healed).unwrap().0 - began - healed;
    assert!(first <= Duration::from_secs(6), "found after {first:?}");
    assert_eq!(simulation.world.log.count_notices("outage began"), 1);
    let continued = simulation.world.log.count_notices("outage continues");
    assert!((2000..=2880).contains(&continued), "every 30 s: {continued}");
    assert_eq!(simulation.world.log.count_notices("outage ended after 86"), 1);
    let text = simulation.world.log.text();
    let refused = |line: &str| {
        ["\"spill_reason\":\"connect\"", "\"spill_maybe_delivered\":false", "\"spill_detail\":\"refused\""]
            .iter()
            .all(|field| line.contains(field))
    };
    assert!(text.lines().any(refused), "{}", &text[..2000]);
}

/// Never ends a request, whatever its timeout. The request's future holds a share of the counter.
struct Stubborn(Arc<()>);

impl Transport for Stubborn {
    fn post(&mut self, request: Request) -> Posting {
        let held = (request, Arc::clone(&self.0));
        Box::pin(async move {
            let _held = held;
            std::future::pending().await
        })
    }
}

/// Writes to the log, and records the maximum number of shares that it saw.
struct Looking(Spilled, Arc<()>, Arc<AtomicUsize>);

impl SpillSink for Looking {
    fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
        self.2.fetch_max(Arc::strong_count(&self.1), Ordering::Relaxed);
        self.0.write(record)
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_request_is_aborted_before_its_events_are_written_to_the_log() {
    let (world, shares, most) = (World::new(), Arc::new(()), Arc::new(AtomicUsize::new(0)));
    let sink = Looking(world.log.clone(), Arc::clone(&shares), Arc::clone(&most));
    let (client, sender) = Client::builder("simulated")
        .transport(Stubborn(Arc::clone(&shares)))
        .spill_sink(sink)
        .post_timeout(Duration::from_secs(4))
        .build_with_sender()
        .unwrap();
    emit_all(&client, 0..20);
    let stats = tokio::join!(sender.run(), async {
        client.flush(LONG).await.unwrap();
        client.shutdown(LONG).await
    })
    .1;
    world.assert_settled(&stats, 20);
    assert_eq!((stats.spilled_by(Reason::Timeout), stats.maybe_delivered), (20, 20));
    // One share here, one in the sink, one in the transport, and none in a request.
    assert_eq!(most.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn probes_are_small_and_few_while_all_other_events_go_to_the_log() {
    let mut simulation = Simulation::new(|builder| builder, |_| Answer::status(Duration::from_secs(5), 503));
    let stats = simulation.run(Duration::from_millis(10), Duration::from_secs(120)).await;
    simulation.world.assert_settled(&stats, stats.emitted);
    let posts = simulation.posts.lock().unwrap();
    let (_, probes) = posts.split_at(4);
    assert!(probes.iter().all(|&(_, events)| events <= 16), "{posts:?}");
    // Each answer takes five seconds. All probes but one time out after 1.5 s, plus the grace for a transport that takes longer.
    let at_once = |at: Instant| {
        let lasts = Duration::from_secs(5);
        probes.iter().filter(|(began, _)| *began <= at && at < *began + lasts).count()
    };
    assert!(probes.iter().all(|&(began, _)| at_once(began) <= 6), "{posts:?}");
    let gaps = probes.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(gaps.clone().min() >= Some(Duration::from_millis(200)), "no sooner than posts");
    assert!(stats.spilled_by(Reason::Outage) > 9_000, "{stats}");
    let by_caller = |line: &str| line.contains(r#"reason":"queue_full""#) && line.contains(r#"age_ms":0,"#);
    assert!(!simulation.world.log.text().lines().any(by_caller), "no caller met a full queue");
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_nearly_fills_the_queue_is_delivered_by_an_endpoint_that_answers() {
    let mut simulation = Simulation::new(
        |builder| builder.queue_events_max(1000).batch_events_max(50).posts_in_flight_max(1),
        |_| Answer::status(Duration::from_millis(5), 200),
    );
    emit_all(&simulation.client, 0..1000);
    let stats = simulation.run(Duration::from_secs(1), Duration::from_secs(1)).await;
    assert_eq!((stats.spilled, stats.lost), (0, 0), "{stats}");
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_endpoint_gets_half_as_many_concurrent_requests_and_later_all_of_them_again() {
    const TAKES: Duration = Duration::from_millis(100);
    let began = Instant::now();
    let complained = Arc::new(Mutex::new(None));
    let complaint = Arc::clone(&complained);
    let mut simulation = Simulation::new(
        |builder| builder.posts_in_flight_max(8).batch_events_max(5),
        move |now| {
            let mut complaint = complaint.lock().unwrap();
            if now - began < Duration::from_secs(2) || complaint.is_some() {
                return Answer::status(TAKES, 200);
            }
            *complaint = Some(now);
            Answer::status(TAKES, 429)
        },
    );
    // A batch every 5 ms is more than eight requests of 100 ms can carry.
    let stats = simulation.run(Duration::from_millis(1), Duration::from_secs(6)).await;
    simulation.world.assert_settled(&stats, stats.emitted);
    let heard = complained.lock().unwrap().unwrap() + TAKES;
    let posts = simulation.posts.lock().unwrap();
    let at_once = |at: Instant| posts.iter().filter(|(began, _)| *began <= at && at < *began + TAKES).count();
    let limits = [
        at_once(heard - Duration::from_millis(1)),
        at_once(heard + TAKES - Duration::from_millis(1)),
        at_once(heard + Duration::from_secs(2)),
    ];
    assert_eq!((limits[0], limits[2]), (8, 8), "before, and once it has recovered: {limits:?}");
    assert!((3..=4).contains(&limits[1]), "half: {limits:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_flaps_every_second_still_gets_most_of_its_uptime_and_no_storm() {
    let began = Instant::now();
    let up = move |now: Instant| (now - began).as_secs() % 2 == 0;
    let mut simulation = Simulation::new(
        |builder| builder,
        move |now| {
            let after = Duration::from_millis(2);
            if up(now) { Answer::status(after, 200) } else { Answer::refused(after) }
        },
    );
    let lasting = Duration::from_secs(120);
    let stats = simulation.run(Duration::from_millis(8), lasting).await;
    simulation.world.assert_settled(&stats, stats.emitted);
    let share = stats.delivered as f64 / (stats.emitted as f64 / 2.0);
    assert!(share >= 0.6, "{share:.2} of the up-time: {stats}");
    assert!(stats.posts < 120 * 20, "{stats}");
}

#[tokio::test(start_paused = true)]
async fn a_sender_dropped_in_the_middle_writes_its_events_and_the_queues_to_the_log() {
    let mut simulation = Simulation::new(|builder| builder, |_| Answer::refused(Duration::from_secs(3600)));
    let sender = simulation.sender.take().unwrap();
    emit_all(&simulation.client, 0..3000);
    let mut running = Box::pin(sender.run());
    for _ in 0..10 {
        let _ = std::future::poll_fn(|cx| std::task::Poll::Ready(running.as_mut().poll(cx))).await;
    }
    emit_all(&simulation.client, 3000..3100);
    drop(running);
    emit_all(&simulation.client, 3100..3101);
    let stats = simulation.client.shutdown(LONG).await;
    simulation.world.assert_settled(&stats, 3101);
    assert_eq!((stats.spilled_by(Reason::Abandoned), stats.spilled_by(Reason::Closed)), (3100, 1));
    assert_eq!(stats.maybe_delivered, 1000, "two requests were on their way");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_never_ran_writes_the_queue_to_the_log_when_dropped() {
    let mut simulation = Simulation::new(|builder| builder, |_| Answer::refused(Duration::ZERO));
    emit_all(&simulation.client, 0..100);
    drop(simulation.sender.take());
    simulation.world.assert_settled(&simulation.client.shutdown(LONG).await, 100);
}

/// Panics, or writes too much, for batches whose first event is divisible by ten.
struct Treacherous;
impl Format for Treacherous {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let first = ids_of(&[b"[", events.clone().next().unwrap().json(), b"]"].concat())[0];
        assert_ne!(first % 20, 0, "a format");
        if first % 10 == 0 {
            body.push([b' '; 100]);
        }
        JsonArray.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        JsonArray.overhead()
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_that_panics_or_overruns_spills_its_batch_and_the_sender_goes_on() {
    let mut simulation = Simulation::new(
        |builder| builder.format(Treacherous).batch_events_max(5),
        |_| Answer::status(Duration::from_millis(1), 200),
    );
    let stats = simulation.run(Duration::from_millis(1), Duration::from_secs(1)).await;
    simulation.world.assert_settled(&stats, stats.emitted);
    assert!(stats.spilled_by(Reason::FormatFailed) >= 490 && stats.delivered >= 490, "{stats}");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_while_it_posts_or_waits_spills_the_batch_and_the_sender_goes_on() {
    let nth = AtomicU64::new(0);
    let mut simulation = Simulation::new(
        |builder| builder.batch_events_max(5),
        move |_| {
            // Panics in the call itself, on the sender's own stack.
            assert_ne!(nth.fetch_add(1, Ordering::Relaxed) % 3, 1, "a transport");
            Answer::status(Duration::from_millis(1), 200)
        },
    );
    let stats = simulation.run(Duration::from_millis(1), Duration::from_secs(1)).await;
    simulation.world.assert_settled(&stats, stats.emitted);
    assert!(stats.spilled_by(Reason::Abandoned) >= 100 && stats.delivered >= 100, "{stats}");
    let posts = simulation.posts.lock().unwrap();
    let pause = posts.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
    assert!(pause <= Duration::from_millis(100), "goes on after {pause:?}");
    report(23, "longest pause around a panic of the transport", format!("{pause:.0?}"));
    drop(posts);
    assert_eq!(
        simulation
            .world
            .log
            .count_notices("the sender panicked and goes on: assertion `left != right` failed: a transport"),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_during_an_outage_drains_into_the_log_and_keeps_its_deadline_on_the_paused_clock_too() {
    let Simulation { world, client, sender, .. } =
        Simulation::new(|builder| builder, |_| Answer::refused(Duration::from_secs(9)));
    emit_all(&client, 0..5000);
    let began = Instant::now();
    let (_, stats) = tokio::join!(sender.unwrap().run(), client.shutdown(Duration::from_secs(4)));
    assert!(began.elapsed() <= Duration::from_millis(4200), "{:?}", began.elapsed());
    world.assert_settled(&stats, 5000);
    assert_eq!(stats.spilled_by(Reason::Deadline), 5000);
}

/// Counts wake-ups and passes them on.
struct Counting(AtomicU64, std::task::Waker);

impl std::task::Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1.wake_by_ref();
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_steady_load_no_caller_wakes_the_sender_and_after_a_pause_the_first_one_does() {
    let mut simulation =
        Simulation::new(|builder| builder, |_| Answer::status(Duration::from_millis(1), 200));
    let client = simulation.client.clone();
    let mut running = Box::pin(simulation.sender.take().unwrap().run());
    let woken = Arc::new(Mutex::new(None::<Arc<Counting>>));
    let counting = Arc::clone(&woken);
    let sending = std::future::poll_fn(move |cx| {
        let mut counting = counting.lock().unwrap();
        let waker = counting.get_or_insert_with(|| Arc::new(Counting(AtomicU64::new(0), cx.waker().clone())));
        running.as_mut().poll(&mut std::task::Context::from_waker(&Arc::clone(waker).into()))
    });
    let count = move || woken.lock().unwrap().as_ref().unwrap().0.load(Ordering::Relaxed);
    let emitting = async move {
        // On a paused clock: lets the sender fall asleep.
        sleep(Duration::from_millis(10)).await;
        // A wake-up while `emit` runs comes from the caller.
        let rings = |id| {
            let before = count();
            emit_all(&client, id..id + 1);
            count() - before
        };
        assert_eq!(rings(0), 1, "asleep");
        let mut rung = [0; 2];
        for id in 1..2000 {
            rung[usize::from(id >= 1000)] += rings(id);
            // The pace.
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(rung[1], 0, "once the load is known; before: {}", rung[0]);
        // A pause long enough for the load to be forgotten.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(rings(2000), 1, "after a pause");
        client.shutdown(LONG).await
    };
    let (_, stats) = tokio::join!(sending, emitting);
    simulation.world.assert_settled(&stats, 2001);
}
