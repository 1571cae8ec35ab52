//! Credentials that change: a token rotation costs no event, wherever the token comes from.

use crate::figures::report;
use crate::support::*;
use overspill::testkit::{Answer, Scripted};
use overspill::{BuildError, Builder, Client, Reason};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The token that the endpoint currently accepts.
#[derive(Clone)]
struct Token(Arc<Mutex<String>>);

impl Token {
    fn new(token: &str) -> Token {
        Token(Arc::new(Mutex::new(token.to_owned())))
    }

    fn rotate(&self, token: &str) {
        *self.0.lock().unwrap() = token.to_owned();
    }

    fn get(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// An endpoint that accepts only this token, and the keys of the requests that it refused.
fn guarded(world: &World, token: &Token) -> (Endpoint, Arc<Mutex<Vec<String>>>) {
    let (token, refused) = (token.clone(), Arc::new(Mutex::new(Vec::new())));
    let refuses = Arc::clone(&refused);
    let endpoint = world.endpoint(move |request| {
        if request.header("authorization") == Some(&format!("Bearer {}", token.get())) {
            return Act::Status(200);
        }
        refuses.lock().unwrap().push(request.header("idempotency-key").unwrap().to_owned());
        Act::Status(401)
    });
    (endpoint, refused)
}

fn settled(client: &Client) {
    block_on(client.flush(LONG)).unwrap();
}

/// Emits while three tokens follow one another; `rotate` makes the client's source return the new one.
fn through_rotations(builder: impl FnOnce(Builder) -> Builder, rotate: impl Fn(&Client, &str)) -> World {
    let (world, token) = (World::new(), Token::new("A"));
    let (endpoint, refused) = guarded(&world, &token);
    let client = builder(quick(endpoint.url()).post_timeout(Duration::from_secs(10))).build().unwrap();
    let mut id = 0;
    for next in ["B", "C", "C"] {
        for _ in 0..10 {
            emit_all(&client, id..id + 10);
            id += 10;
            settled(&client);
        }
        token.rotate(next);
        rotate(&client, next);
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, id);
    assert_eq!((stats.delivered, stats.posts_failed), (id, 0), "{stats}\n{}", world.log.text());
    assert!(!world.log.text().contains("Bearer"));
    report(44, "events lost to rotation", stats.spilled + stats.lost);
    assert!(refused.lock().unwrap().len() <= 4, "one for each rotation and post in flight");
    world
}

#[test]
fn a_token_from_a_source_is_fetched_again_after_a_401_and_rotation_loses_no_event() {
    let (source, asked) = (Token::new("A"), Arc::new(AtomicU64::new(0)));
    let (asks, counts) = (source.clone(), Arc::clone(&asked));
    through_rotations(
        |builder| {
            builder.header_with("Authorization", move || {
                counts.fetch_add(1, Ordering::Relaxed);
                Ok(format!("Bearer {}", asks.get()))
            })
        },
        |_, token| source.rotate(token),
    );
    let asked = asked.load(Ordering::Relaxed);
    assert!((3..=6).contains(&asked), "once, and after each 401: {asked}");
}

#[test]
fn a_token_in_a_file_is_read_again_after_a_401() {
    let file = TokenFile::new("rotated", "A\n");
    through_rotations(
        |builder| builder.bearer_auth_file(&file.0),
        |_, token| std::fs::write(&file.0, format!("  {token}\r\n")).unwrap(),
    );
}

#[test]
fn a_token_that_is_set_is_used_from_the_next_request_on() {
    through_rotations(
        |builder| builder.bearer_auth("A"),
        |client, token| client.set_bearer_auth(token).unwrap(),
    );
    // It also replaces a token that came from a source.
    through_rotations(
        |builder| builder.header_with("authorization", || Ok("Bearer A".to_owned())),
        |client, token| client.set_header("Authorization", format!("Bearer {token}")).unwrap(),
    );
}

#[test]
fn a_request_refused_for_its_token_is_sent_once_more_with_the_same_key_and_not_twice() {
    let (world, token) = (World::new(), Token::new("never this one"));
    let (endpoint, refused) = guarded(&world, &token);
    let asked = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&asked);
    let client = quick(endpoint.url())
        .probe_interval_max(Duration::from_secs(60))
        .header_with("authorization", move || {
            Ok(format!("Bearer {}", counts.fetch_add(1, Ordering::Relaxed)))
        })
        .build()
        .unwrap();
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 5);
    let refused = refused.lock().unwrap();
    assert_eq!((refused.len(), stats.posts, stats.spilled_by(Reason::Denied)), (2, 1, 5), "{stats}");
    assert_eq!(refused[0], refused[1]);
}

