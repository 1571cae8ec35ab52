//! One retry if certainly nothing was accepted, and never otherwise. Row 41 of the table of faults, and case 2 of the reports.

use crate::figures::report;
use crate::support::*;
use overspill::testkit::{Answer, Scripted};
use overspill::transport::{Failure, FailureKind, Posting, Request, Transport};
use overspill::{Client, MaybeDelivered, Reason, Stats};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

fn fails(kind: FailureKind, maybe_delivered: MaybeDelivered) -> Answer {
    Answer::After(SOON, Err(Failure::new(kind, maybe_delivered, "the script")))
}

/// A scripted transport that closes its connections on request.
struct Told<T>(T, Arc<Mutex<Vec<Post>>>);

impl<T: Transport> Transport for Told<T> {
    fn post(&mut self, request: Request) -> Posting {
        self.0.post(request)
    }

    fn connections_are_stale(&mut self) {
        self.1.lock().unwrap().push(Post::FreshConnections);
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Post {
    Key(String),
    FreshConnections,
}

/// Emits events one by one, each settled before the next. Returns each post, and the counters.
async fn run(
    events: u64,
    mut script: impl FnMut(u64) -> Answer + Send + 'static,
) -> (World, Stats, Vec<Post>) {
    let world = World::new();
    let posts = Arc::new(Mutex::new(Vec::new()));
    let (taken, made, mut nth) = (world.taken.clone(), Arc::clone(&posts), 0);
    let transport = Scripted::new(move |request| {
        made.lock().unwrap().push(Post::Key(request.idempotency_key.clone()));
        nth += 1;
        let answer = script(nth - 1);
        if matches!(&answer, Answer::After(_, Ok(reply)) if (200..300).contains(&reply.status)) {
            taken.keep(&request.body);
        }
        answer
    });
    let transport = Told(transport, Arc::clone(&posts));
    let (client, sender) =
        Client::builder("simulated").transport(transport).jitter_seed(7).build_with_sender().unwrap();
    let emitting = async {
        for id in 0..events {
            emit_all(&client, id..id + 1);
            client.flush(LONG).await.unwrap();
        }
        client.shutdown(LONG).await
    };
    let stats = tokio::join!(sender.run(), emitting).1;
    world.assert_settled(&stats, events);
    let posts = posts.lock().unwrap().clone();
    (world, stats, posts)
}

#[tokio::test(start_paused = true)]
async fn a_post_that_was_certainly_not_processed_is_retried_at_once_on_another_connection_with_the_same_key()
{
    for (what, first) in [
        ("no connection", fails(FailureKind::Connect, MaybeDelivered::No)),
        ("503", Answer::status(SOON, 503)),
        ("429", Answer::status(SOON, 429)),
        ("a stale connection", fails(FailureKind::Stale, MaybeDelivered::Yes)),
    ] {
        let (_, stats, posts) =
            run(10, move |nth| if nth == 4 { first.clone() } else { Answer::status(SOON, 200) }).await;
        assert_eq!((stats.delivered, stats.spilled, stats.posts), (10, 0, 11), "{what}: {stats}");
        // A refused attempt leaves no connection to give up.
        let fresh = posts.iter().filter(|post| **post == Post::FreshConnections).count();
        assert_eq!(fresh, usize::from(what != "no connection"), "{what}");
        let second = 5 + fresh;
        assert!(fresh == 0 || posts[5] == Post::FreshConnections, "{what}: before the second try");
        assert_eq!(posts[4], posts[second], "{what}");
        assert_ne!(posts[second], posts[second + 1], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_closed_as_idle_are_not_reported_to_the_operator() {
    let stale = |nth| match nth % 2 {
        0 => fails(FailureKind::Stale, MaybeDelivered::Yes),
        _ => Answer::status(SOON, 200),
    };
    let (world, stats, _) = run(100, stale).await;
    assert_eq!((stats.delivered, stats.posts), (100, 200), "{stats}");
    assert_eq!(
        (world.log.count_notices("posts fail"), world.log.count_notices("outage")),
        (0, 0),
        "{}",
        world.log.text()
    );
    let (world, stats, posts) = run(100, |_| fails(FailureKind::Stale, MaybeDelivered::Yes)).await;
    assert_eq!((stats.delivered, world.log.count_notices("outage began: broken: ")), (0, 1), "{stats}");
    let keys: Vec<&Post> = posts.iter().filter(|post| **post != Post::FreshConnections).collect();
    assert!(
        keys.windows(3).all(|three| three[0] != three[1] || three[1] != three[2]),
        "twice at most: {posts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_post_that_may_have_been_processed_is_not_retried() {
    for (what, first) in [
        ("500", Answer::status(SOON, 500)),
        ("502", Answer::status(SOON, 502)),
        ("a timeout", fails(FailureKind::Timeout, MaybeDelivered::Yes)),
        ("broken off", fails(FailureKind::Broken, MaybeDelivered::Yes)),
        ("400", Answer::status(SOON, 400)),
    ] {
        let (_, stats, _) =
            run(10, move |nth| if nth == 4 { first.clone() } else { Answer::status(SOON, 200) }).await;
        assert_eq!((stats.delivered, stats.spilled, stats.posts), (9, 1, 10), "{what}: {stats}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_is_sent_at_most_twice_and_is_maybe_delivered_if_either_attempt_is() {
    for (first, second, reason, maybe) in [
        (fails(FailureKind::Stale, MaybeDelivered::Yes), Answer::status(SOON, 503), Reason::Unavailable, 1),
        (Answer::status(SOON, 503), fails(FailureKind::Broken, MaybeDelivered::Yes), Reason::Broken, 1),
        (Answer::status(SOON, 503), Answer::status(SOON, 503), Reason::Unavailable, 0),
        (
            fails(FailureKind::Connect, MaybeDelivered::No),
            fails(FailureKind::Stale, MaybeDelivered::No),
            Reason::Broken,
            0,
        ),
    ] {
        let (_, stats, posts) = run(10, move |nth| match nth {
            4 => first.clone(),
            5 => second.clone(),
            _ => Answer::status(SOON, 200),
        })
        .await;
        assert_eq!((stats.delivered, stats.spilled_by(reason), stats.posts), (9, 1, 11), "{stats}");
        assert_eq!(stats.maybe_delivered, maybe, "{stats}");
        assert!(posts[5] == posts[4] || posts[6] == posts[4], "{posts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_accepts_nothing_gets_one_retry_and_none_while_it_is_out() {
    for status in [503, 429] {
        let (world, stats, posts) = run(200, move |_| Answer::status(SOON, status)).await;
        let keys: Vec<&Post> = posts.iter().filter(|post| **post != Post::FreshConnections).collect();
        let again = keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert_eq!(again, 1, "{status}: {stats}");
        assert_eq!(world.log.count_notices(&format!("outage began: unavailable: status {status}")), 1);
    }
}

/// After a suspend or a freeze, answers are late and open connections are stale. Neither is the endpoint's fault.
#[tokio::test(start_paused = true)]
async fn after_a_gap_in_time_connections_are_dropped_and_late_posts_are_no_outage() {
    let (world, posts) = (World::new(), Arc::new(Mutex::new(Vec::new())));
    let (taken, made, mut nth) = (world.taken.clone(), Arc::clone(&posts), 0);
    let transport = Scripted::new(move |request| {
        made.lock().unwrap().push(Post::Key(request.idempotency_key.clone()));
        nth += 1;
        match nth {
            1..=10 | 13.. => {
                taken.keep(&request.body);
                Answer::status(SOON, 200)
            }
            _ => Answer::Never,
        }
    });
    let (client, sender) = Client::builder("simulated")
        .transport(Told(transport, Arc::clone(&posts)))
        .batch_events_max(1)
        .jitter_seed(7)
        .build_with_sender()
        .unwrap();
    let emitting = async {
        emit_all(&client, 0..10);
        client.flush(LONG).await.unwrap();
        // Two requests in flight when the machine is suspended.
        emit_all(&client, 10..12);
        // A paused clock: both requests are sent meanwhile.
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        emit_all(&client, 12..20);
        client.flush(LONG).await.unwrap();
        client.shutdown(LONG).await
    };
    let stats = tokio::join!(sender.run(), emitting).1;
    world.assert_settled(&stats, 20);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Timeout)), (18, 2), "{stats}");
    assert_eq!(world.log.count_notices("outage began"), 0, "{}", world.log.text());
    let posts = posts.lock().unwrap();
    let told = posts.iter().position(|post| *post == Post::FreshConnections);
    assert_eq!(told, Some(12), "before the first of them: {posts:?}");
}

/// HTTP by hand: reads a whole request, or returns `None` at the connection's end.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.to_lowercase().split("content-length: ").nth(1)?.split('\r').next()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// Cases 7a and 7b: a server that closes idle connections without an answer, before the next request arrives or just as it does. The server
/// accepts no request that meets the close.
#[test]
fn row_41_behind_a_server_that_closes_idle_connections_at_any_moment_nothing_is_spilled() {
    const RACES: u64 = 1_000;
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/events", listener.local_addr().unwrap());
    let (taken, closed) = (world.taken.clone(), Arc::new(AtomicU64::new(0)));
    let closes = Arc::clone(&closed);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (taken, closes) = (taken.clone(), Arc::clone(&closes));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let Some(body) = read_request(&mut reader) else { return };
                taken.keep(&body);
                if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                    return;
                }
                // In half of the cases the whole next request has arrived by then. In the others the close comes at once or in between.
                match closes.fetch_add(1, Ordering::Relaxed) % 4 {
                    0 => {}
                    1 => drop(reader.fill_buf()),
                    2 => std::thread::park_timeout(Duration::from_micros(fastrand::u64(..3_000))),
                    _ => drop(read_request(&mut reader)),
                }
            });
        }
    });
    let client = quick(url).batch_age_max(Duration::from_millis(1)).posts_in_flight_max(1).build().unwrap();
    for id in 0..RACES {
        emit_all(&client, id..id + 1);
        until("the event to be settled", || client.stats().pending == 0);
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, RACES);
    // Each connection serves one request and is closed, sometimes after the next one, which it has read and not accepted.
    assert!(closed.load(Ordering::Relaxed) > RACES / 2);
    assert_eq!((stats.delivered, stats.spilled), (RACES, 0), "{stats}\n{}", world.log.text());
    report(41, "spilled behind connections closed as idle", format!("{} of {RACES}", stats.spilled));
}
