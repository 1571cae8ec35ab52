//! The status settles the events: odd heads and bodies of any kind delay neither the events nor the slot of their post.

use crate::figures::report;
use crate::support::*;
use overspill::format::{Body, Events, Format, JsonArray, Overhead, Refused, SettledBy};
use overspill::transport::Reply;
use overspill::{Client, Reason};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn bytes(text: impl AsRef<str>) -> Act {
    Act::Bytes(text.as_ref().as_bytes().to_vec())
}

/// Delivers events to an endpoint that answers with this head. Returns the error if they were not delivered.
fn outcome_of(head: &str) -> Result<(), String> {
    let world = World::new();
    let answer = head.to_owned();
    // Recorded before the answer, even if something precedes the status in it.
    let takes = world.taken.clone();
    let endpoint = Endpoint::start(move |request| {
        takes.keep(&request.body);
        bytes(&answer)
    })
    .unwrap();
    let client = quick(endpoint.url()).build().unwrap();
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 5);
    match stats.delivered {
        5 => Ok(()),
        0 => Err(world.log.text()),
        other => panic!("{head:?}: {other}"),
    }
}

#[test]
fn an_answer_whose_status_and_frame_are_plain_delivers_however_odd_its_headers_are() {
    for odd in [
        // Seen in the wild.
        "X-Frame-Options : deny\r\n",
        "X-Frame-Options\t: deny\r\n",
        "x-long: a\r\n  folded line\r\n",
        "x-long: a\r\n\tfolded line\r\n",
        "no colon at all\r\n",
        ": no name\r\n",
        "x y z: blanks in the name\r\n",
        "x-{odd}: brackets\r\n",
        "x-\u{fc}: not ASCII\r\n",
        "x-note: gr\u{fc}n\r\n",
        "x-control: a\u{1}b\r\n",
        "x-empty:\r\n",
        "x-empty: \t \r\n",
        "x-a: 1\r\nx-a: 2\r\nx-a: 3\r\n",
        "<html>\r\n",
        "\"quoted\": yes\r\n",
        "date: not a date\r\n",
        "retry-after: soon\r\n",
        "content-type\r\n",
        "set-cookie: a=b; \u{7f}\r\n",
        "keep-alive: timeout=\r\n",
        "connection: upgrade, nonsense\r\n",
        "HTTP/1.1 100 Continue\r\n",
    ] {
        let head = format!("{OK}{odd}content-length: 0\r\n\r\n");
        assert_eq!(outcome_of(&head), Ok(()), "{odd:?}");
    }
    let long = format!("x-long: {}\r\n", "a".repeat(100_000));
    let many: String = (0..290).map(|nth| format!("x-{nth}: {nth}\r\n")).collect();
    for head in [
        "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 gr\u{fc}n\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 299 Strange\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\ncontent-length: 0\n\n".to_owned(),
        "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            .to_owned(),
        format!("{OK}CONTENT-LENGTH:0\r\n\r\n"),
        format!("{OK}content-length: 0\r\ncontent-length: 0\r\n\r\n"),
        format!("{OK}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{OK}{long}content-length: 0\r\n\r\n"),
        format!("{OK}{many}content-length: 0\r\n\r\n"),
    ] {
        assert_eq!(outcome_of(&head), Ok(()), "{:?}", head.chars().take(80).collect::<String>());
    }
}