#[test]
fn a_401_with_the_current_token_causes_no_second_request() {
    let (world, token) = (World::new(), Token::new("another"));
    let (endpoint, refused) = guarded(&world, &token);
    let client = quick(endpoint.url())
        .probe_interval_max(Duration::from_secs(60))
        .header_with("authorization", || Ok("Bearer A".to_owned()))
        .build()
        .unwrap();
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 5);
    assert_eq!((refused.lock().unwrap().len(), stats.spilled_by(Reason::Denied)), (1, 5), "{stats}");
}

/// How a request for a token may fail.
type Ask = fn() -> Result<String, Box<dyn std::error::Error + Send + Sync>>;

#[test]
fn a_source_without_a_value_is_reported_and_nothing_is_sent_without_it() {
    let asks: [(&str, Ask, &str); 5] = [
        ("an error", || Err("the vault is sealed".into()), "the vault is sealed"),
        ("a panic", || panic!("s0urce"), "panicked: s0urce"),
        (
            "a line break",
            || Ok("Bearer s3cret\r\nx-other: 1".to_owned()),
            "characters that a header cannot have",
        ),
        ("blanks", || Ok("Bearer s3cret ".to_owned()), "begins or ends with a blank"),
        ("too long", || Ok("s3cret".repeat(10_000)), "longer than 16384 bytes"),
    ];
    for (what, ask, words) in asks {
        let world = World::new();
        let endpoint = world.endpoint(|_| Act::Status(200));
        let client = quick(endpoint.url()).header_with("authorization", ask).build().unwrap();
        emit_all(&client, 0..5);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 5);
        assert_eq!((stats.spilled, endpoint.requests()), (5, 0), "{what}: {stats}");
        assert!(stats.spilled_by(Reason::Connect) > 0 && stats.maybe_delivered == 0, "{what}: {stats}");
        assert_eq!(world.log.count_notices("no new value for the header "), 1, "{what}");
        let text = world.log.text();
        assert!(text.contains("no value for the header \\\"authorization\\\": "), "{what}: {text}");
        assert!(text.contains(words) && !text.contains("s3cret"), "{what}: {text}");
    }
}

#[test]
fn a_source_that_fails_later_leaves_the_last_value_in_use() {
    let (world, asked) = (World::new(), Arc::new(AtomicU64::new(0)));
    let nth = Arc::new(AtomicU64::new(0));
    // Refuses every third request, whatever its token.
    let endpoint = world.endpoint(move |request| {
        assert_eq!(request.header("authorization"), Some("Bearer A"));
        if nth.fetch_add(1, Ordering::AcqRel) % 3 == 2 { Act::Status(401) } else { Act::Status(200) }
    });
    let counts = Arc::clone(&asked);
    let client = quick(endpoint.url())
        .header_with("authorization", move || match counts.fetch_add(1, Ordering::Relaxed) {
            0 => Ok("Bearer A".to_owned()),
            _ => Err("the vault is sealed".into()),
        })
        .build()
        .unwrap();
    for id in 0..4 {
        emit_all(&client, id..id + 1);
        settled(&client);
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 4);
    // A request denied between deliveries was retried.
    assert_eq!((stats.delivered, stats.posts, stats.posts_failed), (4, 5, 1), "{stats}");
    assert_eq!(world.log.count_notices("the vault is sealed; the last one, if any, stays in use"), 1);
}

#[test]
fn a_source_that_hangs_holds_up_neither_a_caller_nor_a_shutdown() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let client = quick(endpoint.url())
        .header_with("authorization", move || {
            // Blocks until the test is over.
            let _ = wait.lock().unwrap().recv();
            Ok("Bearer A".to_owned())
        })
        .build()
        .unwrap();
    let began = std::time::Instant::now();
    emit_all(&client, 0..1_000);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    let stats = client.shutdown_blocking(Duration::from_secs(3));
    world.assert_settled(&stats, 1_000);
    assert_eq!((stats.delivered, stats.maybe_delivered, endpoint.requests()), (0, 0, 0), "{stats}");
    assert!(world.log.text().contains("no answer in time"), "{}", world.log.text());
    drop(go);
}

