//! Why there is no answer: classifies the HTTP client's error, and says what to do where that is known.
//!
//! In: an error, and whether its connection was new. Out: a [`Failure`] with the error's own words first, cut short, without URL and
//! secrets.
//!
//! FA1: [`FailureKind::Stale`] only if it is certain: the connection came from the pool, its peer ended it, and there was no answer.

use super::witness::Made;
use crate::encode::printable;
use crate::limits::DETAIL_CHARS_MAX;
use crate::outcome::MaybeDelivered;
use crate::transport::{Failure, FailureKind};
use std::error::Error;
use std::io::{self, ErrorKind};

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Http,
    Https,
    /// For an http or https endpoint.
    Proxy,
    Socket,
}

pub(super) fn failure_of(error: reqwest::Error, made: Made, peer: Peer) -> Failure {
    let error = error.without_url();
    let (kind, maybe_delivered) = if error.is_connect() {
        (FailureKind::Connect, MaybeDelivered::No)
    } else if error.is_timeout() {
        (FailureKind::Timeout, MaybeDelivered::Yes)
    } else if error.is_builder() {
        (FailureKind::Broken, MaybeDelivered::No)
    } else if made == Made::Before && chain(&error).any(is_an_end) {
        (FailureKind::Stale, MaybeDelivered::Yes)
    } else {
        (FailureKind::Broken, MaybeDelivered::Yes)
    };
    let cause = chain(&error).last().map(ToString::to_string).unwrap_or_default();
    let words = if error.is_connect() && error.is_timeout() {
        "no connection in time".to_owned()
    } else {
        let advice = chain(&error).last().and_then(|cause| advice(cause, kind, peer));
        advice.map_or_else(|| cause.clone(), |advice| format!("{cause}: {advice}"))
    };
    Failure { kind, maybe_delivered, detail: printable(&words, DETAIL_CHARS_MAX) }
}

/// An error and its causes; the last one is the most specific.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Whether the peer ended the connection, instead of sending something that is not an answer.
fn is_an_end(error: &(dyn Error + 'static)) -> bool {
    const ENDS: [ErrorKind; 6] = [
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::NotConnected,
        ErrorKind::UnexpectedEof,
        ErrorKind::WriteZero,
    ];
    match error.downcast_ref::<io::Error>() {
        Some(error) => ENDS.contains(&error.kind()),
        // hyper's text for the end of a connection. Its error type is not accessible here; a test pins the text.
        None => error.to_string() == "connection closed before message completed",
    }
}

/// What to do about it, if the text shows the cause.
fn advice(cause: &(dyn Error + 'static), kind: FailureKind, peer: Peer) -> Option<&'static str> {
    let words = cause.to_string();
    let says = |part: &str| words.contains(part);
    if says("InvalidContentType") {
        return Some("the endpoint speaks plain http: is the scheme right?");
    }
    // What a TLS port answers to plain text, or anything else that does not begin like HTTP/1.
    if kind == FailureKind::Broken && peer == Peer::Http && says("invalid HTTP version") {
        return Some("not an HTTP/1 answer: a TLS port? then put https:// in front");
    }
    if says("UnknownIssuer") {
        return Some("its issuer is not trusted here: add it with root_certificate_pem");
    }
    if says("CertificateRequired") || says("certificate required") {
        return Some("the endpoint wants a client certificate: set one with client_certificate_pem");
    }
    if says("invalid peer certificate") && says("expired") {
        return Some("renew the endpoint's certificate, or check this machine's clock");
    }
    if says("not valid for name") {
        return Some("is the host of the endpoint right?");
    }
    if says("lookup address") || says("nodename nor servname") || says("No such host") {
        return Some("is the host's name right?");
    }
    if says("proxy authorization required") {
        return Some("put a user and a password into the proxy's URL");
    }
    if says("tunnel error") {
        return Some("the proxy did not let us through");
    }
    let io = cause.downcast_ref::<io::Error>()?;
    match (io.kind(), peer) {
        (ErrorKind::ConnectionRefused, Peer::Proxy) => Some("the proxy is not listening"),
        (ErrorKind::ConnectionRefused, Peer::Socket) => Some("nothing is listening on the unix socket"),
        (ErrorKind::NotFound, Peer::Socket) => Some("the unix socket does not exist"),
        (ErrorKind::PermissionDenied, Peer::Socket) => Some("no permission to write to the unix socket"),
        _ => None,
    }
}
