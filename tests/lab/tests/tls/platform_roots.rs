//! Row 18, its last sentence: an https endpoint's root certificates are where the platform says they are. `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` are how an administrator says that. No other variable changes where a request goes.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::spilled;
use crate::support::{LONG, emit_all, id_of};
use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub const PARTS: &[Part] = &[("https", delivers_to_https), ("no roots", has_no_roots)];

/// Reports whether the handshake succeeded: nothing answers after it.
fn delivers_to_https() {
    log_to_stdout();
    let client = Client::builder(url()).batch_age_max(Duration::from_millis(5)).build();
    let Ok(client) = client else { return say("no roots") };
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    say(if stats.delivered == 5 { "trusted" } else { "not trusted" });
}

fn has_no_roots() {
    log_to_stdout();
    let builder = || Client::builder(url()).batch_age_max(Duration::from_millis(5));
    say(builder().build().expect_err("no certificates"));
    let client = builder().build_or_log_only();
    emit_all(&client, 0..5);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.lost, stats.pending), (5, 5, 0, 0), "{stats}");
    // The same service with an endpoint that needs no certificates.
    let client = Client::builder("http://127.0.0.1:9/").build().expect("http needs no certificates");
    assert_eq!(client.shutdown_blocking(LONG).emitted, 0);
}

#[test]
fn without_root_certificates_build_says_so_and_build_or_log_only_starts_with_one_notice_and_the_events_in_the_log()
 {
    let empty = NamedFile::new("no-roots.pem");
    let nowhere = |start: Start, file: &str| {
        start.variable("SSL_CERT_FILE", file).variable("SSL_CERT_DIR", "/nonexistent/certs")
    };
    let mut missing = 0;
    for file in ["/nonexistent/roots.pem", empty.0.to_str().unwrap()] {
        let url = "https://telemetry.example.com/v1/events";
        let ended = nowhere(Start::of("no roots", url), file).start().succeed();
        let error = &ended.said[0];
        for words in ["certificates", "SSL_CERT_FILE", "ca-certificates", "root_certificate_pem"] {
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(ended.count_notices("could not start as configured"), 1, "{ended}");
        assert_eq!(ended.lines.iter().filter(|line| line.contains("certificates")).count(), 1, "{ended}");
        let ids: BTreeSet<u64> = spilled(&ended).iter().map(|event| id_of(&event.event)).collect();
        assert_eq!(ids, (0..5).collect(), "{ended}");
        missing += 5 - ids.len();
    }
    report(49, "events nowhere, https without root certificates", missing);
}

#[test]
fn root_certificates_come_from_where_the_platform_says_they_are() {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut bundle = NamedFile::new("own-root.pem");
    bundle.1.write_all(certified.cert.pem().as_bytes()).unwrap();
    let trap = Endpoint::start(|_| Act::Status(200)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = runtime.block_on(serve(certified));
    let with = proxied(&url, &trap).variable("SSL_CERT_FILE", bundle.0.to_str().unwrap());
    assert!(with.start().succeed().said.iter().any(|said| said == "trusted"));
    let without = proxied(&url, &trap).start().succeed();
    assert!(!without.said.iter().any(|said| said == "trusted"), "{without}");
    report(18, "connects at the trap, https", trap.connections());
    assert_eq!(trap.connections(), 0);
}

/// With variables that steer other HTTP clients into a trap.
fn proxied(url: &str, trap: &Endpoint) -> Start {
    let trap = trap.url();
    let proxy = trap.strip_suffix("/v1/events").unwrap();
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .fold(Start::of("https", url), |start, name| start.variable(name, proxy))
}

/// A file of this process, removed at the end of the test.
struct NamedFile(std::path::PathBuf, std::fs::File);

impl NamedFile {
    fn new(name: &str) -> NamedFile {
        let path = std::env::temp_dir().join(format!("overspill-{}-{name}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        NamedFile(path, file)
    }
}

impl Drop for NamedFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn serve(certified: rcgen::CertifiedKey<rcgen::KeyPair>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let _ = connection.read(&mut vec![0; 64 << 10]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(answer).await;
            let _ = connection.shutdown().await;
        }
    });
    format!("https://127.0.0.1:{port}/v1/events")
}
