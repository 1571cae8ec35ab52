//! Flush, shutdown and drop work anywhere, any number of times, within their deadlines.

use crate::support::*;
use overspill::spill::{Record, SpillSink};
use overspill::{Client, Emitted, FlushError, Mode, Observer, Reason, Signal};
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::task::Context;
use std::time::{Duration, Instant};

#[test]
fn flush_waits_for_what_was_emitted_before_it_and_not_for_the_batch_age() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_age_max(Duration::from_secs(3600)).build().unwrap();
    for round in 1..=5 {
        emit_all(&client, (round - 1) * 700..round * 700);
        assert_eq!(block_on(client.flush(LONG)), Ok(()));
        assert_eq!((client.stats().delivered, world.taken.len() as u64), (round * 700, round * 700));
    }
    assert_eq!(block_on(client.flush(LONG)), Ok(()), "of nothing");
    world.assert_settled(&client.shutdown_blocking(LONG), 3500);
}

#[test]
fn flush_from_many_threads_under_load_returns_to_each_with_its_events_settled() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, taken) = (client.clone(), world.taken.clone());
            scope.spawn(move || {
                for round in 0..10 {
                    let id = thread * 10 + round;
                    emit_all(&client, id..id + 1);
                    assert_eq!(block_on(client.flush(LONG)), Ok(()));
                    assert!(ids_taken(&taken).contains(&id));
                }
            });
        }
    });
    world.assert_settled(&client.shutdown_blocking(LONG), 80);
}

#[test]
fn flush_and_shutdown_keep_their_deadlines_in_a_tarpit() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Hang);
    // One batch, which is sent only because of the flush.
    let client = quick(endpoint.url())
        .batch_age_max(Duration::from_secs(60))
        .post_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    emit_all(&client, 0..100);
    let began = Instant::now();
    assert_eq!(block_on(client.flush(Duration::from_millis(100))), Err(FlushError::DeadlinePassed));
    assert!((100..1000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let began = Instant::now();
    let stats = block_on(client.shutdown(Instant::now() + Duration::from_millis(300)));
    assert!((250..1000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    world.assert_settled(&stats, 100);
    assert_eq!((stats.spilled_by(Reason::Deadline), stats.maybe_delivered), (100, 100));
}

#[test]
fn a_flush_or_shutdown_future_dropped_half_way_loses_nothing() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let waker = std::task::Waker::noop();
    for id in 0..50 {
        emit_all(&client, id..id + 1);
        let mut flush = Box::pin(client.flush(LONG));
        let _ = flush.as_mut().poll(&mut Context::from_waker(waker));
    }
    let mut shutdown = Box::pin(client.shutdown(LONG));
    let _ = shutdown.as_mut().poll(&mut Context::from_waker(waker));
    drop(shutdown);
    world.assert_settled(&client.shutdown_blocking(LONG), 50);
}

#[test]
fn shutdown_twice_and_from_eight_threads_gives_the_same_books() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    emit_all(&client, 0..500);
    let stats: Vec<_> = std::thread::scope(|scope| {
        let enders: Vec<_> = (0..8)
            .map(|nth| {
                let client = client.clone();
                scope.spawn(move || {
                    if nth % 2 == 0 {
                        client.shutdown_blocking(LONG)
                    } else {
                        block_on(client.shutdown(LONG))
                    }
                })
            })
            .collect();
        enders.into_iter().map(|ender| ender.join().unwrap()).collect()
    });
    stats.iter().for_each(|stats| world.assert_settled(stats, 500));
    world.assert_settled(&client.shutdown_blocking(LONG), 500);
}

#[test]
fn dropping_a_clone_does_nothing_and_dropping_the_last_lets_the_sender_finish() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_age_max(Duration::from_secs(3600)).build().unwrap();
    drop(client.clone());
    emit_all(&client, 0..700);
    drop(client);
    until("delivery after the drop", || world.taken.len() == 700);
    until("the thread to end", || world.log.count_notices("shut down: emitted 700 = delivered 700") == 1);
}

