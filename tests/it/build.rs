//! A wrong setting is an error of `build`, with a text that says what to do and never repeats a secret.

use crate::support::*;
use overspill::format::{Datadog, NewRelic, Otlp, OtlpJson};
use overspill::spill::Redact;
use overspill::testkit::Act;
use overspill::{BuildError, Builder, Client, Emitted, EndpointState, LostReason, Mode, QueueShare, Reason};
use std::time::Duration;

fn refused(url: &str) -> String {
    Client::builder(url).build().unwrap_err().to_string()
}

#[test]
fn an_endpoint_that_is_no_http_url_is_refused_without_repeating_it() {
    for url in [
        "",
        "nonsense",
        "ftp://host/",
        "http://",
        "http://[::1",
        "file:///etc/passwd",
        "mailto:a@b",
        "http://host:99999/",
    ] {
        let error = refused(url);
        assert!(error.contains("give one like https://host/path"), "{url}: {error}");
    }
    assert!(!refused("htp://user:canary@host/?key=canary").contains("canary"));
}

#[test]
fn headers_that_cannot_be_sent_are_refused_by_name() {
    let with = |name: &str, value: &str| {
        Client::builder("http://127.0.0.1/").header(name, value).build().unwrap_err().to_string()
    };
    assert!(with("x y", "1").contains("not a header name"));
    assert!(with("x-key", "can\nary").contains("\"x-key\""));
    assert!(!with("x-key", "can\nary").contains("ary"));
    assert!(with("Content-Length", "5").contains("overspill's own"));
    assert!(with("transfer-encoding", "chunked").contains("overspill's own"));
}

#[test]
fn credentials_over_plain_http_to_another_host_are_refused_unless_allowed() {
    let remote = || Client::builder("http://192.0.2.1/");
    for builder in [
        remote().bearer_auth("t"),
        remote().header("x-api-key", "t"),
        Client::builder("http://u:p@192.0.2.1/"),
    ] {
        assert!(matches!(builder.build(), Err(BuildError::PlaintextCredentials)));
    }
    assert!(remote().bearer_auth("t").allow_plaintext_credentials().build().is_ok());
    assert!(remote().header("x-tenant", "a").build().is_ok());
    for loopback in ["http://127.0.0.1/", "http://[::1]/", "http://localhost/"] {
        let here = || Client::builder(loopback).bearer_auth("t");
        assert!(here().build().is_ok(), "{loopback}");
        // A proxy on another machine would get them too.
        for proxy in ["http://127.0.0.1:9/", "127.0.0.1:9", "localhost:9"] {
            assert!(here().proxy(proxy).build().is_ok(), "{loopback} by {proxy}");
        }
        assert!(matches!(here().proxy("http://192.0.2.1:9/").build(), Err(BuildError::PlaintextCredentials)));
    }
}

#[test]
fn limits_beyond_the_formats_endpoint_are_refused_by_name_and_others_are_not() {
    type Chooses = fn(Builder) -> Builder;
    let cases: [(Chooses, usize, usize); 4] = [
        (|b| b.format(Otlp::new()), 20 << 20, 10_000),
        (|b| b.format(OtlpJson::new()), 20 << 20, 10_000),
        (|b| b.format(Datadog::new()), 5_000_000, 1_000),
        (|b| b.format(NewRelic::new()), 1_000_000, 10_000),
    ];
    for (format, bytes, events) in cases {
        let chosen = || format(Client::builder("http://127.0.0.1:9/"));
        let built = |builder: Builder| builder.build().map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(built(chosen().batch_bytes_max(bytes).batch_events_max(events)), Ok(()));
        let refused = built(chosen().batch_bytes_max(bytes + 1)).unwrap_err();
        assert!(refused.contains("batch_bytes_max"), "{refused}");
        let refused = built(chosen().batch_events_max(events + 1)).unwrap_err();
        assert!(refused.contains("batch_events_max"), "{refused}");
    }
}

#[cfg(feature = "https")]
#[test]
fn the_memory_of_tls_is_in_the_bound_wherever_tls_begins() {
    let bound =
        |endpoint: &str, proxy: &str| Client::builder(endpoint).proxy(proxy).build().unwrap().memory_bound();
    let plain = bound("http://127.0.0.1:9/", "http://127.0.0.1:9/");
    for (endpoint, proxy) in
        [("https://127.0.0.1:9/", "http://127.0.0.1:9/"), ("http://127.0.0.1:9/", "HTTPS://127.0.0.1:9/")]
    {
        assert_eq!(bound(endpoint, proxy) - plain, 4 << 20);
    }
}

