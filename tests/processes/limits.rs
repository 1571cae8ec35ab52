//! Row 24: a process at its limits, and a process that keeps making and dropping clients. `build` fails, or events spill; nothing
//! panics and nothing leaks.

use crate::child::{Part, Start, files, log_to_stdout, rss, say, threads, until_threads, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{LONG, Numbered, emit_all, quick, until};
use overspill::{Client, Reason};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub const PARTS: &[Part] = &[
    ("no files", no_files),
    ("no threads", no_threads),
    ("many builds", many_builds),
    ("many clients", many_clients),
    ("a name that does not exist", || {
        log_to_stdout();
        let client = quick(url()).post_timeout(Duration::from_secs(5)).build().unwrap();
        emit_all(&client, 0..100);
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.spilled, stats.maybe_delivered), (100, 0), "{stats}");
        assert!(stats.spilled_by(Reason::Connect) > 0, "{stats}");
    }),
];

/// Frees one unit of the scarce resource at a time until a client can be built. Returns how often `build` failed.
fn build_after_refusals<T>(hoard: &mut Vec<T>) -> Client {
    let mut refusals = 0;
    loop {
        match quick(url()).build() {
            Ok(client) => {
                say(format_args!("refused builds {refusals}"));
                return client;
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("raise the limit of threads or open files"), "{text}");
                refusals += 1;
            }
        }
        assert!(hoard.pop().is_some(), "everything is free, but no client can be built");
    }
}

/// Emits while no resources are available, and again after `release`, until something is delivered.
fn scarce_then_plenty(client: &Client, release: impl FnOnce()) {
    emit_all(client, 0..100);
    until("what was emitted to be settled", || client.stats().pending == 0);
    let stats = client.stats();
    assert_eq!((stats.spilled, stats.delivered, stats.maybe_delivered), (100, 0, 0), "{stats}");
    assert!(stats.spilled_by(Reason::Connect) > 0, "{stats}");
    release();
    let mut emitted = 100;
    until("a delivery", || {
        client.emit(&Numbered::of(emitted));
        emitted += 1;
        client.stats().delivered > 0
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (emitted, 0, 0), "{stats}");
    say(format_args!("emitted {emitted}"));
}

fn no_files() {
    log_to_stdout();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let https = Client::builder("https://127.0.0.1:9/").build();
    assert!(https.is_err(), "root certificates are files too");
    let client = build_after_refusals(&mut hoard);
    // Takes the remaining descriptors: a socket would need one.
    hoard.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
    scarce_then_plenty(&client, || drop(hoard));
}

/// A thread that does nothing until it is dropped.
struct Idle(Option<Sender<()>>, Option<JoinHandle<()>>);

impl Idle {
    fn start() -> Option<Idle> {
        let (hold, held) = channel::<()>();
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(move || _ = held.recv()).ok()?;
        Some(Idle(Some(hold), Some(thread)))
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.0.take());
        self.1.take().map(JoinHandle::join);
    }
}

fn no_threads() {
    log_to_stdout();
    let mut hoard: Vec<Idle> = std::iter::from_fn(Idle::start).take(1000).collect();
    assert!((1..1000).contains(&hoard.len()), "{} threads: there is no limit", hoard.len());
    let client = build_after_refusals(&mut hoard);
    hoard.extend(std::iter::from_fn(Idle::start).take(1000));
    // The URL contains a name, and looking it up takes a thread.
    scarce_then_plenty(&client, || drop(hoard));
}

#[test]
fn without_file_descriptors_build_fails_or_events_spill_and_delivery_resumes_with_them() {
    // Also by name: a look-up opens files.
    for host in ["127.0.0.1", "localhost"] {
        let peer = Peer::healthy();
        let start = Start::of("no files", peer.url().replace("127.0.0.1", host));
        let ended = start.after("ulimit -n 40").start().succeed();
        assert_settled(&peer, &ended, ended.figure("emitted "));
        assert!(ended.figure::<u64>("refused builds ") > 0);
        assert!(spilled(&ended).iter().any(|event| event.reason == Reason::Connect));
        assert!(!ended.lines.iter().any(|line| line.contains("panicked")), "{ended}");
    }
    report(24, "panics without file descriptors", 0);
}