#[test]
fn what_build_would_reject_is_rejected_later_too_and_changes_nothing() {
    let world = World::new();
    let endpoint = world.endpoint(|request| {
        assert_eq!(request.header("authorization"), Some("Bearer A"));
        assert_eq!(request.header("x-b"), Some("1"));
        Act::Status(200)
    });
    let client = quick(endpoint.url()).bearer_auth("A").build().unwrap();
    for (name, value) in [
        ("x y", "1"),
        ("", "1"),
        ("authorization", "a\nb"),
        ("authorization", "Bearer "),
        ("Host", "h"),
        ("content-length", "1"),
    ] {
        assert!(matches!(client.set_header(name, value), Err(BuildError::Header(..))), "{name:?}");
    }
    client.set_header("X-B", "1").unwrap();
    emit_all(&client, 0..3);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 3);
    assert_eq!(stats.delivered, 3);

    let remote = Client::builder("http://192.0.2.1/").build().unwrap();
    assert!(matches!(remote.set_bearer_auth("A"), Err(BuildError::PlaintextCredentials)));
    assert!(remote.set_header("x-tenant", "a").is_ok());
    let source = || Client::builder("http://192.0.2.1/").header_with("x-api-key", || Ok(String::new()));
    assert!(matches!(source().build(), Err(BuildError::PlaintextCredentials)));
    assert!(source().allow_plaintext_credentials().build().is_ok());
    let scripted = Scripted::new(|_: &overspill::transport::Request| Answer::Never);
    let other = Client::builder("simulated").transport(scripted).build().unwrap();
    assert!(other.set_header("x-a", "1").unwrap_err().to_string().contains("a transport of your own"));
}

#[test]
fn a_token_file_that_holds_no_token_is_an_error_of_build_without_its_content() {
    let build = |path: &PathBuf| {
        let builder = Client::builder("http://127.0.0.1/").bearer_auth_file(path);
        builder.build().map(|_| ()).unwrap_err().to_string()
    };
    let missing = std::env::temp_dir().join("overspill-no-such-file");
    for (path, word) in [(missing, "No such file"), (std::env::temp_dir(), "not a regular file")] {
        let error = build(&path);
        assert!(error.starts_with("bearer_auth_file has no token") && error.contains(word), "{error}");
    }
    for (name, text, word) in [
        ("empty", " \n".to_owned(), "the file is empty"),
        ("long", "s3cret".repeat(10_000), "longer than 16384 bytes"),
        ("lines", "s3cret\ns3cret".to_owned(), "characters that a header cannot have"),
    ] {
        let file = TokenFile::new(name, &text);
        let error = build(&file.0);
        assert!(error.contains(word) && !error.contains("s3cret"), "{error}");
    }
}

/// A file of this process, removed at the end of the test.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str, text: &str) -> TokenFile {
        let path = std::env::temp_dir().join(format!("overspill-{}-token-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        TokenFile(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Case 8 with a token that nothing renews: the notice says what is refused, and what to check.
#[test]
fn a_refused_fixed_token_is_reported_with_what_to_check() {
    let (world, token) = (World::new(), Token::new("A"));
    let (endpoint, _) = guarded(&world, &token);
    let client = quick(endpoint.url()).bearer_auth("A").build().unwrap();
    emit_all(&client, 0..10);
    settled(&client);
    token.rotate("B");
    let mut id = 10;
    until("an outage", || {
        emit_all(&client, id..id + 1);
        settled(&client);
        id += 1;
        world.log.count_notices("outage began: denied: status 401 (check the token)") == 1
    });
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, id);
    assert!(stats.delivered >= 10 && stats.spilled_by(Reason::Denied) > 0, "{stats}");
}

/// An answer may be on its way while its token is replaced.
#[test]
fn an_answer_that_quotes_a_token_is_hidden_even_if_the_token_was_just_replaced() {
    let replaced = |builder: fn(Builder) -> Builder, replace: &dyn Fn(&Client)| {
        let world = World::new();
        let (quote, shown) = ("no such token: canary-0123456789", "no such tenant");
        let asked = AtomicU64::new(0);
        let endpoint = world.endpoint(move |_| {
            let body = if asked.fetch_add(1, Ordering::Relaxed) == 0 { shown } else { quote };
            let head = format!("HTTP/1.1 422 X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            Act::Bytes(head.into_bytes())
        });
        let client = builder(quick(endpoint.url()).batch_events_max(1)).build().unwrap();
        emit_all(&client, 0..1);
        settled(&client);
        replace(&client);
        emit_all(&client, 1..2);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 2);
        assert!(world.log.text().contains(shown), "the log shows another text: {}", world.log.text());
        assert!(!world.log.text().contains("canary"), "{}", world.log.text());
    };
    replaced(|builder| builder.bearer_auth("canary-0123456789"), &|client| {
        client.set_bearer_auth("another-987654321").unwrap()
    });
    replaced(
        |builder| builder.header_with("authorization", || Ok("Bearer canary-0123456789".to_owned())),
        &|client| client.set_bearer_auth("another-987654321").unwrap(),
    );
}