#[test]
fn nothing_secret_is_in_the_debug_text_of_a_client() {
    let client =
        Client::builder("http://u:canary@127.0.0.1:9/?key=canary").bearer_auth("canary").build().unwrap();
    assert!(!format!("{client:?}").contains("canary"));
    let stats = client.stats();
    assert_eq!((stats.emitted, stats.endpoint, client.mode()), (0, EndpointState::Healthy, Mode::On));
}

#[test]
fn a_client_is_one_pointer_wide_and_crosses_threads() {
    fn crosses<T: Clone + Send + Sync + 'static>() {}
    crosses::<Client>();
    assert_eq!(size_of::<Client>(), size_of::<usize>());
}

#[test]
fn a_tiny_client_works_and_reports_a_small_bound() {
    let client = Client::builder("http://127.0.0.1:9/")
        .queue_events_max(16)
        .queue_bytes_max(4096)
        .batch_events_max(4)
        .batch_bytes_max(2048)
        .posts_in_flight_max(1)
        .build()
        .unwrap();
    // Most of it is for a connection and an answer: the size of hyper's read buffer cannot be set.
    assert!(client.memory_bound() < 4_300_000, "{}", client.memory_bound());
}

/// If the proxy were ignored, the client would bypass it and post to the endpoint itself.
#[test]
fn a_proxy_that_cannot_be_used_is_an_error_and_no_event_goes_past_it() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    for proxy in
        ["tcp://127.0.0.1:1", "socks5://127.0.0.1:1", "socks5h://127.0.0.1:1", "ftp://127.0.0.1:1", ""]
    {
        let built = Client::builder(endpoint.url()).proxy(proxy).build();
        let error = built.map(|_| ()).expect_err(proxy).to_string();
        assert!(error.starts_with("proxy ") && error.contains("give a URL like http://host:port"), "{error}");
    }
    // Proxies that can be used, even with an odd user name. Nothing listens at them.
    for proxy in [
        "http://127.0.0.1:1",
        "127.0.0.1:1",
        "http://u:p%20!$&'()*+,;=~|^`{}@127.0.0.1:1",
        "HTTP://u@127.0.0.1:1/",
    ] {
        let client =
            quick(endpoint.url()).proxy(proxy).build().unwrap_or_else(|error| panic!("{proxy}: {error}"));
        emit_all(&client, 0..3);
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.delivered, stats.spilled, stats.lost), (0, 3, 0), "{proxy}: {stats}");
    }
    assert_eq!((endpoint.connections(), endpoint.requests()), (0, 0));
}

#[test]
fn what_would_be_sent_differently_than_written_is_an_error() {
    let header = |name: &str, value: &str| {
        Client::builder("http://127.0.0.1/").header(name, value).build().map(|_| ()).unwrap_err().to_string()
    };
    for blank in [" a", "a ", "\ta", "Bearer "] {
        assert!(header("x-tenant", blank).contains("begins or ends with a blank"), "{blank:?}");
    }
    let empty = Client::builder("http://127.0.0.1/").bearer_auth("").build().unwrap_err().to_string();
    assert!(empty.contains("\"authorization\""), "{empty}");
    assert!(Client::builder("http://127.0.0.1/").header("x-empty", "").build().is_ok());
    let idle = |time| Client::builder("http://127.0.0.1/").connection_idle_max(time).build().map(|_| ());
    assert!(idle(Duration::ZERO).unwrap_err().to_string().contains("connection_idle_max is 0ns"));
    assert!(idle(Duration::from_secs(3_601)).is_err() && idle(Duration::from_millis(1)).is_ok());
}

#[test]
fn an_invalid_unix_socket_is_an_error_and_so_is_one_together_with_a_proxy() {
    let with = |path: &str| {
        let builder = Client::builder("http://localhost/v1").unix_socket(path);
        builder.build().map(|_| ()).unwrap_err().to_string()
    };
    if cfg!(not(unix)) {
        assert!(with("/run/x.sock").contains("not possible on this platform"));
        return;
    }
    assert!(with("").contains("is empty"));
    assert!(with(&"a".repeat(200)).contains("the most that a socket's address holds"));
    assert!(with("/run/\0").contains("zero byte"));
    let both = Client::builder("http://localhost/").unix_socket("/run/x").proxy("h:1").build().map(|_| ());
    assert!(both.unwrap_err().to_string().contains("set one of the two"));
}

