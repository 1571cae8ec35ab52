//! A wrong setting is an error of `build`, with a text that says what to do and never repeats a secret.

use overspill::{BuildError, Client, EndpointState, Mode};

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
        // Nor do they stay on this machine if a proxy elsewhere gets them.
        for proxy in ["http://127.0.0.1:9/", "127.0.0.1:9", "localhost:9"] {
            assert!(here().proxy(proxy).build().is_ok(), "{loopback} by {proxy}");
        }
        assert!(matches!(here().proxy("http://192.0.2.1:9/").build(), Err(BuildError::PlaintextCredentials)));
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
        assert_eq!(bound(endpoint, proxy) - plain, overspill::limits::TLS_BYTES);
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
fn a_tiny_client_works_and_tells_a_small_bound() {
    let client = Client::builder("http://127.0.0.1:9/")
        .queue_events_max(16)
        .queue_bytes_max(4096)
        .batch_events_max(4)
        .batch_bytes_max(2048)
        .posts_in_flight_max(1)
        .build()
        .unwrap();
    // Mostly what a connection and an answer may take: hyper's read buffer is not ours to choose.
    assert!(client.memory_bound() < 4 << 20, "{}", client.memory_bound());
}
