//! Row 29: standard output is a pipe that nobody reads, and the subscriber writes to it.

use crate::child::{Heard, Part, Start, hear, log_to_stdout, rss, url};
use crate::figures::report;
use crate::law::{Peer, spilled};
use crate::support::{LONG, Numbered, id_of, quick, until};
use overspill::limits::LOG_STALL;
use overspill::{Emitted, LostReason};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub const PARTS: &[Part] = &[("pipe nobody reads", nobody_reads)];

const THREADS: u64 = 4;
/// Longer than any call that does not wait for the log.
const STALLED: Duration = LOG_STALL.checked_div(2).expect("not by zero");
/// Events per thread: 20,000 in total, in a second. Then the reader comes back.
const EACH: u64 = 5_000;

/// Standard output is stuck, so the child reports to the parent on standard error.
fn tell(words: std::fmt::Arguments<'_>) {
    eprintln!("say: {words}");
}

fn nobody_reads() {
    log_to_stdout();
    let client = quick(url()).build().unwrap();
    let padding = "x".repeat(270);
    let (done, lost) = (AtomicU64::new(0), Mutex::new(BTreeSet::new()));
    let waits: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let before = rss();
        for thread in 0..THREADS {
            let (client, done, waits, lost, padding) = (&client, &done, &waits, &lost, &padding);
            scope.spawn(move || {
                let began = Instant::now();
                let (mut own, mut gone) = (Vec::new(), BTreeSet::new());
                for nth in 0..EACH {
                    // A steady rate; a late thread does not wait.
                    let due = Duration::from_secs(1) * nth as u32 / EACH as u32;
                    // The pace.
                    std::thread::sleep(due.saturating_sub(began.elapsed()));
                    let event = Numbered { id: thread * EACH + nth, text: padding.clone() };
                    let called = Instant::now();
                    if let Emitted::Lost(LostReason::LogStalled) = client.emit(&event) {
                        gone.insert(event.id);
                    }
                    own.push(called.elapsed().as_micros() as u64);
                }
                waits.lock().unwrap().extend(own);
                lost.lock().unwrap().extend(gone);
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        // At most one thread is stuck in the write: the sender, or one of these.
        until("all but one caller to be done", || done.load(Ordering::Relaxed) >= THREADS - 1);
        let stats = client.stats();
        tell(format_args!("growth {}", rss().saturating_sub(before)));
        tell(format_args!("bound {}", client.memory_bound()));
        tell(format_args!("stalled {}", stats.lost_by(LostReason::LogStalled)));
        hear();
    });
    // The parent reads again; a spilled event shows that the log works again.
    until("the log to come back", || client.stats().pending == 0);
    let (spilled, mut id) = (client.stats().spilled, THREADS * EACH);
    until("another spilled event", || {
        let emitted = client.emit(&Numbered { id, text: String::new() });
        if let Emitted::Lost(_) = emitted {
            lost.lock().unwrap().insert(id);
        }
        id += 1;
        client.stats().spilled > spilled
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending, stats.delivered), (id, 0, 0), "{stats}");
    assert_eq!(stats.lost, stats.lost_by(LostReason::LogStalled), "{stats}");
    tell(format_args!("emitted {} spilled {} lost {}", stats.emitted, stats.spilled, stats.lost));
    tell(format_args!("gone {}", serde_json::to_string(&*lost.lock().unwrap()).unwrap()));
    let mut waits = waits.into_inner().unwrap();
    waits.sort_unstable();
    tell(format_args!("p99.9 {}", waits[waits.len() * 999 / 1000]));
    tell(format_args!(
        "slow {}",
        waits.iter().filter(|&&micros| micros > STALLED.as_micros() as u64).count()
    ));
}

#[test]
fn a_pipe_that_nobody_reads_stalls_no_caller_twice_and_the_surplus_is_lost_and_counted() {
    let peer = Peer::refused();
    let mut child = Start::of("pipe nobody reads", peer.url()).stdout(Heard::Later).start();
    assert!(child.until_said("stalled ") != "stalled 0", "the pipe was never full");
    child.listen();
    child.tell("go on");
    let ended = child.succeed();
    // Checks the law with the ids of the lost events that callers were told about, and the number of those that the sender lost.
    let books: String = ended.figure("emitted ");
    let books: Vec<u64> = books.split(' ').filter_map(|word| word.parse().ok()).collect();
    let gone: BTreeSet<u64> = serde_json::from_str(&ended.figure::<String>("gone ")).unwrap();
    let in_log: BTreeSet<u64> = spilled(&ended).iter().map(|event| id_of(&event.event)).collect();
    assert_eq!((in_log.len() as u64, books[0]), (books[1], books[1] + books[2]), "{books:?}");
    assert!(in_log.is_disjoint(&gone) && gone.len() as u64 <= books[2], "{books:?}");
    assert!(in_log.iter().all(|&id| id < books[0]));
    let (growth, bound): (usize, usize) = (ended.figure("growth "), ended.figure("bound "));
    assert!(growth <= bound + (8 << 20), "{growth} bytes over {bound}");
    let slow: u64 = ended.figure("slow ");
    assert!(slow <= THREADS, "{slow} calls took over {STALLED:?}: more than the first of each caller");
    report(29, "emit p99.9 while nobody reads the log, us", ended.figure::<u64>("p99.9 "));
    report(29, "calls that waited for the log, of 4 callers", slow);
    report(29, "RSS growth, bytes, of bound + 8 MiB", format_args!("{growth} of {}", bound + (8 << 20)));
    report(29, "lost as log_stalled, of emitted", format_args!("{} of {}", books[2], books[0]));
}
