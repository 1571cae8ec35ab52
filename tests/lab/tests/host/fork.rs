//! A fork after `build`: what a child emits is at the endpoint or in its log, under its own client id, and the parent's events stay
//! the parent's.

use crate::child::{Ended, Part, Start, hear, log_to_stdout, say, threads, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, found, spilled};
use crate::support::{LONG, Numbered, emit_all, id_of, quick};
use fork::{Fork, fork, waitpid};
use overspill::spill::{Records, WriteSink};
use overspill::testkit::Act;
use overspill::transport::{Posting, Request, Transport};
use overspill::{Client, Emitted, LostReason, Mode, Reason, Stats};
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub const PARTS: &[Part] = &[
    ("fork: on", || {
        log_to_stdout();
        let client = quick(url()).build().unwrap();
        parent_and_child(&client);
    }),
    ("fork: log only", || {
        log_to_stdout();
        let client = quick(url()).mode(Mode::LogOnly).build().unwrap();
        parent_and_child(&client);
    }),
    ("fork: into a file", || {
        let sink = WriteSink::append(file()).unwrap();
        let client = quick(url()).mode(Mode::LogOnly).spill_sink(sink).build().unwrap();
        parent_and_child(&client);
    }),
    ("fork: own sender", || {
        log_to_stdout();
        let (client, sender) = quick(url()).build_with_sender().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        runtime.spawn(sender.run());
        parent_and_child(&client);
    }),
    ("fork: own transport", || {
        log_to_stdout();
        let client = quick(url()).transport(Refusing).build().unwrap();
        parent_and_child(&client);
    }),
    ("fork: nothing built", || {
        log_to_stdout();
        let client = Client::builder("no URL").build_or_log_only();
        parent_and_child(&client);
    }),
    ("fork: what is pending", what_is_pending),
    ("fork: idle", idle),
    ("fork: after shutdown", after_shutdown),
    ("fork: off", off),
    ("fork: settings", settings),
    ("fork: generations", generations),
    ("fork: siblings", siblings),
    ("fork: in the middle", in_the_middle),
    ("fork: threads", many_threads),
    ("fork: the end of main", the_end_of_main),
    ("fork: names", names),
    ("fork: a log that is held", a_log_that_is_held),
];

fn file() -> PathBuf {
    std::env::var_os("FORK_FILE").expect("the parent names a file").into()
}

/// Runs `life` in a child, which then ends. Returns its status.
fn in_child(life: impl FnOnce()) -> i32 {
    match fork().unwrap() {
        Fork::Child => {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
            // The test harness's own cleanup belongs to the parent.
            std::process::exit(i32::from(ended.is_err()))
        }
        Fork::Parent(pid) => pid,
    }
}

#[track_caller]
fn succeeds(pid: i32) {
    assert_eq!(waitpid(pid).unwrap(), 0, "how the child ended");
}

#[track_caller]
fn assert_books(stats: &Stats, emitted: u64) {
    assert_eq!((stats.emitted, stats.lost, stats.pending), (emitted, 0, 0), "{stats}");
}

/// Waits until nothing is being written to the log: a thread that writes holds the standard library's lock of standard output, and a lock
/// that is held during the fork stays locked in the child forever.
fn quiet(client: &Client) {
    client.flush_blocking(LONG).unwrap();
}

/// Parent and child emit. The child emits before the parent's next event.
fn parent_and_child(client: &Client) {
    emit_all(client, 0..5);
    if std::env::var_os("FORK_FILE").is_none() {
        quiet(client);
    }
    let child = in_child(|| {
        emit_all(client, 5..10);
        let began = Instant::now();
        client.flush_blocking(LONG).unwrap();
        assert_books(&client.stats(), 5);
        assert_books(&client.shutdown_blocking(LONG), 5);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(matches!(client.emit(&Numbered::of(10)), Emitted::Spilled(_)));
    });
    succeeds(child);
    emit_all(client, 11..16);
    assert_books(&client.shutdown_blocking(LONG), 10);
}

const PARENT_AND_CHILD: u64 = 16;

struct Refusing;

impl Transport for Refusing {
    fn post(&mut self, _: Request) -> Posting {
        Box::pin(std::future::ready(Err(overspill::transport::Failure {
            kind: overspill::transport::FailureKind::Connect,
            maybe_delivered: overspill::MaybeDelivered::No,
            detail: "no".to_owned(),
        })))
    }
}

