//! Row 19: secrets are in no output of the process: with everything logged at TRACE, through every kind of fault, in Debug,
//! Display, errors and panics. The canary is a piece of text that stands in each place where a secret may be.

use crate::child::{Ended, Part, Start, say, url};
use crate::figures::report;
use crate::law::Peer;
use crate::support::{LONG, emit_all, quick};
use overspill::testkit::{Act, Endpoint};
use overspill::{Builder, Client, Observer, Signal};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;

const CANARY: &str = "c4n4rYkEEpOut";

pub const PARTS: &[Part] = &[
    ("secrets in headers", || speak(with_headers(quick(url())))),
    ("secrets in the URL", || speak(quick(with_secrets(&url())))),
    ("secrets in the proxy", || {
        speak(quick("http://name.invalid/").proxy(with_user(url().trim_end_matches("/v1/events"))))
    }),
    ("secrets in errors", errors),
];

/// `http://host:port/path` with user-info, and a key in path and query.
fn with_secrets(url: &str) -> String {
    format!("{}/{CANARY}path?key={CANARY}query", with_user(url))
}

fn with_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{CANARY}user:{CANARY}pass@{rest}")
}

fn with_headers(builder: Builder) -> Builder {
    builder.bearer_auth(format!("{CANARY}bearer")).header("x-other", format!("{CANARY}header"))
}

/// Prints each signal, and panics in the end.
struct Prints;

impl Observer for Prints {
    fn signal(&self, signal: &Signal<'_>) {
        println!("{signal:?}");
        if let Signal::OutageBegan { .. } = signal {
            panic!("an observer at {signal:?}");
        }
    }
}

/// Makes the process print everything that it can.
fn speak(builder: Builder) {
    // This includes the records of the `log` crate.
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).init();
    tracing::trace!("the subscriber listens");
    println!("{builder:?} {builder:#?}");
    let client = builder
        .allow_plaintext_credentials()
        .observer(Prints)
        .probe_interval_max(Duration::from_millis(5))
        .build()
        .unwrap();
    for round in 0..4 {
        emit_all(&client, round * 20..round * 20 + 20);
        crate::support::until("the round to be settled", || client.stats().pending == 0);
    }
    println!("{client:?} {client:#?} {:?} {}", client.stats(), client.stats());
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (80, 0, 0), "{stats}");
    let hook = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        panic!("the application's own, about {client:?}")
    }));
    assert!(hook.is_err());
    say("done");
}

fn errors() {
    let bad = [
        Client::builder(format!("no url {CANARY}")),
        Client::builder(format!("{CANARY}://host/")),
        Client::builder(format!("http://user:{CANARY}@/")),
        Client::builder(format!("http://[{CANARY}]/")),
        Client::builder(format!("http://host:{CANARY}/")),
        Client::builder(with_secrets("http://example.com")),
        Client::builder(format!("{}#{CANARY}", with_secrets("http://127.0.0.1"))),
        Client::builder(format!("http://127.0.0.1/{CANARY}/../x")),
        Client::builder(format!("{CANARY}:8080/v1")),
        Client::builder("http://example.com/").bearer_auth(CANARY),
        Client::builder("http://127.0.0.1/").header("x-key", format!("{CANARY}\n")),
        Client::builder("http://127.0.0.1/").proxy(format!("no url {CANARY}")),
        Client::builder("http://127.0.0.1/").proxy(format!("http://user:{CANARY}@[")),
        Client::builder("http://127.0.0.1/").proxy(format!("socks5://user:{CANARY}@host:1")),
        Client::builder("http://127.0.0.1/").proxy(format!("http://host:1/{CANARY}")),
        Client::builder("http://127.0.0.1/").unix_socket(CANARY.repeat(20)),
        Client::builder("https://127.0.0.1/").client_certificate_pem(format!("-----BEGIN {CANARY}-----")),
        Client::builder("https://127.0.0.1/").root_certificate_pem(format!("-----BEGIN {CANARY}-----")),
        Client::builder("http://127.0.0.1/").root_certificate_pem(format!("-----BEGIN {CANARY}")),
    ];
    for builder in bad {
        println!("{builder:?}");
        let error = builder.build().expect_err("a setting that is wrong");
        println!("{error} {error:?} {error:#?} {:?}", std::error::Error::source(&error));
    }
    say("done");
}

/// Checks that no line contains the canary, plain or in the encoding of basic authentication.
#[track_caller]
fn silent(ended: &Ended, encoded: Option<&str>) {
    assert!(ended.said.iter().any(|said| said == "done"), "{ended}");
    for canary in [Some(CANARY), encoded].into_iter().flatten() {
        let hits: Vec<&String> = ended.lines.iter().filter(|line| line.contains(canary)).collect();
        assert!(hits.is_empty(), "{} hits of {canary}: {hits:#?}", hits.len());
    }
}

/// Goes through one fault after another; the endpoint echoes the request, as some do in their error pages.
fn through_faults(part: &'static str) {
    let seen = Arc::new(Mutex::new(String::new()));
    for status in [200, 302, 401, 500, 0] {
        let sees = Arc::clone(&seen);
        let endpoint = Endpoint::start(move |request| {
            sees.lock().unwrap().push_str(&request.head);
            if status == 0 {
                return Act::Hang;
            }
            let head = request.head.replace(['\r', '\n'], " ");
            let answer = format!("HTTP/1.1 {status} {head}\r\nlocation: {head}\r\nretry-after: {head}\r\ncontent-length: {}\r\n\r\n{head}", head.len());
            Act::Bytes(answer.into_bytes())
        })
        .unwrap();
        let ended = Start::of(part, endpoint.url()).start().succeed();
        let seen = seen.lock().unwrap().clone();
        let encoded =
            seen.lines().find_map(|line| line.split_once("Basic ")).map(|(_, encoded)| encoded.trim());
        assert!(
            seen.contains(CANARY) || encoded.is_some(),
            "the endpoint never got the secret, so nothing was tested"
        );
        assert!(ended.lines.iter().any(|line| line.contains("TRACE")), "{ended}");
        silent(&ended, encoded);
    }
    silent(&Start::of(part, Peer::refused().url()).start().succeed(), None);
    // Names that do not exist, and TLS with a peer that does not speak it.
    silent(&Start::of(part, "http://name.invalid:9/v1/events").start().succeed(), None);
    if cfg!(feature = "https") {
        let plain = Peer::healthy();
        let https = plain.url().replace("http://", "https://");
        silent(&Start::of(part, https).start().succeed(), None);
    }
    report(19, "hits of a canary", 0);
}

#[test]
fn a_token_and_a_header_value_are_in_no_output_at_trace() {
    through_faults("secrets in headers");
}

#[test]
fn user_info_and_keys_in_the_url_are_in_no_output_at_trace() {
    through_faults("secrets in the URL");
}

#[test]
fn credentials_of_a_proxy_are_in_no_output_at_trace() {
    through_faults("secrets in the proxy");
}

#[test]
fn errors_of_build_do_not_repeat_secrets() {
    silent(&Start::of("secrets in errors", "").start().succeed(), None);
}
