//! SIGPIPE at its default action: what overspill writes never ends the process.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::spilled;
use crate::support::{LONG, Numbered, emit_all, id_of, ids_spilled};
use overspill::spill::WriteSink;
use overspill::testkit::Spilled;
use overspill::{Client, Mode, Reason};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

pub const PARTS: &[Part] = &[
    ("a peer that goes", a_peer_that_goes),
    ("a log that goes", a_log_that_goes),
    ("the fault itself", || {
        sigpipe::reset();
        // On the application's own thread the signal has its default effect. On its own threads, overspill prevents that.
        let _ = pipe_without_a_reader().write_all(b"x");
    }),
];

fn pipe_without_a_reader() -> ChildStdin {
    let mut gone = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    let pipe = gone.stdin.take().unwrap();
    gone.wait().unwrap();
    pipe
}

const EVENTS: u64 = 16;

fn a_peer_that_goes() {
    sigpipe::reset();
    log_to_stdout();
    let client = Client::builder(url())
        .event_bytes_max(1 << 20)
        .batch_bytes_max(8 << 20)
        .queue_bytes_max(64 << 20)
        .build()
        .unwrap();
    for id in 0..EVENTS {
        client.emit(&Numbered { id, text: "x".repeat(500_000) });
    }
    let stats = client.shutdown_blocking(LONG);
    say(format_args!("{stats}"));
    assert_eq!((stats.emitted, stats.spilled), (EVENTS, EVENTS), "{stats}");
}

/// The log and its fallback are pipes whose readers are gone.
fn a_log_that_goes() {
    sigpipe::reset();
    let builder = || Client::builder(url()).mode(Mode::LogOnly);
    let nowhere = builder()
        .spill_sink(WriteSink::new(pipe_without_a_reader()))
        .spill_fallback(WriteSink::new(pipe_without_a_reader()))
        .build()
        .unwrap();
    emit_all(&nowhere, 0..5);
    let stats = nowhere.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.lost), (5, 0, 5), "{stats}");
    let log = Spilled::default();
    let client = builder()
        .spill_sink(WriteSink::new(pipe_without_a_reader()))
        .spill_fallback(log.clone())
        .build()
        .unwrap();
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.spilled_by(Reason::LogOnly)), (5, 5, 5), "{stats}");
    assert_eq!(ids_spilled(&log), [0, 1, 2, 3, 4]);
}

#[test]
fn a_peer_that_disconnects_during_a_request_does_not_kill_a_process_that_sigpipe_would_kill() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/events", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            std::thread::spawn(move || {
                let _ = connection.read(&mut [0; 1024]);
                let _ = connection.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
                let _ = connection.shutdown(Shutdown::Write);
                // The fault: it does not read, and ends a moment later.
                std::thread::sleep(Duration::from_millis(20));
            });
        }
    });
    let ended = Start::of("a peer that goes", url).start().succeed();
    let mut ids: Vec<u64> = spilled(&ended).iter().map(|event| id_of(&event.event)).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..EVENTS).collect::<Vec<_>>(), "{ended}");
    report(49, "events nowhere, SIGPIPE at its default action", EVENTS - ids.len() as u64);
}

#[test]
fn a_log_whose_reader_is_gone_does_not_kill_a_process_that_sigpipe_would_kill() {
    Start::of("a log that goes", "http://127.0.0.1:9/").start().succeed();
}

#[test]
fn the_signal_is_at_its_default_action_in_these_tests() {
    assert_eq!(Start::of("the fault itself", "").start().end().status.signal(), Some(13));
}