/// At the fork the parent's posts wait for the endpoint, and its queue is full of other events.
fn what_is_pending() {
    log_to_stdout();
    let client = Client::builder(url()).batch_age_max(Duration::from_millis(1)).build().unwrap();
    emit_all(&client, 0..5);
    say("pending");
    hear();
    emit_all(&client, 5..10);
    let child = in_child(|| {
        emit_all(&client, 10..15);
        let stats = client.shutdown_blocking(LONG);
        assert_books(&stats, 5);
        assert_eq!(stats.delivered, 5, "{stats}");
    });
    succeeds(child);
    assert_books(&client.shutdown_blocking(LONG), 10);
}

/// A child that emits nothing, like those of `daemon` and of a shell command.
fn idle() {
    log_to_stdout();
    let client = Client::builder(url()).build().unwrap();
    let guard = client.shutdown_on_drop(LONG);
    emit_all(&client, 0..5);
    quiet(&client);
    let lives: [&dyn Fn(); 4] = [
        &|| {},
        &|| drop(client.clone().shutdown_on_drop(LONG)),
        &|| {
            let began = Instant::now();
            assert_books(&client.stats(), 0);
            client.flush_blocking(LONG).unwrap();
            assert_books(&client.shutdown_blocking(LONG), 0);
            assert_eq!(client.mode(), Mode::On);
            assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
            assert_eq!(threads(), 1, "and no thread was started");
            // The child's client was shut down, although it was never started.
            assert_eq!(client.emit(&Numbered::of(5)), Emitted::Spilled(Reason::Closed));
        },
        &|| drop(format!("{client:?}")),
    ];
    for life in lives {
        succeeds(in_child(life));
    }
    let owned = Client::builder(url()).build().unwrap();
    emit_all(&owned, 6..7);
    quiet(&owned);
    let child = match fork().unwrap() {
        Fork::Child => {
            // Drops the last handles.
            drop((owned, client, guard));
            std::process::exit(0)
        }
        Fork::Parent(pid) => pid,
    };
    succeeds(child);
    assert_books(&owned.shutdown_blocking(LONG), 1);
    drop(guard);
    assert_books(&client.stats(), 5);
}

fn after_shutdown() {
    log_to_stdout();
    let client = quick(url()).build().unwrap();
    emit_all(&client, 0..1);
    assert_books(&client.shutdown_blocking(LONG), 1);
    quiet(&client);
    succeeds(in_child(|| {
        assert_eq!(client.emit(&Numbered::of(1)), Emitted::Spilled(Reason::Closed));
        assert_books(&client.shutdown_blocking(LONG), 1);
    }));
}

fn off() {
    log_to_stdout();
    for client in [Client::disabled(), quick(url()).mode(Mode::Off).build().unwrap()] {
        quiet(&client);
        succeeds(in_child(|| {
            assert_eq!(client.emit(&Numbered::of(0)), Emitted::Off);
            assert_eq!(threads(), 1, "nothing was started for it");
        }));
    }
    let client = quick(url()).mode(Mode::Off).build().unwrap();
    quiet(&client);
    succeeds(in_child(|| {
        client.set_mode(Mode::On);
        emit_all(&client, 0..1);
        assert_books(&client.shutdown_blocking(LONG), 1);
    }));
    assert_eq!(client.mode(), Mode::Off, "the parent's is the parent's");
}

/// Settings made after `build` apply in a child, and settings made in a child stay there.
fn settings() {
    log_to_stdout();
    let client = quick(url()).header("x-who", "as built").build().unwrap();
    client.set_header("x-who", "as set").unwrap();
    client.set_mode(Mode::LogOnly);
    quiet(&client);
    succeeds(in_child(|| {
        assert_eq!(client.mode(), Mode::LogOnly);
        client.set_mode(Mode::On);
        emit_all(&client, 0..1);
        client.flush_blocking(LONG).unwrap();
        client.set_header("x-who", "the child").unwrap();
        emit_all(&client, 1..2);
        assert_eq!(client.shutdown_blocking(LONG).delivered, 2);
    }));
    client.set_mode(Mode::On);
    emit_all(&client, 2..3);
    assert_eq!(client.shutdown_blocking(LONG).delivered, 1);
}

/// Each of four generations emits before and after its fork.
fn generations() {
    log_to_stdout();
    let client = quick(url()).build().unwrap();
    fn live(client: &Client, generation: u64) {
        let first = 20 * generation;
        emit_all(client, first..first + 10);
        if generation < 3 {
            quiet(client);
            succeeds(in_child(|| live(client, generation + 1)));
        }
        emit_all(client, first + 10..first + 20);
        assert_books(&client.shutdown_blocking(LONG), 20);
    }
    live(&client, 0);
}