/// Answers that the HTTP client always rejects: they have no valid status line, or no clear end of the body, which could split one
/// answer into two. Their events are in the log, marked as maybe delivered.
#[test]
fn an_answer_without_a_plain_status_line_or_frame_is_broken_and_says_why() {
    let many: String = (0..310).map(|nth| format!("x-{nth}: {nth}\r\n")).collect();
    for (head, why) in [
        ("HTTP/1.1  200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), "invalid HTTP status-code parsed"),
        ("HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), "invalid HTTP status-code parsed"),
        ("HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), "invalid HTTP version parsed"),
        ("http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), "invalid HTTP version parsed"),
        ("ICY 200 OK\r\n\r\n".to_owned(), "invalid HTTP version parsed"),
        ("+OK ready\r\n".to_owned(), "invalid HTTP version parsed"),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}F".to_owned(), "a TLS port?"),
        (format!("{OK}content-length: five\r\n\r\n"), "invalid content-length parsed"),
        (format!("{OK}content-length: -1\r\n\r\n"), "invalid content-length parsed"),
        (format!("{OK}content-length: 1\r\ncontent-length: 2\r\n\r\n"), "invalid content-length parsed"),
        (format!("{OK}x-zero: a\0b\r\ncontent-length: 0\r\n\r\n"), "invalid HTTP header parsed"),
        (format!("{OK}{many}content-length: 0\r\n\r\n"), "message head is too large"),
    ] {
        let said = outcome_of(&head).expect_err(&head);
        assert!(said.contains(why), "{:?}: {said}", head.chars().take(80).collect::<String>());
    }
}

/// Bodies that do not end as announced, after a valid status.
fn bodies() -> Vec<(&'static str, Act)> {
    // The head drips too, a byte per millisecond; the whole would take more than three seconds.
    let drip = |text: &str| Act::Drip(text.as_bytes().to_vec(), Duration::from_millis(1));
    let endless =
        |head: &str, chunk: &[u8]| Act::Endless { head: head.as_bytes().to_vec(), chunk: chunk.to_vec() };
    vec![
        ("shorter than announced, and held", bytes(format!("{OK}content-length: 3\r\n\r\nok"))),
        ("not there at all, and held", bytes(format!("{OK}content-length: 1000\r\n\r\n"))),
        ("longer than announced", bytes(format!("{OK}content-length: 1\r\n\r\nok, and then some"))),
        (
            "longer by another answer",
            bytes(format!("{OK}content-length: 0\r\n\r\n{OK}content-length: 0\r\n\r\n")),
        ),
        ("cut short", Act::BytesThenClose(format!("{OK}content-length: 9\r\n\r\nok").into_bytes())),
        ("reset", Act::BytesThenReset(format!("{OK}content-length: 9\r\n\r\nok").into_bytes())),
        ("without a length, to the end", Act::BytesThenClose(format!("{OK}\r\nok").into_bytes())),
        ("without a length, and held", bytes(format!("{OK}\r\nok"))),
        ("dripping", drip(&format!("{OK}content-length: 3000\r\n\r\n{}", "x".repeat(3000)))),
        ("chunks that are none", bytes(format!("{OK}transfer-encoding: chunked\r\n\r\nzz\r\nok"))),
        ("chunks without end, and held", bytes(format!("{OK}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n"))),
        (
            "a chunk that is shorter, and held",
            bytes(format!("{OK}transfer-encoding: chunked\r\n\r\nff\r\nok")),
        ),
        ("chunks for ever", endless(&format!("{OK}transfer-encoding: chunked\r\n\r\n"), b"2\r\nok\r\n")),
        ("for ever", endless(&format!("{OK}\r\n"), &[b'x'; 1000])),
        ("4 GiB announced", bytes(format!("{OK}content-length: 4294967296\r\n\r\nok"))),
        ("compressed, it says", bytes(format!("{OK}content-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"))),
        (
            "chunked, and of a length",
            bytes(format!("{OK}content-length: 99\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")),
        ),
    ]
}

#[test]
fn whatever_the_body_does_the_events_are_delivered_and_the_slot_is_free_within_a_second() {
    let mut worst = Duration::ZERO;
    for (what, act) in bodies() {
        let world = World::new();
        let endpoint = world.endpoint(move |_| act.clone());
        let client = quick(endpoint.url())
            .post_timeout(Duration::from_secs(20))
            .posts_in_flight_max(1)
            .batch_events_max(1)
            .build()
            .unwrap();
        let began = Instant::now();
        emit_all(&client, 0..4);
        block_on(client.flush(LONG)).unwrap();
        let took = began.elapsed() / 4;
        assert!(took < Duration::from_secs(1), "{what}: a slot was held for {took:?}");
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 4);
        assert_eq!((stats.delivered, stats.posts_failed), (4, 0), "{what}: {stats}");
        worst = worst.max(took);
    }
    report(42, "longest that a slot was held, bodies of any kind", format!("{} ms", worst.as_millis()));
}

#[test]
fn one_event_per_millisecond_is_delivered_despite_bodies_that_never_end() {
    let world = World::new();
    let endpoint = world.endpoint(|_| bytes(format!("{OK}content-length: 3\r\n\r\nok")));
    let client = Client::builder(endpoint.url()).build().unwrap();
    let began = Instant::now();
    for id in 0..2_000 {
        client.emit(&Numbered::of(id));
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let stats = client.shutdown_blocking(Duration::from_secs(2));
    world.assert_settled(&stats, 2_000);
    assert_eq!(stats.delivered, 2_000, "{stats} after {:?}", began.elapsed());
    report(42, "delivered share, bodies that never end", "100 %");
}

#[test]
fn a_refusal_gives_its_reason_and_frees_its_slot_within_half_a_second() {
    for (what, act, words) in [
        ("whole", bytes("HTTP/1.1 400 Bad\r\ncontent-length: 3\r\n\r\nwhy"), true),
        ("held", bytes("HTTP/1.1 400 Bad\r\ncontent-length: 9\r\n\r\nwhy"), true),
        ("never", bytes("HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\n"), false),
        (
            "for ever",
            Act::Endless { head: b"HTTP/1.1 401 No\r\n\r\n".to_vec(), chunk: vec![b'x'; 1000] },
            true,
        ),
    ] {
        let world = World::new();
        let endpoint = world.endpoint(move |_| act.clone());
        let builder = quick(endpoint.url()).post_timeout(Duration::from_secs(20)).batch_events_max(1);
        let client = builder.posts_in_flight_max(1).build().unwrap();
        let began = Instant::now();
        emit_all(&client, 0..1);
        block_on(client.flush(LONG)).unwrap();
        // One post, or two if it is retried.
        assert!(began.elapsed() < Duration::from_millis(1_900), "{what}: {:?}", began.elapsed());
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 1);
        assert_eq!((stats.spilled, words), (1, words), "{what}: {stats}");
    }
}

#[test]
fn connections_are_reused_after_answers_with_a_body_whether_it_comes_at_once_or_later() {
    let whole = format!("{OK}content-length: 11\r\n\r\n{{\"ok\":true}}");
    let chunked = format!("{OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    for (what, act) in [
        ("none", Act::Status(204)),
        ("at once", bytes(&whole)),
        ("chunked", bytes(&chunked)),
        ("of a length behind a blank", bytes(format!("{OK}content-length : 2\r\n\r\nok"))),
        // A byte per millisecond: 50 to 60 ms, longer than the post waits.
        ("later", Act::Drip(whole.into_bytes(), Duration::from_millis(1))),
    ] {
        let world = World::new();
        let endpoint = world.endpoint(move |_| act.clone());
        let client = Client::builder(endpoint.url())
            .posts_in_flight_max(1)
            .batch_age_max(Duration::from_millis(5))
            .build()
            .unwrap();
        for id in 0..20 {
            emit_all(&client, id..id + 1);
            block_on(client.flush(LONG)).unwrap();
            // Lets the client read the rest of the body, after the post has ended.
            std::thread::park_timeout(Duration::from_millis(if what == "later" { 150 } else { 1 }));
        }
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 20);
        assert_eq!((stats.delivered, endpoint.requests()), (20, 20), "{what}");
        assert_eq!(endpoint.connections(), 1, "{what}");
    }
}

/// Reads the body of each answer, and refuses the events that it names.
struct Partial;

impl Format for Partial {
    fn content_type(&self) -> &'static str {
        JsonArray.content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        JsonArray.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        JsonArray.overhead()
    }

    fn refused(&self, reply: &Reply, _: usize) -> Refused {
        match reply.body.as_slice() {
            b"the second" => Refused::Events(vec![1]),
            b"" => Refused::None,
            _ => Refused::Unknown,
        }
    }
}