#[test]
fn dropping_the_last_client_in_a_tarpit_spills_the_rest_within_the_shutdown_timeout() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Hang);
    let client = quick(endpoint.url())
        .post_timeout(Duration::from_secs(60))
        .shutdown_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    emit_all(&client, 0..50);
    drop(client);
    until("the spill", || world.log.events().len() == 50);
}

/// The whole life of a client, inside any kind of caller.
async fn life(world: &World, url: String, first: u64) {
    let client = quick(url).build().unwrap();
    emit_all(&client, first..first + 10);
    client.flush(LONG).await.unwrap();
    emit_all(&client, first + 10..first + 20);
    let stats = if first % 40 == 0 { client.shutdown(LONG).await } else { client.shutdown_blocking(LONG) };
    assert_eq!((stats.emitted, stats.delivered, stats.pending), (20, 20, 0));
    assert!(world.taken.len() as u64 >= 20);
}

#[test]
fn it_works_under_any_runtime_and_without_one() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let url = endpoint.url();
    block_on(life(&world, url.clone(), 0));
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    current.block_on(life(&world, url.clone(), 20));
    let current_all = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    current_all.block_on(life(&world, url.clone(), 40));
    let multi = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    multi.block_on(life(&world, url.clone(), 60));
    // Built inside a runtime, used after the runtime has ended.
    let client = multi.block_on(async { quick(url).build().unwrap() });
    drop((current, current_all, multi));
    emit_all(&client, 80..90);
    assert_eq!(client.shutdown_blocking(LONG).delivered, 10);
    assert_eq!(ids_taken(&world.taken), (0..90).collect());
}

#[test]
fn ten_clients_in_one_process_do_not_mix_their_books() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let clients: Vec<Client> = (0..10).map(|_| quick(endpoint.url()).build().unwrap()).collect();
    for (nth, client) in clients.iter().enumerate() {
        emit_all(client, nth as u64 * 10..nth as u64 * 10 + 1 + nth as u64);
    }
    for (nth, client) in clients.iter().enumerate() {
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.delivered), (1 + nth as u64, 1 + nth as u64));
    }
}

/// Shuts down from inside the sender, and then panics.
struct Hostile(Arc<OnceLock<Client>>);
impl Observer for Hostile {
    fn signal(&self, signal: &Signal<'_>) {
        if let (Signal::Delivered { .. }, Some(client)) = (signal, self.0.get()) {
            client.shutdown_blocking(LONG);
        }
        panic!("an observer");
    }
}

#[test]
fn an_observer_that_panics_and_one_that_shuts_down_from_the_senders_thread_are_contained() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let cell = Arc::new(OnceLock::new());
    cell.set(quick(endpoint.url()).observer(Hostile(Arc::clone(&cell))).build().unwrap()).unwrap();
    let client = cell.get().unwrap();
    emit_all(client, 0..10);
    let began = Instant::now();
    block_on(client.flush(LONG)).unwrap();
    let stats = client.shutdown_blocking(LONG);
    assert!(began.elapsed() < LONG / 2);
    world.assert_settled(&stats, 10);
    assert_eq!(world.log.count_notices("the observer panicked: an observer"), 1);
}

/// A slow log: a write ends when the test lets it through.
#[derive(Clone, Default)]
struct Held(Arc<(Mutex<Gate>, Condvar)>);

#[derive(Default)]
struct Gate {
    inside: usize,
    open: bool,
}

impl Held {
    fn until_inside(&self, writes: usize) {
        let (gate, changed) = &*self.0;
        drop(changed.wait_while(gate.lock().unwrap(), |gate| gate.inside < writes).unwrap());
    }

    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }
}