/// A server that forks before it works: the parent emits nothing, and its children start with the same memory.
fn siblings() {
    log_to_stdout();
    let client = quick(url()).build().unwrap();
    quiet(&client);
    let children: Vec<i32> = (0..8)
        .map(|nth| {
            in_child(|| {
                emit_all(&client, 10 * nth..10 * nth + 10);
                assert_books(&client.shutdown_blocking(LONG), 10);
            })
        })
        .collect();
    children.into_iter().for_each(succeeds);
}

/// Forks while four threads emit as fast as they can, and the log is being written.
fn in_the_middle() {
    let sink = WriteSink::append(file()).unwrap();
    let mode = if std::env::var_os("FORK_ON").is_some() { Mode::On } else { Mode::LogOnly };
    let client = quick(url()).mode(mode).spill_sink(sink).build().unwrap();
    let stop = AtomicBool::new(false);
    let emitted = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64)
            .map(|thread| {
                let (client, stop) = (&client, &stop);
                scope.spawn(move || {
                    let mut nth = 0;
                    while !stop.load(Ordering::Relaxed) && nth < 50_000 {
                        client.emit(&Numbered::of(1_000_000 * (thread + 1) + nth));
                        nth += 1;
                        // A log that falls behind must get time to catch up.
                        if nth % 64 == 0 {
                            // The pace.
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                    nth
                })
            })
            .collect();
        for nth in 0..FORKS {
            let child = in_child(|| {
                emit_all(&client, EACH * nth..EACH * nth + EACH);
                assert_books(&client.shutdown_blocking(LONG), EACH);
            });
            succeeds(child);
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
    });
    assert_books(&client.shutdown_blocking(LONG), emitted);
    say(format_args!("emitted {emitted}"));
}

const FORKS: u64 = 30;
const EACH: u64 = 20;

/// All threads of a child emit at once for the first time.
fn many_threads() {
    log_to_stdout();
    let client = quick(url()).build().unwrap();
    emit_all(&client, 0..5);
    quiet(&client);
    succeeds(in_child(|| {
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let client = &client;
                scope.spawn(move || emit_all(client, 5 + 10 * thread..15 + 10 * thread));
            }
        });
        assert_books(&client.shutdown_blocking(LONG), 80);
    }));
    assert_books(&client.shutdown_blocking(LONG), 5);
}

/// A child ends without a shutdown, as when `main` returns: once without its own events, once with three.
fn the_end_of_main() {
    let main = std::thread::Builder::new().name("main".to_owned()).spawn(|| {
        let client = Client::builder(url()).build().unwrap();
        emit_all(&client, 0..5);
        succeeds(in_child(|| {}));
        succeeds(in_child(|| emit_all(&client, 5..8)));
        client.shutdown_blocking(Duration::from_millis(50));
    });
    main.unwrap().join().unwrap();
}

/// Event names that only the parent uses, that only a child uses, and that both use; and a field that all events have.
fn names() {
    log_to_stdout();
    let client = quick(url()).service_name("forks").build().unwrap();
    client.emit_named("the parent's", &Numbered::of(0));
    client.emit_named("both", &Numbered::of(1));
    quiet(&client);
    succeeds(in_child(|| {
        client.emit_named("the child's", &Numbered::of(2));
        client.emit_named("both", &Numbered::of(3));
        assert_books(&client.shutdown_blocking(LONG), 2);
    }));
    client.emit_named("the parent's", &Numbered::of(4));
    assert_books(&client.shutdown_blocking(LONG), 3);
}

/// Another thread holds the lock of standard output during the fork, so nothing in the child can ever write to it.
fn a_log_that_is_held() {
    log_to_stdout();
    let fallback = WriteSink::append(file()).unwrap();
    let client = quick(url()).spill_fallback(fallback).build().unwrap();
    let (held, is_held) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let writing = std::thread::spawn(move || {
        let _out = std::io::stdout().lock();
        held.send(()).unwrap();
        let _ = released.recv();
    });
    is_held.recv().unwrap();
    let child = in_child(|| {
        emit_all(&client, 0..5);
        // The log's thread hangs now or soon; delivery to the endpoint is not affected.
        while client.stats().pending > 0 {
            std::thread::yield_now();
        }
        assert_eq!(client.stats().delivered, 5, "{}", client.stats());
        client.set_mode(Mode::LogOnly);
        emit_all(&client, 5..20_000);
        let began = Instant::now();
        let stats = client.shutdown_blocking(Duration::from_millis(500));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let [stalled, deadline] =
            [LostReason::LogStalled, LostReason::Deadline].map(|why| stats.lost_by(why));
        assert!(stalled > 0 && deadline > 0, "{stats}");
        assert_eq!((stats.emitted, stalled + deadline, stats.pending), (20_000, 19_995, 0), "{stats}");
    });
    succeeds(child);
    drop(release);
    writing.join().unwrap();
    client.shutdown_blocking(LONG);
}

