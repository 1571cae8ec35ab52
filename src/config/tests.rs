use super::*;
use crate::format::{Body, Events, Format, Frame, Layout, Ndjson, Overhead};
use std::collections::BTreeMap;

fn refused(builder: Builder) -> String {
    builder.config().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_valid_and_cost_less_than_thirty_mebibytes() {
    let builder = Builder::new("http://localhost/");
    let config = builder.config().unwrap();
    let bound = config.memory_bound(builder.format.overhead(), bound::Tls::Yes);
    assert!((8 << 20..30 << 20).contains(&bound), "{bound}");
}

#[test]
fn packing_is_off_unless_asked_for_and_its_room_is_in_the_bound() {
    let bound =
        |builder: &Builder| builder.config().unwrap().memory_bound(builder.format.overhead(), bound::Tls::No);
    let plain = Builder::new("http://localhost/");
    assert_eq!(plain.config().unwrap().spill_packing, SpillPacking::OneByOne);
    let packed = Builder::new("http://localhost/").spill_packing(SpillPacking::Packed);
    assert_eq!(bound(&packed) - bound(&plain), SPILL_LINE_BYTES + BATCH_EVENTS * 4);
}

#[test]
fn a_setting_out_of_range_is_an_error_that_says_what_to_do() {
    let new = || Builder::new("http://localhost/");
    assert_eq!(refused(new().queue_events_max(0)), "queue_events_max is 0: choose 1 to 1048576");
    assert!(refused(new().batch_age_max(Duration::ZERO)).contains("more than 0 s"));
    assert!(refused(new().post_timeout(Duration::MAX)).contains("at most 1 h"));
    assert!(refused(new().posts_in_flight_max(65)).contains("1 to 64"));
    assert!(refused(new().batch_bytes_max(2)).contains("single event"));
    assert!(new().batch_bytes_max(3).config().is_ok());
    assert!(refused(new().connect_timeout(Duration::from_secs(20))).contains("raise post_timeout"));
}

/// A format that declares this overhead.
struct Absurd(Overhead);

impl Format for Absurd {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, _: Events<'_>, _: &mut Body) {}

    fn overhead(&self) -> Overhead {
        self.0
    }
}

#[test]
fn a_format_whose_overhead_leaves_no_room_for_an_event_is_an_error_however_large_it_is() {
    for bytes in [BATCH_BYTES, BATCH_BYTES_LIMIT, usize::MAX / 2, usize::MAX] {
        for overhead in [
            Overhead { per_batch: bytes, per_event: 0 },
            Overhead { per_batch: 0, per_event: bytes },
            Overhead { per_batch: bytes, per_event: bytes },
        ] {
            if overhead == Overhead::UNKNOWN {
                continue;
            }
            let refusal = refused(Builder::new("http://localhost/").format(Absurd(overhead)));
            assert!(refusal.contains("less than the format's own bytes for a single event"), "{refusal}");
        }
    }
    // Using all of the room is not an error, and the bound counts the batches.
    let overhead = Overhead { per_batch: 0, per_event: BATCH_BYTES - 1 };
    let config = Builder::new("http://localhost/").format(Absurd(overhead)).config().unwrap();
    assert!(config.memory_bound(overhead, bound::Tls::No) < 26 << 20);
}

#[test]
fn an_unset_event_maximum_follows_what_must_hold_the_event_and_a_contradiction_is_an_error() {
    let small = || Builder::new("http://localhost/").format(Ndjson).batch_bytes_max(1001);
    assert_eq!(small().config().unwrap().event_bytes_max, 1000);
    assert!(refused(small().event_bytes_max(1001)).contains("raise batch_bytes_max"));
    let queue = || Builder::new("http://localhost/").queue_bytes_max(500);
    assert_eq!(queue().config().unwrap().event_bytes_max, 210, "longer ones take a block of 512 bytes");
    assert!(refused(queue().event_bytes_max(211)).contains("raise queue_bytes_max"));
}

/// Declares one byte per batch and one per event, whatever its layout adds.
struct Lying(Frame);

impl Format for Lying {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, _: Events<'_>, _: &mut Body) {}

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 1, per_event: 1 }
    }

    fn layout(&self) -> Layout {
        Layout::Framed(self.0)
    }
}

