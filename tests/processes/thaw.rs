//! Freeze and thaw: what a serverless platform does to its process between two calls, and a paused container to all its processes.
//!
//! The monotonic clock keeps running: after the thaw every timer is due at once, and peers have given up. Every event is at the
//! endpoint or in the log afterwards, wherever it was at the freeze, and a freeze is not an outage.

use crate::child::{Part, Running, Start, hear, log_to_stdout, say, url};
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{LONG, Numbered, emit_all, quick, until};
use overspill::testkit::{Act, Endpoint, Taken};
use overspill::{Builder, MaybeDelivered};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub const PARTS: &[Part] = &[("function", function), ("frozen under load", frozen_under_load)];

/// Long enough for the freeze to begin before a post times out.
const POST_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Longer than a post waits, but too short for the sender to recognize as a gap.
const SHORT: Duration = Duration::from_millis(1_800);
/// Long enough to be a gap, and longer than an idle connection is kept.
const WHILE: Duration = Duration::from_millis(2_800);

fn client() -> Builder {
    quick(url()).post_timeout(POST_TIMEOUT).connection_idle_max(Duration::from_secs(2))
}

/// A line is a number of events, or `shutdown MS`. Any other line is the end.
fn function() {
    log_to_stdout();
    let client = client().build().unwrap();
    let (mut next, mut within) = (0, LONG);
    loop {
        let line = hear();
        if let Some(millis) = line.strip_prefix("shutdown ") {
            within = Duration::from_millis(millis.parse().unwrap());
            break;
        }
        let Ok(count) = line.parse::<u64>() else { break };
        emit_all(&client, next..next + count);
        next += count;
        say(format_args!("emitted {next}"));
    }
    say("shutting down");
    let stats = client.shutdown_blocking(within);
    say(format_args!("books {} {} {} {}", stats.emitted, stats.delivered, stats.spilled, stats.lost));
}

/// Emitted, delivered, spilled, lost.
fn books(ended: &crate::child::Ended) -> [u64; 4] {
    let books: String = ended.figure("books ");
    let books: Vec<u64> = books.split(' ').map(|figure| figure.parse().unwrap()).collect();
    books.try_into().unwrap()
}

/// Freezes the child for this long, while something happens elsewhere.
fn frozen(child: &Running, time: Duration, meanwhile: impl FnOnce()) {
    child.freeze();
    meanwhile();
    // The freeze itself: there is no condition to wait for.
    std::thread::sleep(time);
    child.thaw();
}