impl SpillSink for Held {
    fn write(&self, _: &Record<'_>) -> std::io::Result<()> {
        let (gate, changed) = &*self.0;
        gate.lock().unwrap().inside += 1;
        changed.notify_all();
        drop(changed.wait_while(gate.lock().unwrap(), |gate| !gate.open).unwrap());
        Ok(())
    }

    fn notice(&self, _: &overspill::spill::Notice<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_event_that_comes_after_the_end_is_not_pending_while_it_is_written() {
    let log = Held::default();
    let client = quick("http://127.0.0.1:9/").spill_sink(log.clone()).build().unwrap();
    assert_eq!(client.shutdown_blocking(LONG).emitted, 0);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| client.emit(&Numbered::of(1)));
        log.until_inside(1);
        let stats = client.shutdown_blocking(Duration::from_millis(50));
        assert_eq!((stats.emitted, stats.pending), (0, 0), "{stats}");
        // The caller does not wait forever, although the log is stuck.
        assert_eq!(caller.join().unwrap(), Emitted::Spilled(Reason::Closed));
        log.open();
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.pending), (1, 1, 0), "{stats}");
}

#[test]
fn a_shutdown_waits_until_what_callers_have_handed_over_to_the_log_is_written() {
    let log = Held::default();
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).spill_sink(log.clone()).build().unwrap();
    assert_eq!(client.emit(&Numbered::of(0)), Emitted::Queued);
    client.set_mode(Mode::LogOnly);
    assert_eq!(client.emit(&Numbered::of(1)), Emitted::Spilled(Reason::LogOnly));
    log.until_inside(1);
    std::thread::scope(|scope| {
        let closer = scope.spawn(|| client.shutdown_blocking(LONG));
        until("the delivery", || client.stats().delivered == 1);
        assert!(!closer.is_finished());
        log.open();
        let stats = closer.join().unwrap();
        assert_eq!((stats.emitted, stats.delivered, stats.spilled, stats.pending), (2, 1, 1, 0), "{stats}");
    });
}

#[test]
fn a_deadline_in_the_far_future_is_no_deadline() {
    let far = || {
        let mut far = Instant::now();
        // The longest time that the platform can express, to the second.
        for step in (0..64).rev().map(|bit| Duration::from_secs(1 << bit)) {
            far = far.checked_add(step).unwrap_or(far);
        }
        far
    };
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    for end in 0..3 {
        let client = quick(endpoint.url()).build().unwrap();
        emit_all(&client, end * 10..end * 10 + 10);
        assert_eq!(block_on(client.flush(far())), Ok(()));
        assert_eq!(block_on(client.flush(Duration::MAX)), Ok(()));
        let stats = match end {
            0 => client.shutdown_blocking(far()),
            1 => client.shutdown_blocking(Duration::MAX),
            _ => block_on(client.shutdown(far())),
        };
        assert_eq!((stats.delivered, stats.pending), (10, 0), "{stats}");
    }
    assert_eq!(ids_taken(&world.taken), (0..30).collect());
}

#[test]
fn a_dropped_sender_reports_its_end_once_no_caller_holds_an_event() {
    let log = Held::default();
    let (client, sender) = quick("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .queue_events_max(1)
        .spill_sink(log.clone())
        .build_with_sender()
        .unwrap();
    std::thread::scope(|scope| {
        // The queue has room for one of the two events and no sender takes it, so a thread writes both.
        let caller = scope.spawn(|| emit_all(&client, 0..2));
        log.until_inside(1);
        let dropper = scope.spawn(move || drop(sender));
        let closer = scope.spawn(|| client.shutdown_blocking(LONG));
        until("the close", || client.stats().pending > 0 && client.emit(&Numbered::of(9)) != Emitted::Queued);
        assert!(!closer.is_finished());
        log.open();
        let stats = closer.join().unwrap();
        assert_eq!(stats.pending, 0, "{stats}");
        caller.join().unwrap();
        dropper.join().unwrap();
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.emitted, stats.spilled + stats.lost, "{stats}");
}
