//! A broken pipe is an error on every overspill thread, whatever the process does about SIGPIPE, and the process's own threads are
//! unaffected. tests/lab/tests/host checks that a process with the signal's default action stays alive.

use crate::child::{Part, Start, say};
use crate::law::Peer;
use crate::support::{LONG, Numbered, emit_all, until};
use overspill::memory_watch::MemoryWatch;
use overspill::spill::{Record, SpillSink};
use overspill::{Client, Mode, Observer, Signal};
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

pub const PARTS: &[Part] = &[("which threads take SIGPIPE", which_threads_take_sigpipe)];

/// Every thread that was seen, by its name, and whether it blocked SIGPIPE each time.
static SEEN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());

fn see(task: &str) {
    let status = std::fs::read_to_string(format!("/proc/{task}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    // A thread that has ended by now was not one of those that wait.
    let (Some(name), Some(mask)) = (field("Name:"), field("SigBlk:")) else { return };
    let blocked = u64::from_str_radix(mask, 16).unwrap() & 1 << (13 - 1) != 0;
    let mut seen = SEEN.lock().unwrap();
    *seen.entry(name.to_owned()).or_insert(true) &= blocked;
}

/// Records every thread that calls it.
struct Eyes;

impl SpillSink for Eyes {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        see("thread-self");
        Ok(())
    }
}

impl Observer for Eyes {
    fn signal(&self, _: &Signal<'_>) {
        see("thread-self");
    }
}

fn which_threads_take_sigpipe() {
    let folder = std::env::temp_dir().join(format!("overspill-sigpipe-{}", std::process::id()));
    let asked = || {
        see("thread-self");
        Ok("secret".to_owned())
    };
    let url = crate::child::url().replace("127.0.0.1", "localhost");
    let client = Client::builder(url)
        .header_with("x-api-key", asked)
        .observer(Eyes)
        .spill_sink(Eyes)
        .build()
        .expect("a client");
    let watch = MemoryWatch::builder("shop", &folder).start().unwrap();
    // Flushes that are awaited, with the clock on a separate thread.
    crate::support::block_on(async {
        emit_all(&client, 0..3);
        client.flush(LONG).await.unwrap();
        client.set_mode(Mode::LogOnly);
        emit_all(&client, 3..6);
        client.flush(LONG).await.unwrap();
    });
    client.emit(&Numbered::of(6));
    until("the writer, and the others, to be seen", || {
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            see(&format!("self/task/{}", task.file_name().to_string_lossy()));
        }
        ["overspill", "overspill-log", "overspill-heade", "overspill-watch"]
            .iter()
            .all(|name| SEEN.lock().unwrap().contains_key(*name))
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled), (3, 4), "{stats}");
    drop(watch);
    std::fs::remove_dir_all(&folder).unwrap();
    for (name, blocked) in SEEN.lock().unwrap().iter() {
        say(format_args!("{name} {blocked}"));
    }
}

#[test]
fn our_threads_block_sigpipe_and_the_applications_do_not() {
    let ended = Start::of("which threads take SIGPIPE", Peer::healthy().url()).start().succeed();
    let (ours, theirs): (Vec<&String>, Vec<&String>) =
        ended.said.iter().partition(|said| said.starts_with("overspill"));
    assert!(ours.len() >= 4 && ours.iter().all(|said| said.ends_with(" true")), "{ended}");
    assert!(!theirs.is_empty() && theirs.iter().all(|said| said.ends_with(" false")), "{ended}");
}
