//! https: events are delivered if the certificate is trusted; otherwise not a byte of an event is sent.

use crate::figures::report;
use crate::support::*;
use overspill::{Client, Reason};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Whether a certificate is valid.
#[derive(Clone, Copy)]
enum Valid {
    Now,
    UntilYesterday,
}

/// An https endpoint that takes one request per connection: its URL, its certificate, the bytes it has read.
async fn endpoint(names: &[&str], valid: Valid) -> (String, String, Arc<AtomicUsize>) {
    endpoint_for(names, valid, None).await
}

/// The same, but only for clients with a certificate of this root.
async fn endpoint_for(
    names: &[&str],
    valid: Valid,
    clients: Option<&rcgen::Certificate>,
) -> (String, String, Arc<AtomicUsize>) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    if let Valid::UntilYesterday = valid {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    }
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
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
        (
            "self-signed",
            here,
            Valid::Now,
            false,
            "UnknownIssuer: its issuer is not trusted here: add it with root_certificate_pem",
        ),
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
fn a_bad_certificate_text_is_a_build_error() {
    let error = Client::builder("https://localhost/").root_certificate_pem("no PEM").build().unwrap_err();
    assert!(error.to_string().contains("holds no certificate"), "{error}");
}

/// A root, and a client's certificate and key in PEM.
fn client_certificate() -> (rcgen::Certificate, String, String) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(params, root_key);
    let mut params = rcgen::CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let cert = params.signed_by(&key, &issuer).unwrap();
    (root, cert.pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_requires_a_client_certificate_gets_events_only_from_a_client_that_has_one() {
    let (root, cert, key) = client_certificate();
    let (_, other_cert, other_key) = client_certificate();
    let (url, pem, read) = endpoint_for(&["127.0.0.1"], Valid::Now, Some(&root)).await;
    let with = |parts: &[&str]| {
        let builder = one_request(&url).root_certificate_pem(pem.clone());
        parts.iter().fold(builder, |builder, part| builder.client_certificate_pem(*part))
    };
    let (one, turned) = (format!("{cert}{key}"), format!("{key}\n{cert}"));
    for parts in [&[one.as_str()][..], &[turned.as_str()], &[cert.as_str(), key.as_str()]] {
        let world = World::new();
        let client = with(parts).build().unwrap();
        emit_all(&client, 0..5);
        let stats = client.shutdown(LONG).await;
        assert_eq!((stats.delivered, stats.pending), (5, 0), "{stats}\n{}", world.log.text());
    }
    read.store(0, Ordering::Relaxed);
    let stranger = format!("{other_cert}{other_key}");
    for (parts, word) in [(&[][..], "client_certificate_pem"), (&[stranger.as_str()], "alert")] {
        let world = World::new();
        let client = with(parts).probe_interval_max(Duration::from_secs(60)).build().unwrap();
        emit_all(&client, 0..5);
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 5);
        assert_eq!((stats.spilled, read.load(Ordering::Relaxed)), (5, 0), "{stats}");
        assert!(world.log.text().contains(word), "{word}: {}", world.log.text());
    }
    let mixed = with(&[&cert, &other_key]).build().map(|_| ()).unwrap_err().to_string();
    assert!(mixed.contains("not the certificate's"), "{mixed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_with_one_damaged_certificate_is_an_error_though_the_others_are_sound() {
    let (url, pem, _) = endpoint(&["127.0.0.1"], Valid::Now).await;
    let body: String = pem.lines().filter(|line| !line.contains("-----")).collect::<Vec<_>>().join("\n");
    let damaged = pem.replace(&body, &body[..body.len() / 2 / 4 * 4]);
    let build = |pem: String| one_request(&url).root_certificate_pem(pem).build().map(|_| ());
    assert!(build(format!("{pem}{pem}")).is_ok());
    for bundle in [format!("{pem}{damaged}"), format!("{damaged}{pem}"), pem.replace("MII", "!!!")] {
        let error = build(bundle).unwrap_err().to_string();
        assert!(error.contains("a certificate that cannot be read"), "{error}");
    }
}

/// What a plain port says to TLS, and what a TLS port says to plain text.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_scheme_is_reported_with_advice() {
    let world = World::new();
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = plain.accept().await {
            let _ = connection.read(&mut [0; 1000]).await;
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
        }
    });
    let client = one_request(&url).build().unwrap();
    emit_all(&client, 0..5);
    world.assert_settled(&client.shutdown(LONG).await, 5);
    let text = world.log.text();
    assert!(text.contains("the endpoint speaks plain http: is the scheme right?"), "{text}");

    let world = World::new();
    let (url, _, _) = endpoint(&["127.0.0.1"], Valid::Now).await;
    let client = one_request(&url.replace("https://", "http://")).build().unwrap();
    emit_all(&client, 0..5);
    world.assert_settled(&client.shutdown(LONG).await, 5);
    let text = world.log.text();
    assert!(text.contains("a TLS port? then put https:// in front"), "{text}");
}

/// A proxy that gives this answer to every request.
async fn proxy(answer: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 1000]).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_rejects_us_is_reported_as_such() {
    for (answer, word) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "the proxy did not let us through"),
        ("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n", "put a user and a password into the proxy's URL"),
        ("", "the proxy did not let us through"),
    ] {
        let world = World::new();
        let client = one_request("https://endpoint.invalid/").proxy(proxy(answer).await).build().unwrap();
        emit_all(&client, 0..5);
        world.assert_settled(&client.shutdown(LONG).await, 5);
        assert!(world.log.text().contains(word), "{word}: {}", world.log.text());
    }
}
