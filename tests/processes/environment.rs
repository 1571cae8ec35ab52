//! Row 18: variables that configure other HTTP clients have no effect here, and overspill's own only if the service asks for them.
//!
//! One family is left to the platform, on purpose: where an https endpoint's root certificates are found. `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` are how an administrator says that. tests/lab/tests/tls tests this.

use crate::child::{Ended, Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, found};
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
    ("starts anyway", starts_anyway),
];

/// A service that must start: it reads the environment, and never gets an error.
fn starts_anyway() {
    log_to_stdout();
    let client = overspill::Client::builder(url()).with_env().build_or_log_only();
    emit_all(&client, 0..50);
    say(client.shutdown_blocking(LONG));
}

fn deliver(builder: Builder) {
    log_to_stdout();
    let client = builder.build().unwrap();
    emit_all(&client, 0..50);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled), (50, 0), "{stats}");
    say(format_args!("emitted {}", stats.emitted));
}

/// Everything that curl, wget, Go, Python, OpenSSL or tokio would obey.
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
    // Without this, the traps above would prove nothing.
    let (trap, peer) = (Endpoint::start(|_| Act::Status(200)).unwrap(), Peer::healthy());
    hostile(Start::of("asked for the proxy", peer.url()), &trap).start().succeed();
    assert!(trap.requests() > 0 && peer.taken.is_empty());
}

#[test]
fn our_variables_are_read_if_asked_for() {
    let (trap, peer) = (Endpoint::start(|_| Act::Status(200)).unwrap(), Peer::healthy());
    let start = Start::of("asked for ours", peer.url()).variable("OVERSPILL_ENDPOINT", trap.url());
    start.start().succeed();
    assert!(trap.requests() > 0 && peer.taken.is_empty());
}

#[test]
fn with_any_wrong_setting_in_the_environment_the_service_starts_and_its_events_are_delivered_or_in_its_log() {
    let links = [
        ("OVERSPILL_SERVICE_HOST", "10.96.0.7"),
        ("OVERSPILL_SERVICE_PORT_HTTP", "80"),
        ("OVERSPILL_PORT", "tcp://10.96.0.7:80"),
        ("OVERSPILL_PORT_80_TCP_PROTO", "tcp"),
    ];
    let (ended, mut nowhere) = started_anyway(&links);
    assert_eq!(ended.count_notices("could not start as configured"), 0, "{ended}");
    assert!(ended.said[0].contains("delivered 50"), "{ended}");
    // The third column is what the notice names.
    for [name, value, named] in [
        ["OVERSPILL_MODE", "", "OVERSPILL_MODE"],
        ["OVERSPILL_ENDPOINT", "", "OVERSPILL_ENDPOINT"],
        ["OVERSPILL_ENDPOINT", "telemetry.example.com", "endpoint"],
        ["OVERSPILL_ENDPIONT", "http://telemetry.example.com/", "OVERSPILL_ENDPOINT"],
        ["OVERSPILL_QUEUE_BYTES_MAX", "lots", "OVERSPILL_QUEUE_BYTES_MAX"],
        ["OVERSPILL_ROOT_CERTIFICATE_FILE", "/nonexistent/ca.pem", "ROOT_CERTIFICATE_FILE"],
        ["OVERSPILL_SPILL_FILE", "/nonexistent/spilled.log", "OVERSPILL_SPILL_FILE"],
    ] {
        let (ended, missing) = started_anyway(&[(name, value)]);
        assert_eq!(ended.count_notices("could not start as configured"), 1, "{ended}");
        let notice = ended.lines.iter().find(|line| line.contains("could not start as configured"));
        assert!(notice.is_some_and(|notice| notice.contains(named)), "{ended}");
        assert!(ended.said[0].contains("spilled 50"), "{ended}");
        nowhere += missing;
    }
    report(49, "events nowhere, in eight environments with something wrong in them", nowhere);
}

/// The service, and how many of its events are neither at the endpoint nor in its log.
fn started_anyway(variables: &[(&str, &str)]) -> (Ended, usize) {
    let peer = Peer::healthy();
    let start = Start::of("starts anyway", peer.url());
    let start = variables.iter().fold(start, |start, (name, value)| start.variable(name, *value));
    let ended = start.start().succeed();
    assert_settled(&peer, &ended, 50);
    let missing = 50 - found(&peer, &ended).len();
    (ended, missing)
}
