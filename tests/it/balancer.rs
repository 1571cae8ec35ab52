//! Several backends behind one name, one of them bad, and endpoints that refuse: what the operator learns, and how much of the
//! healthy backends is used. Rows 39, 40, 43 and 44 of the table of faults.

use crate::figures::report;
use crate::support::*;
use overspill::testkit::{Answer, Scripted};
use overspill::transport::{Failure, FailureKind, Reply, Request};
use overspill::{Builder, Client, MaybeDelivered, Observer, Reason, Signal, Stats};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Records when the first notice was logged.
#[derive(Clone)]
struct Ear(Instant, Arc<Mutex<Option<Duration>>>);

impl Observer for Ear {
    fn signal(&self, signal: &Signal<'_>) {
        if matches!(signal, Signal::SomePostsFail { .. } | Signal::OutageBegan { .. }) {
            self.1.lock().unwrap().get_or_insert(self.0.elapsed());
        }
    }
}

struct Run {
    world: World,
    stats: Stats,
    told_after: Option<Duration>,
    /// (when, events) of each post.
    posts: Vec<(Duration, usize)>,
}

impl Run {
    fn delivered_share(&self) -> f64 {
        self.stats.delivered as f64 / self.stats.emitted as f64
    }

    fn told(&self, words: &str) -> usize {
        self.world.log.count_notices(words)
    }

    #[track_caller]
    fn assert_told(&self, words: &str) {
        assert!(self.told(words) > 0, "{words:?} was not reported: {}", notices(&self.world));
    }
}

fn notices(world: &World) -> String {
    let text = world.log.text();
    text.lines().filter(|line| line.contains("overspill::notice")).collect::<Vec<_>>().join("\n")
}

/// Emits this many events, one every `every`. The script answers the nth post, from 0.
async fn run(
    settings: impl FnOnce(Builder) -> Builder,
    events: u64,
    every: Duration,
    mut script: impl FnMut(u64, &Request) -> Answer + Send + 'static,
) -> Run {
    let (world, began) = (World::new(), Instant::now());
    let (posts, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None)));
    let (taken, made, mut nth) = (world.taken.clone(), Arc::clone(&posts), 0);
    let transport = Scripted::new(move |request| {
        made.lock().unwrap().push((began.elapsed(), events_of(&request.body).len()));
        nth += 1;
        let answer = script(nth - 1, request);
        if matches!(&answer, Answer::After(_, Ok(reply)) if (200..300).contains(&reply.status)) {
            taken.keep(&request.body);
        }
        answer
    });
    let builder = Client::builder("simulated").transport(transport).jitter_seed(7);
    let builder = settings(builder).observer(Ear(began, Arc::clone(&told)));
    let (client, sender) = builder.build_with_sender().unwrap();
    let emitting = async {
        for id in 0..events {
            emit_all(&client, id..id + 1);
            // The pace, on a paused clock.
            sleep(every).await;
        }
        client.shutdown(Duration::from_secs(2)).await
    };
    let stats = tokio::join!(sender.run(), emitting).1;
    world.assert_settled(&stats, events);
    let (told_after, posts) = (*told.lock().unwrap(), posts.lock().unwrap().clone());
    Run { world, stats, told_after, posts }
}

const SOON: Duration = Duration::from_millis(5);

fn ok() -> Answer {
    Answer::status(SOON, 200)
}

fn says(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
    let mut reply = Reply::of_status(status).with_body(body);
    reply.retry_after = retry_after.map(str::to_owned);
    Answer::After(SOON, Ok(reply))
}

fn hangs(request: &Request) -> Answer {
    let detail = format!("no answer within {:?}", request.timeout);
    let failure = Failure::new(FailureKind::Timeout, MaybeDelivered::Yes, detail);
    Answer::After(request.timeout, Err(failure))
}

