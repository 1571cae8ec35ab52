//! The stats that dashboards and alerts are made of: the outage, posts by verdict, how full the queue is, stalls of the log.

use crate::support::*;
use overspill::spill::{Record, SpillSink};
use overspill::testkit::{Act, Answer, Scripted, Spilled};
use overspill::{Client, EndpointState, Reason, Stats};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// A client whose endpoint answers as the script says by the time since the beginning, one event a second under a paused clock; its
/// books after each.
async fn second_by_second(
    world: &World,
    seconds: u64,
    mut script: impl FnMut(Duration) -> Answer + Send + 'static,
) -> Vec<Stats> {
    let (began, taken) = (Instant::now(), world.taken.clone());
    let transport = Scripted::new(move |request| {
        let answer = script(began.elapsed());
        if matches!(&answer, Answer::After(_, Ok(reply)) if (200..300).contains(&reply.status)) {
            taken.keep(&request.body);
        }
        answer
    });
    let (client, sender) =
        Client::builder("simulated").transport(transport).jitter_seed(7).build_with_sender().unwrap();
    let emitting = async {
        let mut seen = Vec::new();
        for id in 0..seconds {
            emit_all(&client, id..id + 1);
            sleep(SECOND).await;
            seen.push(client.stats());
        }
        seen.push(client.shutdown(LONG).await);
        seen
    };
    tokio::join!(sender.run(), emitting).1
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_counted_and_timed_by_the_second_while_it_lasts_and_is_zero_afterwards() {
    let world = World::new();
    let before = SystemTime::now();
    let out = SECOND * 10..SECOND * 70;
    let seen = second_by_second(&world, 90, move |at| {
        let after = Duration::from_millis(1);
        if out.contains(&at) { Answer::refused(after) } else { Answer::status(after, 200) }
    })
    .await;
    let last = seen.last().unwrap();
    world.assert_settled(last, 90);
    assert_eq!((seen[8].outages, seen[8].outage_lasts), (0, Duration::ZERO));
    let (early, late) = (&seen[30], &seen[60]);
    assert_eq!((early.outages, early.endpoint), (1, EndpointState::Out));
    assert_eq!(late.outage_lasts - early.outage_lasts, SECOND * 30);
    // From the first of the failures on.
    assert!((SECOND * 17..SECOND * 22).contains(&early.outage_lasts), "{:?}", early.outage_lasts);
    assert!(
        early
            .prometheus_text()
            .contains(&format!("\noverspill_outage_seconds {}\n", early.outage_lasts.as_secs()))
    );
    assert_eq!((last.outages, last.outage_lasts, last.endpoint), (1, Duration::ZERO, EndpointState::Healthy));
    assert_eq!(early.last_delivery, late.last_delivery, "nothing is delivered meanwhile");
    assert!(early.last_delivery.unwrap() + SECOND > before && last.last_delivery > late.last_delivery);
    assert_eq!(Stats::default().last_delivery, None);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_fails_is_counted_under_the_reason_that_its_verdict_has() {
    for (answer, reason) in [
        (Answer::refused(Duration::ZERO), Reason::Connect),
        (Answer::Never, Reason::Timeout),
        (Answer::status(Duration::ZERO, 700), Reason::Broken),
        (Answer::status(Duration::ZERO, 422), Reason::Refused),
        (Answer::status(Duration::ZERO, 401), Reason::Denied),
        (Answer::status(Duration::ZERO, 302), Reason::Denied),
        (Answer::status(Duration::ZERO, 500), Reason::Unavailable),
        (Answer::status(Duration::ZERO, 429), Reason::Unavailable),
    ] {
        let world = World::new();
        let told = answer.clone();
        let seen = second_by_second(&world, 40, move |_| told.clone()).await;
        let last = seen.last().unwrap();
        world.assert_settled(last, 40);
        assert!(last.posts_failed > 0 && last.posts_failed == last.posts, "{answer:?}: {last}");
        assert_eq!(last.posts_failed_by(reason), last.posts_failed, "{answer:?}: {last:?}");
        assert_eq!(last.posts_failed_by_reason().map(|(_, posts)| posts).sum::<u64>(), last.posts_failed);
    }
}

/// Writes to the log, once it may.
struct Shut(Spilled, Arc<Mutex<()>>);

impl SpillSink for Shut {
    fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
        drop(self.1.lock());
        self.0.write(record)
    }
}

#[test]
fn a_log_that_is_stuck_is_seen_in_the_books_while_it_is_and_is_counted_afterwards() {
    let (world, gate) = (World::new(), Arc::new(Mutex::new(())));
    let endpoint = world.endpoint(|_| Act::Status(503));
    let client =
        quick(endpoint.url()).spill_sink(Shut(world.log.clone(), Arc::clone(&gate))).build().unwrap();
    let shut = gate.lock().unwrap();
    emit_all(&client, 0..10);
    until("a stall", || client.stats().log_stalls == 1);
    let during = client.stats();
    assert!(during.log_write_lasts >= overspill::limits::LOG_STALL, "{during:?}");
    assert!(during.prometheus_text().contains("\noverspill_log_stalls_total 1\n"), "{during:?}");
    drop(shut);
    client.flush_blocking(LONG).unwrap();
    let after = client.stats();
    assert_eq!((after.log_stalls, after.log_write_lasts), (1, Duration::ZERO));
    assert!(after.log_stalled >= during.log_stalled);
    world.assert_settled(&client.shutdown_blocking(LONG), 10);
}

#[test]
fn the_books_tell_how_full_the_queue_is_and_what_its_limits_are() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    // A sender that does not run yet: what is emitted is in the queue.
    let (client, sender) =
        quick(endpoint.url()).queue_events_max(64).queue_bytes_max(64 << 10).build_with_sender().unwrap();
    emit_all(&client, 0..48);
    let stats = client.stats();
    assert_eq!((stats.queue_events, stats.queue_events_max, stats.queue_bytes_max), (48, 64, 64 << 10));
    assert_eq!(stats.memory_bound, client.memory_bound());
    client.set_queue_share(overspill::QueueShare::Half);
    assert_eq!(client.stats().queue_bytes_max, 32 << 10);
    drop(sender);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.queue_events, 0);
    world.assert_settled(&stats, 48);
}
