//! Row 20: emit, flush, shutdown and drop wherever a process may call them, against an endpoint that is healthy, gone,
//! or hangs. Each case is a separate child; none panics, hangs or is late, and nothing is lost.

use crate::child::{Part, Start, log_to_stdout, say, threads, until_threads, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled};
use crate::support::{Numbered, block_on, emit_all, quick};
use overspill::spill::{Record, SpillSink, WriteSink};
use overspill::{Client, Mode, Stats};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Builder as Runtime;

/// For each flush and each shutdown.
const DEADLINE: Duration = Duration::from_millis(400);

macro_rules! lives {
    ($($promise:ident: $life:expr;)*) => {
        $(#[test] fn $promise() { lives(stringify!($promise)); })*
        pub const PARTS: &[Part] = &[
            $((stringify!($promise), || { log_to_stdout(); $life })),*,
        ];
    };
}

lives! {
    without_a_runtime_a_client_lives_and_ends: block_on(life(0));
    on_a_current_thread_runtime_a_client_lives_and_ends: current_thread().block_on(life(0));
    on_a_multi_thread_runtime_a_client_lives_and_ends: multi_thread().block_on(async { tokio::spawn(life(0)).await.unwrap() });
    a_blocking_shutdown_inside_block_on_does_not_deadlock: current_thread().block_on(async { blocking_life() });
    a_blocking_shutdown_on_a_runtimes_blocking_thread_does_not_deadlock:
        multi_thread().block_on(async { tokio::task::spawn_blocking(blocking_life).await.unwrap() });
    shutting_down_twice_gives_the_same_books_and_later_events_go_to_the_log: twice();
    eight_threads_may_emit_and_shut_down_at_once: eight_threads();
    a_client_outlives_the_runtime_it_was_built_in: after_the_runtime();
    a_panic_hook_may_shut_down: in_a_panic_hook(|| panic!("the application's own"));
    a_panic_hook_may_shut_down_while_a_serialize_panics_inside_emit: in_a_panic_hook(|| {});
    a_panic_hook_may_shut_down_while_a_sink_panics_on_a_callers_thread: while_a_sink_panics();
    dropping_the_last_client_inside_a_runtime_settles_everything: current_thread().block_on(async { dropped(drop) });
    dropping_the_last_client_while_unwinding_settles_everything: dropped(|client| {
        // Printing a panic with a backtrace takes longer than everything else.
        std::panic::set_hook(Box::new(|_| {}));
        let _ = std::thread::spawn(move || { let _held = client; panic!("with a client in hand") }).join();
    });
    a_client_in_a_thread_local_may_shut_down_as_its_thread_ends: as_a_thread_ends();
}

/// The parent's half: one child per state of the endpoint, each ending with the law.
fn lives(promise: &'static str) {
    let mut latest = 0;
    for (peer, name) in [(Peer::healthy(), "well"), (Peer::refused(), "gone"), (Peer::tarpit(), "hangs")] {
        let ended = Start::of(promise, peer.url()).start().succeed();
        assert_settled(&peer, &ended, ended.figure("emitted "));
        let late = ended.said.iter().filter_map(|said| said.strip_prefix("late by ms ")?.parse().ok()).max();
        // Allows half a second for a busy machine; the figure is the measured value.
        assert!(late.unwrap_or(0) < 500, "the endpoint {name}: {late:?} ms late\n{ended}");
        latest = latest.max(late.unwrap_or(0));
    }
    report(20, "latest return of flush or shutdown after its deadline, ms", latest);
}

fn client() -> Client {
    // No request ends by itself in a tarpit: only the deadlines end the wait.
    quick(url()).post_timeout(Duration::from_secs(60)).shutdown_timeout(DEADLINE).build().unwrap()
}

fn current_thread() -> tokio::runtime::Runtime {
    Runtime::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> tokio::runtime::Runtime {
    Runtime::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn late(began: Instant) {
    say(format_args!("late by ms {}", began.elapsed().saturating_sub(DEADLINE).as_millis()));
}

fn end_blocking(client: &Client) -> Stats {
    let began = Instant::now();
    let stats = client.shutdown_blocking(DEADLINE);
    late(began);
    assert_eq!((stats.pending, stats.lost), (0, 0), "{stats}");
    stats
}

async fn flush(client: &Client) {
    let began = Instant::now();
    // In a tarpit it ends at its deadline, as it should.
    let _ = client.flush(DEADLINE).await;
    late(began);
}

async fn life(first: u64) {
    let client = client();
    emit_all(&client, first..first + 30);
    flush(&client).await;
    emit_all(&client, first + 30..first + 60);
    let began = Instant::now();
    let stats = client.shutdown(DEADLINE).await;
    late(began);
    assert_eq!((stats.pending, stats.lost), (0, 0), "{stats}");
    say(format_args!("emitted {}", first + 60));
}

fn blocking_life() {
    let client = client();
    emit_all(&client, 0..60);
    end_blocking(&client);
    say("emitted 60");
}

fn twice() {
    let client = client();
    emit_all(&client, 0..40);
    let first = end_blocking(&client);
    let second = block_on(client.shutdown(DEADLINE));
    assert_eq!(first.to_string(), second.to_string());
    emit_all(&client, 40..60);
    block_on(flush(&client));
    assert_eq!(end_blocking(&client).spilled, first.spilled + 20);
    say("emitted 60");
}

fn eight_threads() {
    let client = client();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                emit_all(&client, thread * 50..thread * 50 + 25);
                if thread % 2 == 0 {
                    client.shutdown_blocking(DEADLINE);
                } else {
                    block_on(client.shutdown(DEADLINE));
                }
                emit_all(&client, thread * 50 + 25..thread * 50 + 50);
            });
        }
    });
    end_blocking(&client);
    say("emitted 400");
}