/// An endpoint whose first request waits until the child is frozen.
fn answers_the_first_in_the_freeze(first: Act) -> (Peer, Arc<AtomicBool>, Arc<AtomicU64>) {
    let (is_frozen, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (until_frozen, count) = (Arc::clone(&is_frozen), Arc::clone(&asked));
    let peer = Peer::of(move || {
        if count.fetch_add(1, Ordering::AcqRel) > 0 {
            return Act::Status(200);
        }
        until("the freeze", || until_frozen.load(Ordering::Acquire));
        first.clone()
    });
    (peer, is_frozen, asked)
}

#[test]
fn an_answer_that_came_during_a_freeze_counts_however_long_that_was() {
    for time in [SHORT, WHILE] {
        let (peer, is_frozen, asked) = answers_the_first_in_the_freeze(Act::Status(200));
        let mut child = Start::of("function", peer.url()).start();
        child.tell("20");
        until("the request", || asked.load(Ordering::Acquire) == 1);
        frozen(&child, time, || {
            is_frozen.store(true, Ordering::Release);
            until("the answer", || peer.endpoint.bytes_written() > 0);
        });
        child.tell("20");
        child.until_said("emitted 40");
        child.tell("");
        let ended = child.succeed();
        assert_settled(&peer, &ended, 40);
        assert_eq!(books(&ended), [40, 40, 0, 0], "{ended}");
        assert_eq!(ended.count_notices("outage"), 0, "{ended}");
    }
}

#[test]
fn a_post_that_died_in_a_freeze_is_in_the_log_and_marked_and_is_no_outage() {
    for (time, act) in [(SHORT, Act::Hang), (WHILE, Act::Hang), (SHORT, Act::Reset), (WHILE, Act::Close)] {
        let (peer, is_frozen, asked) = answers_the_first_in_the_freeze(act);
        let mut child = Start::of("function", peer.url()).start();
        child.tell("20");
        until("the request", || asked.load(Ordering::Acquire) == 1);
        frozen(&child, time, || is_frozen.store(true, Ordering::Release));
        child.tell("20");
        child.until_said("emitted 40");
        child.tell("");
        let ended = child.succeed();
        assert_settled(&peer, &ended, 40);
        let in_log = spilled(&ended);
        assert!(in_log.iter().all(|event| event.maybe_delivered == MaybeDelivered::Yes), "{in_log:?}");
        assert_eq!(books(&ended)[3], 0, "{ended}");
        assert!(books(&ended)[1] >= 20, "what came after the thaw is delivered: {ended}");
        assert_eq!(ended.count_notices("outage"), 0, "{ended}");
    }
}

#[test]
fn connections_that_were_closed_in_a_freeze_cost_no_event() {
    for time in [SHORT, WHILE] {
        let peer = Peer::healthy();
        let mut child = Start::of("function", peer.url()).start();
        for call in 1..=2 {
            child.tell("20");
            until("the events", || peer.taken.len() == call * 20);
            frozen(&child, time, || peer.endpoint.hang_up());
        }
        child.tell("20");
        child.until_said("emitted 60");
        child.tell("");
        let ended = child.succeed();
        assert_settled(&peer, &ended, 60);
        assert_eq!(books(&ended), [60, 60, 0, 0], "{ended}");
        assert_eq!(ended.count_notices("outage"), 0, "{ended}");
    }
}

/// Like a NAT gateway that has forgotten the connections: writes get no answer.
#[test]
fn connections_that_died_silently_in_a_freeze_are_not_reused() {
    let taken = Taken::default();
    let (dead, alive) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (dead_up_to, seen) = (Arc::clone(&dead), Arc::clone(&alive));
    let endpoint = Endpoint::start(taken.when(move |request| {
        // Connections are numbered from zero.
        seen.fetch_max(request.connection + 1, Ordering::AcqRel);
        if request.connection < dead_up_to.load(Ordering::Acquire) { Act::Hang } else { Act::Status(200) }
    }))
    .unwrap();
    let peer = Peer { taken, endpoint };
    let mut child = Start::of("function", peer.url()).start();
    child.tell("20");
    until("the events", || peer.taken.len() == 20);
    frozen(&child, WHILE, || dead.store(alive.load(Ordering::Acquire), Ordering::Release));
    child.tell("20");
    child.until_said("emitted 40");
    child.tell("");
    let ended = child.succeed();
    assert_settled(&peer, &ended, 40);
    assert_eq!(books(&ended), [40, 40, 0, 0], "{ended}");
}

#[test]
fn an_outage_that_was_over_before_the_thaw_ends_with_the_first_events_after_it() {
    let peer = Peer::refused();
    let mut child = Start::of("function", peer.url()).start();
    let mut emitted = 0;
    let mut emit = |child: &mut Running| {
        child.tell("5");
        emitted += 5;
        child.until_said(&format!("emitted {emitted}"));
        emitted
    };
    // Several failed posts make an outage.
    for _ in 0..5 {
        emit(&mut child);
        std::thread::park_timeout(Duration::from_millis(50));
    }
    frozen(&child, WHILE, || peer.endpoint.accept().unwrap());
    let mut last = 0;
    until("a delivery after the thaw", || {
        last = emit(&mut child);
        !peer.taken.is_empty()
    });
    child.tell("");
    let ended = child.succeed();
    assert_settled(&peer, &ended, last);
    assert_eq!(books(&ended)[3], 0, "{ended}");
    assert_eq!(ended.count_notices("outage began"), ended.count_notices("outage ended after"), "{ended}");
    assert_eq!(ended.count_notices("outage began"), 1, "{ended}");
}

/// When the process resumes, the deadline is in the past and pending events are not yet written.
#[test]
fn a_shutdown_whose_deadline_passed_in_the_freeze_still_writes_everything_down() {
    let peer = Peer::tarpit();
    let mut child = Start::of("function", peer.url()).start();
    child.tell("500");
    until("the request", || peer.endpoint.requests() > 0);
    child.until_said("emitted 500");
    child.tell("shutdown 800");
    child.until_said("shutting down");
    frozen(&child, WHILE, || {});
    let ended = child.succeed();
    assert_settled(&peer, &ended, 500);
    assert_eq!(books(&ended), [500, 0, 500, 0], "{ended}");
}

fn frozen_under_load() {
    const EACH: u64 = 30_000;
    log_to_stdout();
    let client = client().build().unwrap();
    let emitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for first in [0, EACH] {
            let (client, emitted) = (&client, &emitted);
            scope.spawn(move || {
                for id in first..first + EACH {
                    client.emit(&Numbered::of(id));
                    if emitted.fetch_add(1, Ordering::AcqRel) % 10_000 == 9_999 {
                        say("ten thousand more");
                    }
                    if id % 20 == 0 {
                        // A moderate load: about 10,000 events a second.
                        std::thread::park_timeout(Duration::from_millis(2));
                    }
                }
            });
        }
    });
    let stats = client.shutdown_blocking(LONG);
    say(format_args!("books {} {} {} {}", stats.emitted, stats.delivered, stats.spilled, stats.lost));
}

#[test]
fn a_service_that_is_frozen_under_load_again_and_again_loses_nothing() {
    let peer = Peer::healthy();
    let child = Start::of("frozen under load", peer.url()).within(LONG * 2).start();
    for time in [SHORT, WHILE, Duration::from_millis(50)] {
        let said = child.said().len();
        until("some load", || child.said().len() > said);
        frozen(&child, time, || {});
    }
    let ended = child.succeed();
    assert_settled(&peer, &ended, 60_000);
    let [emitted, delivered, _, lost] = books(&ended);
    assert_eq!((emitted, lost), (60_000, 0), "{ended}");
    assert!(delivered > 50_000, "{ended}");
    assert_eq!(ended.count_notices("outage"), 0, "{ended}");
}