#[test]
fn a_format_whose_frame_is_longer_than_its_overhead_is_an_error_that_says_what_to_return() {
    let new = |before, between, behind| {
        Builder::new("http://localhost/").format(Lying(Frame { before, between, behind }))
    };
    for longer in [new(b"<<", b"|", b">>"), new(b"", b"||", b"")] {
        let error = refused(longer);
        assert!(error.starts_with("format has a frame") && error.contains("Format::overhead"), "{error}");
    }
    assert!(new(b"<", b"|", b">").config().is_ok());
}

/// Has this content type.
struct Typed(&'static str);

impl Format for Typed {
    fn content_type(&self) -> &'static str {
        self.0
    }

    fn encode(&self, _: Events<'_>, _: &mut Body) {}

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 1, per_event: 1 }
    }
}

#[test]
fn a_frame_needs_no_methods_beyond_its_layout_and_any_other_format_does() {
    struct Framed(Layout);
    impl Format for Framed {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn layout(&self) -> Layout {
            self.0
        }
    }
    let with = |layout| Builder::new("http://localhost:1/").format(Framed(layout));
    let frame = Frame { before: b"{\"events\":[", between: b",", behind: b"]}" };
    assert!(with(Layout::Framed(frame)).config().is_ok());
    let text = refused(with(Layout::Encoded));
    assert!(text.contains("implement Format::encode and Format::overhead"), "{text}");
    // A boxed or shared format is the same format.
    for format in
        [Box::new(Framed(Layout::Framed(frame))) as Box<dyn Format>, Box::new(std::sync::Arc::new(Ndjson))]
    {
        assert_eq!(Builder::new("http://localhost:1/").format(format).config().map(|_| ()).ok(), Some(()));
    }
}