fn after_the_runtime() {
    let runtime = multi_thread();
    let client = runtime.block_on(async {
        let client = client();
        emit_all(&client, 0..30);
        client
    });
    drop(runtime);
    emit_all(&client, 30..60);
    block_on(flush(&client));
    end_blocking(&client);
    say("emitted 60");
}

/// Panics inside `emit`, which contains panics of the event's encoding; panic hooks still run.
struct Panics;
impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a Serialize")
    }
}

fn in_a_panic_hook(panics: fn()) {
    let client = client();
    emit_all(&client, 0..60);
    let last = client.clone();
    std::panic::set_hook(Box::new(move |_| {
        let began = Instant::now();
        last.shutdown_blocking(DEADLINE);
        late(began);
    }));
    let own = std::thread::spawn(panics).join();
    if own.is_ok() {
        // Its own hook has closed the client; an event that cannot be encoded cannot be delivered.
        client.emit(&Panics);
    }
    let stats = client.stats();
    assert_eq!((stats.pending, stats.lost), (0, u64::from(own.is_ok())), "{stats}");
    say("emitted 60");
}

/// The panicking log write blocks the sender's own writes: waiting for the sender there would cost its events.
fn while_a_sink_panics() {
    struct PanicsOnce(AtomicBool, WriteSink<std::io::Stderr>);
    impl SpillSink for PanicsOnce {
        fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
            assert!(self.0.swap(true, Ordering::Relaxed), "a sink");
            self.1.write(record)
        }
    }
    let client = quick(url())
        .post_timeout(Duration::from_secs(60))
        .spill_sink(PanicsOnce(AtomicBool::new(false), WriteSink::new(std::io::stderr())))
        // Nothing reaches the sink before the caller's own event does.
        .batch_age_max(Duration::from_secs(60))
        .build()
        .unwrap();
    emit_all(&client, 0..60);
    let last = client.clone();
    std::panic::set_hook(Box::new(move |_| {
        let began = Instant::now();
        last.shutdown_blocking(DEADLINE);
        late(began);
    }));
    client.set_mode(Mode::LogOnly);
    client.emit(&Numbered::of(60));
    end_blocking(&client);
    say("emitted 61");
}

fn dropped(end: impl FnOnce(Client)) {
    let before = threads();
    let client = client();
    emit_all(&client, 0..60);
    let began = Instant::now();
    end(client);
    until_threads(before);
    late(began);
    say("emitted 60");
}

fn as_a_thread_ends() {
    struct Last(Client);
    impl Drop for Last {
        fn drop(&mut self) {
            emit_all(&self.0, 30..60);
            end_blocking(&self.0);
        }
    }
    thread_local!(static HELD: RefCell<Option<Last>> = const { RefCell::new(None) });
    let client = client();
    let thread = std::thread::spawn(move || {
        emit_all(&client, 0..30);
        HELD.set(Some(Last(client)));
    });
    thread.join().unwrap();
    say("emitted 60");
}
