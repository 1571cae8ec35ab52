//! Row 18: variables that steer other HTTP clients do nothing here, and ours do nothing unless asked.
//!
//! One family is left to the platform, on purpose: where an https endpoint's root certificates are found. `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` are how an administrator says that. tests/lab/tests/tls tests this.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled};
use crate::support::{LONG, emit_all, quick};
use overspill::Builder;
use overspill::testkit::{Act, Endpoint};

pub const PARTS: &[Part] = &[
    ("unasked", || deliver(quick(url()))),
    ("asked for the proxy", || deliver(quick(url()).proxy(std::env::var("HTTP_PROXY").unwrap()))),
    ("asked for ours", || {
        let asked = Builder::from_env().unwrap();
        deliver(asked.batch_age_max(std::time::Duration::from_millis(5)));
    }),
];

fn deliver(builder: Builder) {
    log_to_stdout();
    let client = builder.build().unwrap();
    emit_all(&client, 0..50);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled), (50, 0), "{stats}");
    say(format_args!("emitted {}", stats.emitted));
}

/// Everything that curl, wget, Go, Python, OpenSSL or tokio would heed.
fn hostile(start: Start, trap: &Endpoint) -> Start {
    let url = trap.url();
    let proxy = url.strip_suffix("/v1/events").unwrap();
    let proxies =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "FTP_PROXY"];
    let start = proxies.iter().fold(start, |start, name| start.variable(name, proxy));
    let ours = [("ENDPOINT", url.as_str()), ("MODE", "off"), ("PROXY", proxy), ("SPILL_FILE", "/dev/full")];
    let start =
        ours.iter().fold(start, |start, (name, value)| start.variable(&format!("OVERSPILL_{name}"), *value));
    let others =
        ["NO_PROXY", "no_proxy", "TOKIO_WORKER_THREADS", "RUST_LOG", "REQWEST_TIMEOUT", "SSLKEYLOGFILE"];
    others.iter().fold(start, |start, name| start.variable(name, ""))
}

#[test]
fn proxies_and_our_own_variables_in_the_environment_are_ignored_unless_asked() {
    let (trap, peer) = (Endpoint::start(|_| Act::Status(200)).unwrap(), Peer::healthy());
    let ended = hostile(Start::of("unasked", peer.url()), &trap).start().succeed();
    assert_settled(&peer, &ended, 50);
    assert_eq!((peer.taken.len(), trap.connections()), (50, 0));
    report(18, "connects at the trap", trap.connections());
}

#[test]
fn a_proxy_that_was_asked_for_is_used() {
    // Without it the trap above would prove nothing.
    let (trap, peer) = (Endpoint::start(|_| Act::Status(200)).unwrap(), Peer::healthy());
    hostile(Start::of("asked for the proxy", peer.url()), &trap).start().succeed();
    assert!(trap.requests() > 0 && peer.taken.is_empty());
}

#[test]
fn variables_of_ours_are_read_when_asked_for() {
    let (trap, peer) = (Endpoint::start(|_| Act::Status(200)).unwrap(), Peer::healthy());
    let start = Start::of("asked for ours", peer.url()).variable("OVERSPILL_ENDPOINT", trap.url());
    start.start().succeed();
    assert!(trap.requests() > 0 && peer.taken.is_empty());
}
