//! Row 18: variables that steer other HTTP clients do nothing here, and ours do nothing unless asked.
//!
//! One family is left to the platform, on purpose: where an https endpoint's root certificates are found. `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` are how an administrator says that, and this is tested as well.

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
    #[cfg(feature = "https")]
    ("https", tls::delivers_to_https),
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

#[cfg(feature = "https")]
mod tls {
    use super::*;
    use overspill::Client;
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    /// Says whether the handshake went through: nobody answers behind it.
    pub fn delivers_to_https() {
        log_to_stdout();
        let client = Client::builder(url()).batch_age_max(Duration::from_millis(5)).build();
        let Ok(client) = client else { return say("no roots") };
        emit_all(&client, 0..5);
        let stats = client.shutdown_blocking(LONG);
        say(if stats.delivered == 5 { "trusted" } else { "not trusted" });
    }

    #[test]
    fn root_certificates_are_the_platforms_wherever_it_says_they_are() {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let mut bundle = NamedFile::new("own-root.pem");
        bundle.1.write_all(certified.cert.pem().as_bytes()).unwrap();
        let trap = Endpoint::start(|_| Act::Status(200)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = runtime.block_on(serve(certified));
        let with =
            hostile(Start::of("https", &url), &trap).variable("SSL_CERT_FILE", bundle.0.to_str().unwrap());
        assert!(with.start().succeed().said.iter().any(|said| said == "trusted"));
        let without = hostile(Start::of("https", &url), &trap).start().succeed();
        assert!(!without.said.iter().any(|said| said == "trusted"), "{without}");
        report(18, "connects at the trap, https", trap.connections());
        assert_eq!(trap.connections(), 0);
    }

    /// A file of this process's, gone with the test.
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
}