#[test]
fn a_format_that_wants_the_body_gets_it_whole_within_the_post_timeout() {
    assert_eq!((Partial.settled_by(), JsonArray.settled_by()), (SettledBy::Body, SettledBy::Status));
    let world = World::new();
    let answer = format!("{OK}content-length: 10\r\n\r\nthe second");
    // At least 53 ms: longer than the client waits for a body that it does not need.
    let endpoint = Endpoint::start(
        world.taken.when(move |_| Act::Drip(answer.clone().into_bytes(), Duration::from_millis(1))),
    )
    .unwrap();
    let client = quick(endpoint.url())
        .post_timeout(Duration::from_secs(10))
        .batch_age_max(Duration::from_millis(100))
        .format(Partial)
        .build()
        .unwrap();
    emit_all(&client, 0..3);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Refused), stats.lost), (2, 1, 0), "{stats}");
    assert_eq!(ids_spilled(&world.log), [1]);
}

/// Closes a connection that was idle for too long just as the next request arrives on it: the request is read, and nothing
/// answers.
#[test]
fn a_reused_connection_that_does_not_answer_is_distinguished_from_a_new_one() {
    let world = World::new();
    let served = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&served);
    let endpoint = world.endpoint(move |_| match counts.fetch_add(1, Ordering::AcqRel) {
        0 => Act::Status(200),
        _ => Act::Close,
    });
    let client = quick(endpoint.url()).batch_events_max(1).posts_in_flight_max(1).build().unwrap();
    emit_all(&client, 0..1);
    block_on(client.flush(LONG)).unwrap();
    emit_all(&client, 1..2);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 2);
    assert_eq!(
        (stats.delivered, stats.spilled_by(Reason::Broken), stats.maybe_delivered),
        (1, 1, 1),
        "{stats}"
    );
}