/// Case 1.
#[tokio::test(start_paused = true)]
async fn row_39_an_endpoint_that_refuses_everything_one_event_at_a_time_is_reported_by_the_third_post() {
    for status in [400, 413, 422] {
        let run = run(|b| b, 20, Duration::from_millis(300), move |_, _| says(status, None, "why")).await;
        run.assert_told(&format!("outage began: refused: status {status}: why"));
        let told_after = run.told_after.unwrap();
        let posts = run.posts.iter().filter(|(at, _)| *at < told_after).count();
        assert_eq!(posts, 3, "{status}");
        assert!(
            run.world.log.text().contains(&format!(r#""spill_detail":"status {status}: why""#)),
            "case 9"
        );
        report(39, &format!("posts until told, status {status}"), posts);
    }
}

#[tokio::test(start_paused = true)]
async fn row_39_it_is_reported_as_soon_for_batches_of_several_events_and_one_poison_event_among_good_ones_is_no_outage()
 {
    for every in [50, 2] {
        let run = run(|b| b, 1000, Duration::from_millis(every), |_, _| says(400, None, "")).await;
        run.assert_told("outage began: refused: status 400");
        let posts = run.posts.iter().filter(|(at, _)| *at < run.told_after.unwrap()).count();
        // Enough posts to halve a batch of 100 down to one event.
        assert!(posts <= 8, "{posts}");
    }
    let poisoned = |_, request: &Request| match ids_of(&request.body).iter().any(|id| id % 100 == 3) {
        true => says(400, None, "poison"),
        false => ok(),
    };
    for every in [300, 50, 5] {
        let run = run(|b| b, 1000, Duration::from_millis(every), poisoned).await;
        assert_eq!((run.stats.spilled_by(Reason::Refused), run.stats.spilled), (10, 10), "{}", run.stats);
        assert_eq!(run.told("outage began"), 0, "{}", notices(&run.world));
    }
}

/// Case 2a, and the other failures in which the events were certainly not accepted.
#[tokio::test(start_paused = true)]
async fn row_40_one_of_three_backends_that_is_unavailable_is_reported_and_the_others_are_used() {
    for (what, bad) in [
        ("503", (|| Answer::status(SOON, 503)) as fn() -> Answer),
        ("429", || Answer::status(SOON, 429)),
        ("connections refused", || Answer::refused(SOON)),
        // Case 2b.
        ("503 with Retry-After", || says(503, Some("30"), "")),
        // Case 2d.
        ("404", || Answer::status(SOON, 404)),
        ("401", || Answer::status(SOON, 401)),
    ] {
        for (events, every) in [(300, 50), (3000, 10), (400, 300)] {
            let answer = move |nth, _: &Request| if nth % 3 == 0 { bad() } else { ok() };
            let run = run(|b| b, events, Duration::from_millis(every), answer).await;
            let share = run.delivered_share();
            assert!(share >= 0.95, "{what}, {every} ms: {share:.3}, {}\n{}", run.stats, notices(&run.world));
            run.assert_told("some posts fail: ");
            let seconds = run.told_after.unwrap().as_secs_f64();
            assert!(seconds < 10.0, "{what}: {seconds}");
            if every == 50 {
                report(
                    40,
                    &format!("delivered share, one of three: {what}"),
                    format!("{:.1} %", share * 100.0),
                );
                report(40, &format!("seconds until told, one of three: {what}"), format!("{seconds:.1}"));
            }
        }
    }
}

/// Case 2c.
#[tokio::test(start_paused = true)]
async fn row_40_one_of_three_backends_that_hangs_does_not_hold_the_others_up() {
    for (events, every, least) in [(4000, 10, 0.6), (8000, 5, 0.55), (400, 300, 0.6)] {
        let answer = |nth, request: &Request| if nth % 3 == 0 { hangs(request) } else { ok() };
        let run = run(|b| b, events, Duration::from_millis(every), answer).await;
        let share = run.delivered_share();
        assert!(share >= least, "{every} ms: {share:.3}, {}\n{}", run.stats, notices(&run.world));
        run.assert_told("posts fail");
        if every == 10 {
            let seconds = run.told_after.unwrap().as_secs_f64();
            report(40, "delivered share, one of three hangs", format!("{:.1} %", share * 100.0));
            report(40, "seconds until told, one of three hangs", format!("{seconds:.1}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_outages_are_throttled_in_the_log_and_the_end_of_each_reported_one_is_reported() {
    // For all posts: a third of a second up, a third of a second denied.
    let began = Instant::now();
    let answer = move |_, _: &Request| match began.elapsed().as_millis() / 333 % 2 {
        0 => ok(),
        _ => Answer::status(SOON, 404),
    };
    let run =
        run(|b| b.batch_age_max(Duration::from_millis(20)), 12_000, Duration::from_millis(10), answer).await;
    let (began, ended) =
        (run.told("outage began: denied: status 404 (check the path)"), run.told("outage ended"));
    assert!(
        (10..=44).contains(&began) && began.abs_diff(ended) <= 1,
        "{began} {ended}\n{}",
        notices(&run.world)
    );
}

/// Case 10, by number and by size.
#[tokio::test(start_paused = true)]
async fn row_43_the_size_that_passes_is_remembered_and_few_posts_are_refused_after_the_first_minute() {
    type Limit = fn(&Request) -> bool;
    for (what, status, fits) in [
        ("10 events", 413, (|request| events_of(&request.body).len() <= 10) as Limit),
        ("10 events, as 400", 400, |request| events_of(&request.body).len() <= 10),
        ("2000 bytes", 413, |request| request.body.len() <= 2000),
        ("one event", 422, |request| events_of(&request.body).len() <= 1),
    ] {
        let answer = move |_, request: &Request| {
            if fits(request) {
                Answer::status(Duration::from_millis(1), 200)
            } else {
                says(status, None, "too much")
            }
        };
        // A batch of 40 every 200 ms, for two minutes.
        let run = run(|b| b, 24_000, Duration::from_millis(5), answer).await;
        assert_eq!((run.stats.spilled, run.stats.delivered), (0, 24_000), "{what}: {}", run.stats);
        run.assert_told("batches are smaller: ");
        run.assert_told(&format!("(status {status}: too much)"));
        assert_eq!(run.told("outage began"), 0, "{what}");
        let refused = run.stats.posts_failed as f64 / run.stats.posts as f64;
        assert!(refused < 0.1, "{what}: {refused:.3} of {}", run.stats.posts);
        report(43, &format!("refused posts, at most {what}"), format!("{:.1} %", refused * 100.0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_by_itself_is_refused_alone_and_batches_keep_their_size() {
    // Every hundredth event is too large.
    let answer = |_, request: &Request| match ids_of(&request.body).iter().any(|id| id % 100 == 7) {
        true => says(413, None, ""),
        false => ok(),
    };
    let run = run(|b| b, 4000, Duration::from_millis(5), answer).await;
    assert_eq!((run.stats.spilled, run.stats.spilled_by(Reason::Refused)), (40, 40), "{}", run.stats);
    assert_eq!(run.told("batches are smaller"), 0, "{}", notices(&run.world));
}

/// Case 6 of the issue: a hint that arrives late.
#[tokio::test(start_paused = true)]
async fn with_two_posts_in_flight_the_later_retry_after_counts() {
    let settings =
        |b: Builder| b.batch_events_max(1).posts_in_flight_max(2).batch_age_max(Duration::from_millis(1));
    let run = run(settings, 600, Duration::from_millis(100), |nth, _| match nth {
        0 => Answer::After(Duration::from_millis(150), Ok(Reply::of_status(503).with_retry_after("1"))),
        1 => Answer::After(Duration::from_millis(150), Ok(Reply::of_status(503).with_retry_after("40"))),
        _ => ok(),
    })
    .await;
    let third = run.posts[2].0;
    assert!(third >= Duration::from_secs(40), "{third:?}");
    assert!(third <= Duration::from_secs(43), "{third:?}");
}

/// Cases 9 and 11, over sockets.
#[test]
fn an_answers_words_are_in_the_record_and_in_the_notice_unless_they_contain_what_was_sent() {
    let answer = |status: u16, kind: &str, body: &str| {
        Act::Bytes(
            format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    };
    for (status, kind, body, shown) in [
        (401, "text/plain", "no such\ttoken", "denied: status 401: no such token (check the token)"),
        (
            404,
            "text/html",
            "<html><title>Not here</title></html>",
            "denied: status 404: Not here (check the path)",
        ),
        (
            302,
            "text/html",
            "<html></html>",
            "denied: status 302 (check path and scheme: a redirect is not followed)",
        ),
        (
            415,
            "application/json",
            "{\"error\":\"gzip\"}",
            "status 415: {\\\"error\\\":\\\"gzip\\\"} (check compression and format)",
        ),
        (403, "text/plain", "bad token Canary-0123456789", "denied: status 403 (check the token)"),
        (403, "text/plain", "bad token canary-01234567****", "denied: status 403 (check the token)"),
    ] {
        let world = World::new();
        let endpoint = world.endpoint(move |_| answer(status, kind, body));
        let client = quick(endpoint.url()).bearer_auth("Canary-0123456789").build().unwrap();
        emit_all(&client, 0..10);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 10);
        assert_eq!(
            world.log.count_notices(
                &format!("outage began: {shown}").replace("began: status", "began: denied: status")
            ),
            1,
            "{shown}\n{}",
            world.log.text()
        );
        assert!(!world.log.text().to_lowercase().contains("0123456789"));
    }
}

#[test]
fn row_44_a_web_page_is_no_delivery_and_is_reported_unless_the_user_accepts_it() {
    const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 22\r\n\r\n<!doctype html><title>";
    let world = World::new();
    let portal = Endpoint::start(|_| Act::Bytes(PAGE.to_vec())).unwrap();
    let client = quick(portal.url()).batch_events_max(1).build().unwrap();
    emit_all(&client, 0..10);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 10);
    assert!(
        stats.delivered == 0 && stats.spilled_by(Reason::Broken) >= 3 && stats.maybe_delivered >= 3,
        "{stats}"
    );
    assert_eq!(
        world.log.count_notices("outage began: broken: status 200: an HTML page instead of an answer"),
        1
    );
    report(44, "events delivered to a captive portal", stats.delivered);

    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Bytes(PAGE.to_vec()));
    let client = quick(endpoint.url()).accept_html_answers().build().unwrap();
    emit_all(&client, 0..10);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 10);
    assert_eq!(stats.delivered, 10);
}