#[test]
fn a_content_type_that_would_be_left_out_is_an_error() {
    let with = |content_type| Builder::new("http://localhost/").format(Typed(content_type));
    for content_type in ["text/plain\n", " text/plain", "text/pl\u{e4}in", "a\0b"] {
        assert!(refused(with(content_type)).contains("Format::content_type"), "{content_type:?}");
    }
    assert!(with("text/plain; charset=utf-8").config().is_ok());
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_environment_sets_what_the_builder_sets() {
    let builder = Builder::new("http://other/")
        .with_variables(variables(&[
            ("ENDPOINT", "http://localhost:1/x"),
            ("MODE", "log_only"),
            ("QUEUE_BYTES_MAX", "2MiB"),
            ("BATCH_AGE_MAX", "50ms"),
            ("POST_TIMEOUT", "2m"),
            ("FORMAT", "ndjson"),
            ("SPILL_PACKING", "packed"),
            ("SPILL_LINE_BYTES_MAX", "16KiB"),
            ("SPILL_BYTES_PER_SECOND_MAX", "1MiB"),
            ("SPILL_REDACT", "/user/email, /**/password"),
            ("HEADERS", r#"{"x-tenant": "a"}"#),
        ]))
        .unwrap();
    let config = builder.config().unwrap();
    assert_eq!((builder.endpoint.as_str(), builder.mode), ("http://localhost:1/x", Mode::LogOnly));
    assert_eq!((config.queue_bytes_max, config.batch_age_max), (2 << 20, Duration::from_millis(50)));
    assert_eq!(
        (config.post_timeout, builder.format.content_type()),
        (Duration::from_secs(120), "application/x-ndjson")
    );
    assert_eq!(config.spill_packing, SpillPacking::Packed);
    assert_eq!((config.spill_line_bytes_max, config.spill_bytes_per_second_max), (16 << 10, 1 << 20));
    assert!(!config.spill_redact.is_empty());
    assert_eq!(builder.headers, [("x-tenant".to_owned(), "a".to_owned())]);
}

#[test]
fn a_token_in_the_environment_replaces_the_one_in_the_program() {
    let builder = Builder::new("x")
        .header("Authorization", "Bearer old")
        .with_variables(variables(&[("BEARER_TOKEN", "new")]))
        .unwrap();
    assert_eq!(builder.headers, [("authorization".to_owned(), "Bearer new".to_owned())]);
}

/// A file of this process, deleted with the test.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str, text: &str) -> TestFile {
        let path = std::env::temp_dir().join(format!("overspill-{}-settings-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        TestFile(path)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_environment_names_the_files_and_the_socket_to_connect_with() {
    let (root, cert, key) =
        (TestFile::new("root", "ROOT"), TestFile::new("cert", "CERT"), TestFile::new("key", "KEY"));
    let path = |file: &TestFile| file.0.to_str().unwrap().to_owned();
    let builder = Builder::new("x")
        .root_certificate_pem("first")
        .client_certificate_pem("replaced")
        .with_variables(variables(&[
            ("ROOT_CERTIFICATE_FILE", &path(&root)),
            ("CLIENT_CERTIFICATE_FILE", &path(&cert)),
            ("CLIENT_KEY_FILE", &path(&key)),
            ("BEARER_TOKEN_FILE", "/run/token"),
            ("UNIX_SOCKET", "/run/agent.sock"),
            ("CONNECTION_IDLE_MAX", "500ms"),
        ]))
        .unwrap();
    assert_eq!(builder.root_certificates_pem, [b"first".to_vec(), b"ROOT".to_vec()]);
    assert_eq!(builder.client_certificate_pem, [b"CERT".to_vec(), b"KEY".to_vec()]);
    assert_eq!(
        builder.live_headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(),
        ["authorization"]
    );
    assert_eq!(builder.unix_socket, Some(PathBuf::from("/run/agent.sock")));
    assert_eq!(builder.config().unwrap().connection_idle_max, Duration::from_millis(500));
    // The last setting of a header wins, whatever its kind.
    let builder = builder.bearer_auth("new");
    assert!(builder.live_headers.is_empty() && builder.headers.len() == 1);
    let builder = builder.header_with("Authorization", || Ok(String::new()));
    assert!(builder.live_headers.len() == 1 && builder.headers.is_empty());
    assert!(!format!("{builder:?}").contains("CERT"));
}

#[test]
fn compression_is_chosen_by_name_and_one_that_is_not_built_in_is_an_error_that_says_so() {
    let with = |value| Builder::new("x").with_variables(variables(&[("COMPRESSION", value)]));
    assert_eq!(with("none").unwrap().compression, Compression::Plain);
    #[cfg(feature = "gzip")]
    assert_eq!(with("gzip").unwrap().compression, Compression::Gzip);
    #[cfg(feature = "zstd")]
    assert_eq!(with("zstd").unwrap().compression, Compression::Zstd);
    #[cfg(not(feature = "zstd"))]
    assert!(with("zstd").is_err());
    let error = with("lz4").unwrap_err().to_string();
    assert!(
        error.contains("COMPRESSION takes none") && error.contains("the feature of that name"),
        "{error}"
    );
}

#[test]
fn words_are_taken_in_any_case_and_units_as_people_write_them() {
    let builder = Builder::new("http://localhost:1/")
        .with_variables(variables(&[
            ("MODE", "OFF"),
            ("FORMAT", "NDJSON"),
            ("COMPRESSION", "None"),
            ("SPILL_LEVEL", "Warn"),
            ("SPILL_PACKING", "One-By-One"),
            ("HTML_ANSWERS", "Accept"),
            ("PLAINTEXT_CREDENTIALS", "ALLOW"),
            ("QUEUE_BYTES_MAX", "2 mib"),
            ("BATCH_AGE_MAX", "0.5 S"),
        ]))
        .unwrap();
    assert_eq!((builder.mode, builder.format.content_type()), (Mode::Off, "application/x-ndjson"));
    assert_eq!((builder.queue_bytes_max, builder.batch_age_max), (2 << 20, Duration::from_millis(500)));
    assert_eq!(builder.html_answers, HtmlAnswers::Accepted);
}

#[test]
fn an_empty_variable_is_an_error_that_names_it_whichever_it_is() {
    for name in env::NAMES {
        for empty in ["", "  ", "\n"] {
            let with = Builder::new("x").bearer_auth("good").with_variables(variables(&[(name, empty)]));
            let error = with.unwrap_err().to_string();
            assert!(error.contains(&format!("OVERSPILL_{name} is empty")), "{error}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once_and_what_is_right_is_set() {
    let wrong =
        variables(&[("MODE", "of"), ("ENDPIONT", "x"), ("SPILL_LEVEL", ""), ("QUEUE_EVENTS_MAX", "7")]);
    let (builder, problems) = Builder::new("x").overridden_by(wrong.clone());
    assert_eq!((problems.len(), builder.queue_events_max), (3, 7));
    let error = Builder::new("x").with_variables(wrong).unwrap_err().to_string();
    for part in [
        "OVERSPILL_MODE takes on, log_only or off",
        "did you mean OVERSPILL_ENDPOINT?",
        "OVERSPILL_SPILL_LEVEL is empty",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // Without its paths it is unknown what must stay out of the log.
    let (builder, _) = Builder::new("x").overridden_by(variables(&[("SPILL_REDACT", "email")]));
    assert_eq!(builder.spill_redact.apply("{}"), None);
}

#[test]
fn a_size_out_of_range_is_reported_in_readable_units() {
    let error = |builder: Builder| builder.config().unwrap_err().to_string();
    let builder = || Builder::new("http://localhost:1/");
    assert_eq!(error(builder().queue_bytes_max(0)), "queue_bytes_max is 0 B: choose 1 B to 4 GiB");
    assert_eq!(
        error(builder().spill_line_bytes_max(100)),
        "spill_line_bytes_max is 100 B: choose 4 KiB to 1 MiB"
    );
    assert_eq!(
        error(builder().spill_bytes_per_second_max(1)),
        "spill_bytes_per_second_max is 1 B: choose 1 KiB or more"
    );
    assert_eq!(error(builder().queue_events_max(0)), "queue_events_max is 0: choose 1 to 1048576");
}

#[test]
fn a_wrong_or_unknown_variable_is_an_error_that_does_not_repeat_its_value() {
    let error =
        |name, value| Builder::new("x").with_variables(variables(&[(name, value)])).unwrap_err().to_string();
    assert!(error("QUEUE_EVENT_MAX", "1").contains("OVERSPILL_QUEUE_EVENT_MAX is not a setting"));
    assert!(error("MODE", "of").contains("on, log_only or off"));
    assert!(error("SPILL_PACKING", "yes").contains("one_by_one or packed"));
    assert!(error("POST_TIMEOUT", "10").contains("200 ms"));
    assert!(!error("HEADERS", "s3cret").contains("s3cret"));
    for twice in [r#"{"a": "s3cret", "a": "2"}"#, r#"{"A": "s3cret", "a": "2"}"#] {
        let error = error("HEADERS", twice);
        assert!(error.contains("distinct headers") && !error.contains("s3cret"), "{error}");
    }
    for name in ["ROOT_CERTIFICATE_FILE", "CLIENT_CERTIFICATE_FILE", "CLIENT_KEY_FILE"] {
        assert!(error(name, "/nowhere").contains("takes a PEM file that can be read (No such file"));
        assert!(error(name, "/dev/zero").contains("not a regular file"));
    }
    let both = variables(&[("BEARER_TOKEN", "s3cret"), ("BEARER_TOKEN_FILE", "/run/token")]);
    let both = Builder::new("x").with_variables(both).unwrap_err().to_string();
    assert!(both.contains("both set: remove one") && !both.contains("s3cret"), "{both}");
    assert!(error("QUEUE_BYTES_MAX", "99999999999999999999GiB").contains("bytes"));
}

#[test]
fn secrets_are_not_in_the_debug_text_of_the_builder() {
    let builder =
        Builder::new("https://user:canary1@host/?key=canary2").bearer_auth("canary3").header("x", "canary4");
    assert!(!format!("{builder:?}").contains("canary"));
}