#[cfg(feature = "https")]
#[test]
fn certificates_are_all_used_or_are_an_error() {
    let good = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let root = |url: &str, pem: &str| {
        Client::builder(url).root_certificate_pem(pem).build().map(|_| ()).unwrap_err().to_string()
    };
    let ours = |pem: &str| {
        let builder = Client::builder("https://127.0.0.1/").client_certificate_pem(pem);
        builder.build().map(|_| ()).unwrap_err().to_string()
    };
    assert!(root("http://127.0.0.1/", good).contains("the endpoint is http"));
    assert!(root("https://127.0.0.1/", "").contains("holds no certificate"));
    assert!(root("https://127.0.0.1/", good).contains("cannot be read"));
    for kind in ["TRUSTED CERTIFICATE", "X509 CRL", "PRIVATE KEY"] {
        let error = root("https://127.0.0.1/", &good.replace("CERTIFICATE", kind));
        assert!(error.contains(kind), "{error}");
    }
    let key = |kind: &str| good.replace("CERTIFICATE", kind);
    for (pem, word) in [
        (String::new(), "0 certificates and 0 private keys"),
        (good.to_owned(), "1 certificates and 0 private keys"),
        (key("PRIVATE KEY"), "0 certificates and 1 private keys"),
        (format!("{good}{0}{0}", key("PRIVATE KEY")), "1 certificates and 2 private keys"),
        (format!("{good}{}", key("ENCRYPTED PRIVATE KEY")), "encrypted"),
        (format!("{good}{}", key("CERTIFICATE REQUEST")), "CERTIFICATE REQUEST"),
        (format!("{good}{}", key("PRIVATE KEY")), "cannot be read"),
        (format!("{good}{}", key("s3cret")), "unknown kind"),
    ] {
        let error = ours(&pem);
        assert!(error.starts_with("client_certificate_pem") && error.contains(word), "{word}: {error}");
    }
}

#[test]
fn a_wrong_setting_still_gives_a_client_that_writes_to_the_log_and_says_once_what_is_wrong() {
    type Wrong = fn() -> Builder;
    let wrong: [(Wrong, &str); 6] = [
        (|| Client::builder("nonsense"), "give one like https://host/path"),
        (|| quick("http://127.0.0.1:9/").queue_events_max(0), "queue_events_max is 0: choose 1 to"),
        (|| quick("http://127.0.0.1:9/").header("x y", "1"), "not a header name"),
        (|| quick("http://127.0.0.1:9/").root_certificate_pem("no certificate"), "root_certificate_pem"),
        (|| quick("http://127.0.0.1:9/").spill_line_bytes_max(1), "choose 4 KiB to 1 MiB"),
        (|| Client::builder("http://192.0.2.1/").bearer_auth("t0ken"), "use https"),
    ];
    for (builder, words) in wrong {
        let world = World::new();
        let client = builder().build_or_log_only();
        assert_eq!(client.mode(), Mode::LogOnly);
        emit_all(&client, 0..10);
        client.flush_blocking(LONG).unwrap();
        // If switched on, it has nowhere to send, and says why.
        client.set_mode(Mode::On);
        emit_all(&client, 10..20);
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.spilled, stats.lost), (20, 0), "{stats}");
        world.assert_settled(&stats, 20);
        let told = world.log.count_notices("could not start as configured");
        assert_eq!(told, 1, "{}", world.log.text());
        assert!(world.log.count_notices(words) >= 1, "{words}: {}", world.log.text());
        assert_eq!(world.log.count_notices("started:"), 0);
        assert!(!world.log.text().contains("t0ken"));
    }
}

#[test]
fn valid_settings_build_the_same_client_either_way_and_the_kill_switch_holds_despite_an_error() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build_or_log_only();
    emit_all(&client, 0..10);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.delivered, 10, "{stats}");
    world.assert_settled(&stats, 10);
    let off = Client::builder("nonsense").mode(Mode::Off).build_or_log_only();
    assert_eq!((off.mode(), off.emit(&1)), (Mode::Off, Emitted::Off));
}

#[test]
fn redaction_that_is_set_wrong_lets_nothing_into_the_log_unredacted() {
    let world = World::new();
    let client =
        quick("http://127.0.0.1:9/").spill_redact(Redact::new().remove("no/pointer")).build_or_log_only();
    assert_eq!(client.emit(&"canary"), Emitted::Spilled(Reason::LogOnly));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.lost_by(LostReason::RedactFailed), 1, "{stats}");
    assert!(!world.log.text().contains("canary"), "{}", world.log.text());
}

#[test]
fn a_disabled_client_stays_off_and_leaves_no_trace() {
    let world = World::new();
    let client = Client::disabled();
    client.set_mode(Mode::On);
    client.set_queue_share(QueueShare::Half);
    assert_eq!((client.mode(), client.emit(&1)), (Mode::Off, Emitted::Off));
    assert!(client.set_bearer_auth("token").is_ok());
    assert_eq!(client.flush_blocking(LONG), Ok(()));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending, stats.mode), (0, 0, Mode::Off));
    drop(client);
    assert_eq!(world.log.text(), "");
}
