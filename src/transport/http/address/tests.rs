use super::*;
use proptest::prelude::*;

fn why(text: &str) -> String {
    endpoint(text).map(|url| url.to_string()).unwrap_err().to_string()
}

#[test]
fn what_a_browser_would_repair_is_an_error_that_says_what_to_do() {
    for (text, word) in [
        ("", "it is empty"),
        (" ", "begins or ends"),
        ("http:///v1/events", "there is no host"),
        ("http:////host/v1", "there is no host"),
        ("http://?q", "there is no host"),
        ("http://:80/", "there is no host"),
        ("http://u:canary@/", "there is no host"),
        ("http:host/v1", "no // after the scheme"),
        ("http:/host/v1", "no // after the scheme"),
        ("HTTPS:host", "no // after the scheme"),
        ("http:\\\\host\\v1", "backslash"),
        ("http://host\\@other/", "backslash"),
        ("http://ho\tst/", "control character in it"),
        ("ht\ntp://host/", "control character in it"),
        ("http://host/a b", "%20"),
        ("\u{a0}http://host/", "begins or ends"),
        (" http://host/", "begins or ends"),
        ("http://host/\n", "begins or ends"),
        ("http://host/\u{0}", "begins or ends"),
        ("host", "put https:// in front"),
        ("localhost:8080", "put https:// in front"),
        ("localhost:8080/v1/events", "put https:// in front"),
        ("telemetry.example.com/v1", "put https:// in front"),
        ("//host/v1", "put https:// in front"),
        ("://host/v1", "put https:// in front"),
        ("/v1/events", "put https:// in front"),
        ("host/?to=http://other/", "put https:// in front"),
        ("mailto:a@b", "put https:// in front"),
        ("127.0.0.1:80", "put https:// in front"),
        ("[::1]:80", "put https:// in front"),
        ("ftp://host/", "the scheme is \"ftp\""),
        ("unix:///run/x.sock", "the scheme is \"unix\""),
        ("ws://host/", "the scheme is \"ws\""),
        ("http://host:/v1", "port after the colon is empty"),
        ("http://host:0/", "1 to 65535"),
        ("http://host:65536/", "1 to 65535"),
        ("http://host:+80/", "not a number"),
        ("http://host:8o/", "not a number"),
        ("http://a:b:c/", "characters that a host"),
        ("http://@host/", "remove the @"),
        ("http://:@host/", "remove the @"),
        ("http://u:p@x@host/", "%40"),
        ("http://host/#canary", "fragment"),
        ("http://host#canary", "fragment"),
        ("http://host/?a#canary", "fragment"),
        ("http://host/a/../b", ".."),
        ("http://host/%2E%2e/b", ".."),
        ("http://host/./b", "."),
        ("http://127.1/", "unusual form"),
        ("http://0x7f.0.0.1/", "unusual form"),
        ("http://2130706433/", "unusual form"),
        ("http://127.0.0.01/", "unusual form"),
        ("http://h%6fst/", "characters that a host"),
        ("http://ho\u{ad}st/", "characters that a host"),
        ("http://host\u{3002}com/", "characters that a host"),
        ("http://{host}/", "characters that a host"),
        ("http://host,other/", "characters that a host"),
        ("http://[::1/", "characters that a host"),
        ("http://[::g]/", "invalid"),
        ("http://[fe80::1%25eth0]/", "invalid"),
    ] {
        let error = why(text);
        assert!(error.contains(word), "{text:?}: {error}");
        assert!(error.contains("give one like https://host/path") && !error.contains("canary"), "{error}");
    }
    assert!(why(&format!("http://host/{}", "a".repeat(10_000))).contains("longer than"));
}

#[test]
fn what_is_plainly_meant_stays_as_it_is() {
    for (text, url) in [
        ("http://host", "http://host/"),
        ("HTTP://Host/V1", "http://host/V1"),
        ("http://host:8080/v1/events?key=a%20b&c={d}", "http://host:8080/v1/events?key=a%20b&c={d}"),
        ("http://user:p%40ss@host/", "http://user:p%40ss@host/"),
        ("http://user@host/@scope/..name/a..b", "http://user@host/@scope/..name/a..b"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1"),
        ("http://a_b.svc.cluster.local.:80//x//", "http://a_b.svc.cluster.local.//x//"),
        ("http://m\u{fc}nchen.example/\u{fc}", "http://xn--mnchen-3ya.example/%C3%BC"),
    ] {
        assert_eq!(endpoint(text).unwrap().as_str(), url, "{text}");
    }
}

#[test]
fn a_proxy_that_would_silently_be_bypassed_is_an_error() {
    for (text, word) in [
        ("", "there is no host"),
        ("tcp://127.0.0.1:1", "\"tcp\""),
        ("socks5://127.0.0.1:1080", "no socks"),
        ("socks5h://u:canary@h:1080", "no socks"),
        ("socks4a://h", "no socks"),
        ("ftp://h:1", "\"ftp\""),
        ("://h:1", "not a usable URL"),
        ("http://", "there is no host"),
        ("http://:3128", "there is no host"),
        (":3128", "there is no host"),
        ("http://h:3128/path", "has a path"),
        ("h:3128/path", "has a path"),
        ("http://h:3128?canary", "has a path"),
        ("http://h:3128/#canary", "has a path"),
        ("http:h:3128", "not a usable URL"),
        ("http://h:0", "1 to 65535"),
        ("http://h:", "port after the colon is empty"),
        ("http://h:99999", "1 to 65535"),
        (" http://h:1", "begins or ends"),
        ("http://h\n:1", "control character"),
        ("http://u:canary@[", "characters that a host"),
        ("no url canary", "blank"),
    ] {
        let error = proxy(text).map(|url| url.to_string()).unwrap_err().to_string();
        assert!(error.starts_with("proxy ") && error.contains(word), "{text:?}: {error}");
        assert!(error.contains("http://host:port") && !error.contains("canary"), "{error}");
    }
    for (text, url) in [
        ("127.0.0.1:9", "http://127.0.0.1:9/"),
        ("localhost:3128", "http://localhost:3128/"),
        ("http://u:p@h:3128/", "http://u:p@h:3128/"),
        ("[::1]:3128", "http://[::1]:3128/"),
    ] {
        assert_eq!(proxy(text).unwrap().as_str(), url, "{text}");
    }
}

proptest! {
    /// AD1 for any input: an accepted text keeps its host, and is sent unchanged in the request line.
    #[test]
    fn an_accepted_endpoint_has_the_host_and_the_port_that_were_written(
        text in "(http|HTTP|https|ftp)?(:|://|:///|:/)?([a-z@:%.\\\\#?/ \t0-9\\[\\]-]{0,24})"
    ) {
        if let Ok(url) = endpoint(&text) {
            let behind = text.split_once("://").unwrap().1;
            let authority = behind.split(['/', '?']).next().unwrap();
            let place = authority.rsplit('@').next().unwrap();
            let host = url.host_str().unwrap();
            prop_assert!(place.starts_with(host) || host.contains(':'), "{text:?} is {url}");
            if let Some(port) = url.port() {
                prop_assert!(place.ends_with(&format!(":{port}")) || place.contains(":0"), "{text:?} is {url}");
            }
            prop_assert_eq!(url.fragment(), None);
        }
    }
}
