//! https: delivered where the certificate is trusted, and not a byte of an event where it is not.

use crate::figures::report;
use crate::support::*;
use overspill::{Client, Reason};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How good a certificate is.
#[derive(Clone, Copy)]
enum Valid {
    Now,
    UntilYesterday,
}

/// An https endpoint that takes one request per connection: its URL, its certificate, the bytes it has read.
async fn endpoint(names: &[&str], valid: Valid) -> (String, String, Arc<AtomicUsize>) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    if let Valid::UntilYesterday = valid {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    }
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let (acceptor, read) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/v1/events", listener.local_addr().unwrap().port());
    let counted = Arc::clone(&read);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let mut room = vec![0; 64 << 10];
            let got = connection.read(&mut room).await.unwrap_or(0);
            counted.fetch_add(got, Ordering::Relaxed);
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await;
            let _ = connection.shutdown().await;
        }
    });
    (url, cert.pem(), read)
}

fn one_request(url: &str) -> overspill::Builder {
    Client::builder(url).batch_age_max(Duration::from_millis(5)).batch_events_max(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_endpoint_with_a_trusted_certificate_gets_the_events() {
    let world = World::new();
    let (url, pem, read) = endpoint(&["127.0.0.1"], Valid::Now).await;
    let client = one_request(&url).bearer_auth("s3cret").root_certificate_pem(pem).build().unwrap();
    emit_all(&client, 0..5);
    let stats = client.shutdown(LONG).await;
    assert_eq!((stats.delivered, stats.pending), (5, 0), "{stats}\n{}", world.log.text());
    assert!(read.load(Ordering::Relaxed) > 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_wrong_or_expired_certificate_fails_closed_with_one_clear_notice() {
    let here = &["127.0.0.1"][..];
    for (fault, names, valid, trusted, word) in [
        ("self-signed", here, Valid::Now, false, "UnknownIssuer"),
        ("wrong host", &["other.example.com"][..], Valid::Now, true, "not valid for name"),
        ("expired", here, Valid::UntilYesterday, true, "expired"),
    ] {
        let world = World::new();
        let (url, pem, read) = endpoint(names, valid).await;
        let builder = one_request(&url).bearer_auth("s3cret").probe_interval_max(Duration::from_secs(60));
        let client = if trusted { builder.root_certificate_pem(pem) } else { builder }.build().unwrap();
        emit_all(&client, 0..50);
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 50);
        assert_eq!((stats.delivered, stats.maybe_delivered, read.load(Ordering::Relaxed)), (0, 0, 0));
        assert!(stats.spilled_by(Reason::Connect) > 0);
        assert_eq!(world.log.count_notices("outage began: connect: "), 1, "{}", world.log.text());
        assert_eq!(world.log.count_notices(word), 1, "{fault}: {}", world.log.text());
        assert!(!world.log.text().contains("s3cret"));
        report(17, fault, format!("{} event bytes sent", read.load(Ordering::Relaxed)));
    }
}

#[test]
fn a_bad_certificate_text_is_an_error_of_build() {
    let error = Client::builder("https://localhost/").root_certificate_pem("no PEM").build().unwrap_err();
    assert!(error.to_string().contains("holds no certificate"), "{error}");
}