/// Checks that no client used a number twice. Returns the ids of the clients that have spilled.
#[track_caller]
fn clients(ended: &Ended) -> BTreeSet<String> {
    let spilled = spilled(ended);
    let numbers: BTreeSet<_> = spilled.iter().map(|event| (event.client.clone(), event.seq)).collect();
    assert_eq!(numbers.len(), spilled.len(), "{ended}");
    numbers.into_iter().map(|(client, _)| client).collect()
}

#[test]
fn a_childs_events_are_delivered_or_in_its_log_and_the_parent_keeps_its_own() {
    let mut nowhere = 0;
    for part in
        ["fork: on", "fork: log only", "fork: own sender", "fork: own transport", "fork: nothing built"]
    {
        for peer in [Peer::healthy(), Peer::refused()] {
            let ended = Start::of(part, peer.url()).start().succeed();
            assert_settled(&peer, &ended, PARENT_AND_CHILD);
            clients(&ended);
            nowhere += PARENT_AND_CHILD - found(&peer, &ended).len() as u64;
        }
    }
    report(49, "events nowhere, of a parent and its child", nowhere);
}

#[test]
fn an_event_keeps_its_name_and_the_common_fields_in_a_child() {
    for peer in [Peer::healthy(), Peer::refused()] {
        let ended = Start::of("fork: names", peer.url()).start().succeed();
        assert_settled(&peer, &ended, 5);
        let spilled = spilled(&ended).into_iter().map(|event| event.event);
        let events: BTreeMap<u64, String> =
            spilled.chain(peer.taken.events()).map(|event| (id_of(&event), event)).collect();
        for (id, name) in ["the parent's", "both", "the child's", "both", "the parent's"].iter().enumerate() {
            let event = &events[&(id as u64)];
            assert!(event.contains(&format!(r#""event.name":"{name}""#)), "{event}");
            assert!(event.contains(r#""service.name":"forks""#), "{event}");
        }
    }
}

#[test]
fn if_the_log_is_locked_forever_a_child_delivers_and_counts_and_reports_what_it_cannot_write() {
    let (peer, file) = (Peer::healthy(), File::new("held"));
    let start = Start::of("fork: a log that is held", peer.url()).variable("FORK_FILE", file.name());
    let ended = start.start().succeed();
    assert_eq!(crate::support::ids_taken(&peer.taken), (0..5).collect(), "{ended}");
    let told = std::fs::read_to_string(&file.0).unwrap();
    assert!(told.contains("a log write has been stuck"), "{told}");
}

#[test]
fn a_childs_notice_names_its_own_client_and_its_parents() {
    let ended = Start::of("fork: log only", Peer::healthy().url()).start().succeed();
    assert_eq!(ended.count_notices("started: endpoint"), 2, "{ended}");
    assert_eq!(ended.count_notices("in a fork of the process of client"), 1, "{ended}");
    assert_eq!(clients(&ended).len(), 2, "{ended}");
    let ended = Start::of("fork: own transport", Peer::healthy().url()).start().succeed();
    assert_eq!(ended.count_notices("a transport of your own stays with the parent"), 1, "{ended}");
}

#[test]
fn parent_and_child_append_to_one_file_and_join_finds_all_of_it() {
    for _ in 0..10 {
        let file = File::new("append");
        Start::of("fork: into a file", "http://127.0.0.1:9/")
            .variable("FORK_FILE", file.name())
            .start()
            .succeed();
        let events = file.events();
        assert_eq!(events.keys().copied().collect::<Vec<_>>(), (0..PARENT_AND_CHILD).collect::<Vec<_>>());
        assert_eq!(events.values().collect::<BTreeSet<_>>().len(), 2);
    }
}

#[test]
fn what_is_pending_at_a_fork_is_settled_by_the_parent_alone() {
    let first = AtomicBool::new(true);
    let held = std::sync::Arc::new((std::sync::Mutex::new(true), std::sync::Condvar::new()));
    let gate = std::sync::Arc::clone(&held);
    let peer = Peer::of(move || {
        if first.swap(false, Ordering::AcqRel) {
            let shut = gate.1.wait_while(gate.0.lock().unwrap(), |shut| *shut).unwrap();
            drop(shut);
        }
        Act::Status(200)
    });
    let mut child = Start::of("fork: what is pending", peer.url()).start();
    child.until_said("pending");
    crate::support::until("the request of the parent", || peer.endpoint.requests() > 0);
    child.tell("fork");
    // The child's five arrive before the parent's.
    crate::support::until("the child's events", || peer.taken.events().len() >= 5);
    *held.0.lock().unwrap() = false;
    held.1.notify_all();
    assert_settled(&peer, &child.succeed(), 15);
}

#[test]
fn a_child_that_emits_nothing_ends_at_once_and_settles_nothing() {
    let peer = Peer::healthy();
    let ended = Start::of("fork: idle", peer.url()).start().succeed();
    assert_settled(&peer, &ended, 7);
    assert_eq!(ended.count_notices("main ended"), 0, "{ended}");
}

#[test]
fn the_end_of_a_childs_main_says_what_the_child_left_behind() {
    let ended = Start::of("fork: the end of main", Peer::tarpit().url()).start().succeed();
    assert_eq!(ended.count_notices("main ended with"), 1, "{ended}");
    assert_eq!(ended.count_notices("main ended with 3 events pending"), 1, "{ended}");
}

#[test]
fn a_client_that_was_closed_or_off_stays_so_in_a_child() {
    let peer = Peer::healthy();
    assert_settled(&peer, &Start::of("fork: after shutdown", peer.url()).start().succeed(), 2);
    let peer = Peer::healthy();
    assert_settled(&peer, &Start::of("fork: off", peer.url()).start().succeed(), 1);
}

#[test]
fn a_child_begins_with_what_was_set_in_its_parent() {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (hears, taken) = (std::sync::Arc::clone(&heard), overspill::testkit::Taken::default());
    let endpoint = overspill::testkit::Endpoint::start(taken.when(move |request| {
        hears.lock().unwrap().push(request.header("x-who").unwrap_or_default().to_owned());
        Act::Status(200)
    }))
    .unwrap();
    Start::of("fork: settings", endpoint.url()).start().succeed();
    assert_eq!(*heard.lock().unwrap(), ["as set", "the child", "as set"]);
}

#[test]
fn each_of_four_generations_and_eight_siblings_has_its_own_id() {
    for (peer, clients_wanted) in [(Peer::healthy(), 0), (Peer::refused(), 4)] {
        let ended = Start::of("fork: generations", peer.url()).start().succeed();
        assert_settled(&peer, &ended, 80);
        assert_eq!(clients(&ended).len(), clients_wanted, "{ended}");
    }
    let peer = Peer::refused();
    let ended = Start::of("fork: siblings", peer.url()).start().succeed();
    assert_settled(&peer, &ended, 80);
    assert_eq!(clients(&ended).len(), 8, "{ended}");
}

#[test]
fn a_fork_in_the_middle_of_everything_loses_nothing() {
    for on in [false, true] {
        for peer in [Peer::healthy(), Peer::refused()] {
            let file = File::new("middle");
            let start =
                Start::of("fork: in the middle", peer.url()).within(LONG).variable("FORK_FILE", file.name());
            let ended = if on { start.variable("FORK_ON", "1") } else { start }.start().succeed();
            let emitted: u64 = ended.figure("emitted ");
            let (in_file, taken) = (file.events(), peer.taken.events());
            let at_endpoint: BTreeSet<u64> = taken.iter().map(|event| id_of(event)).collect();
            assert_eq!(at_endpoint.len(), taken.len(), "delivered twice");
            assert!(in_file.keys().all(|id| !at_endpoint.contains(id)), "in both places");
            assert_eq!(in_file.len() as u64 + at_endpoint.len() as u64, emitted + FORKS * EACH, "{ended}");
        }
    }
}

#[test]
fn threads_of_a_child_that_all_emit_first_share_one_client() {
    let peer = Peer::refused();
    let ended = Start::of("fork: threads", peer.url()).start().succeed();
    assert_settled(&peer, &ended, 85);
    assert_eq!(clients(&ended).len(), 2, "{ended}");
}

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        static NTH: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        File(std::env::temp_dir().join(format!("overspill-fork-{name}-{}-{nth}.log", std::process::id())))
    }

    fn name(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// The events by id, with their clients.
    fn events(&self) -> BTreeMap<u64, String> {
        let mut joined = Records::new(BufReader::new(std::fs::File::open(&self.0).unwrap())).joined();
        let mut events = BTreeMap::new();
        for event in joined.by_ref() {
            let event = event.unwrap();
            assert!(events.insert(id_of(&event.event), event.client).is_none(), "twice in the file");
        }
        assert_eq!(joined.incomplete(), 0);
        events
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