#[test]
fn without_threads_build_fails_or_events_spill_and_delivery_resumes_with_them() {
    let Some((exe, uid)) = nobody() else {
        return println!(
            "\n*** SKIPPED: the limit of threads binds only a user of one's own, and only root can become one\n"
        );
    };
    let peer = Peer::healthy();
    let named = peer.url().replace("127.0.0.1", "localhost");
    let setpriv = ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--"];
    let start =
        Start::of("no threads", named).exe(&exe.0).through(["prlimit", "--nproc=12", "--"]).through(setpriv);
    let ended = start.start().succeed();
    assert_settled(&peer, &ended, ended.figure("emitted "));
    assert!(ended.figure::<u64>("refused builds ") > 0);
    assert!(!ended.lines.iter().any(|line| line.contains("panicked")), "{ended}");
    report(24, "panics without threads", 0);
}

/// A copy of this binary that any user may run, removed after the test.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A user without any process, if this process can become one: the kernel does not limit root's threads.
fn nobody() -> Option<(Copy, String)> {
    let uid = (60_000 + std::process::id() % 5_000).to_string();
    let words = ["--reuid", &uid, "--regid", &uid, "--clear-groups", "prlimit", "--nproc=12", "true"];
    if !Command::new("setpriv").args(words).output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let copy = Copy(std::env::temp_dir().join(format!("overspill-processes-{}", std::process::id())));
    std::fs::copy(std::env::current_exe().unwrap(), &copy.0).unwrap();
    std::fs::set_permissions(&copy.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some((copy, uid))
}

/// Fewer without optimization, because each takes three times as long.
const BUILDS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };

fn many_builds() {
    let build = |nth: usize| {
        let client = quick(url()).queue_events_max(64).build().unwrap();
        if nth % 10 == 0 {
            emit_all(&client, nth as u64..nth as u64 + 1);
            client.shutdown_blocking(LONG);
        }
    };
    log_to_stdout();
    // What a process allocates once, such as tokio's signal pipe, is not a leak.
    let alone = threads();
    build(1);
    until_threads(alone);
    let base = (files(), alone);
    let rss_before = rss();
    for nth in 0..BUILDS {
        build(nth);
        // Senders end in the background. Waits, so that no more exist at once than in a service.
        until("senders to end", || threads() < base.1 + 20);
    }
    until_threads(base.1);
    assert_eq!((files(), threads()), base, "files and threads, after and before");
    say(format_args!("files and threads {} {}", files() - base.0, threads() - base.1));
    say(format_args!("growth {}", rss().saturating_sub(rss_before)));
}

#[test]
fn building_and_dropping_clients_all_day_leaks_neither_files_nor_threads_nor_memory() {
    let peer = Peer::refused();
    let ended = Start::of("many builds", peer.url()).within(Duration::from_secs(60)).start().succeed();
    assert_eq!(spilled(&ended).len(), BUILDS / 10);
    let growth: usize = ended.figure("growth ");
    // Allows for the allocator's own variation; a client that leaked only its queue would add 24 KB per build.
    assert!(growth < 8 << 20, "{growth}");
    report(24, "files and threads over baseline", format_args!("0 and 0 after {BUILDS} builds and drops"));
    report(24, "RSS growth, bytes", format_args!("{growth} after {BUILDS} builds and drops"));
}

const CLIENTS: u64 = 100;

fn many_clients() {
    log_to_stdout();
    let alone = threads();
    drop(quick(url()).build().unwrap());
    until_threads(alone);
    let base = (files(), alone);
    let clients: Vec<Client> =
        (0..CLIENTS).map(|_| quick(url()).queue_events_max(64).build().unwrap()).collect();
    say(format_args!("threads a client {}", (threads() - base.1) as u64 / CLIENTS));
    for (nth, client) in clients.iter().enumerate() {
        let first = nth as u64 * 20;
        emit_all(client, first..first + 20);
    }
    for client in &clients {
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.lost, stats.pending), (20, 0, 0), "{stats}");
    }
    drop(clients);
    until_threads(base.1);
    assert_eq!((files(), threads()), base, "files and threads, after and before");
}

#[test]
fn a_hundred_clients_in_one_process_keep_their_books_apart_and_leave_nothing_behind() {
    for peer in [Peer::healthy(), Peer::refused()] {
        let ended = Start::of("many clients", peer.url()).start().succeed();
        assert_settled(&peer, &ended, CLIENTS * 20);
        assert_eq!(ended.figure::<u64>("threads a client "), 1);
    }
    report(24, "threads of a client", 1);
}

#[test]
fn a_name_that_does_not_exist_spills_as_not_connected() {
    // Row 16. This name is reserved and never exists (RFC 2606).
    let peer = Peer::refused();
    let ended = Start::of("a name that does not exist", "http://name.invalid/v1/events").start().succeed();
    assert_settled(&peer, &ended, 100);
    report(16, "events lost on NXDOMAIN", 0);
}
