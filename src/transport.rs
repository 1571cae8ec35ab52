//! A request out, a reply in: bytes only, no judgement.
//!
//! The core posts through this port; `http` is the real one. A scripted transport in its place makes outages of days
//! testable in a second ([`Builder::transport`](crate::Builder::transport)).

mod body;
pub(crate) mod http;
mod resolve;
mod secrets;

pub use body::RequestBody;

use crate::outcome::MaybeDelivered;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// One attempt to deliver one body.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The body, compressed if `content_encoding` says so.
    pub body: RequestBody,
    /// From the format.
    pub content_type: &'static str,
    /// `gzip`, `zstd`, or nothing.
    pub content_encoding: Option<&'static str>,
    /// `client-batch`: the same two values as in a log record; names this request at the endpoint.
    pub idempotency_key: String,
    /// From `post` to the last byte of the answer: name look-up, connecting and TLS included.
    pub timeout: Duration,
    /// Which connection may carry it.
    pub connection: Connection,
}

/// Which connection a request may travel on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// One that is open, or a new one.
    Any,
    /// Not one that was used before: this is the second try of a request whose connection had ended.
    Fresh,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The `retry-after` header as it came, cut to 64 characters.
    pub retry_after: Option<String>,
    /// The `date` header as it came, cut to 64 characters: what a `retry-after` that is a moment is read against.
    pub date: Option<String>,
    /// The `content-type` header as it came, cut to 64 characters.
    pub content_type: Option<String>,
    /// The first [`REPLY_BYTES_MAX`](crate::limits::REPLY_BYTES_MAX) bytes of the answer's body.
    pub body: Vec<u8>,
    /// Whether `body` is the whole body.
    pub body_end: BodyEnd,
}

impl Reply {
    /// An answer without a body.
    pub fn of_status(status: u16) -> Reply {
        Reply {
            status,
            retry_after: None,
            date: None,
            content_type: None,
            body: Vec::new(),
            body_end: BodyEnd::Whole,
        }
    }
}

/// Whether an answer's body was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// To its end.
    Whole,
    /// Too long, too slow, or broken off.
    Cut,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Whether the request may have reached the endpoint.
    pub maybe_delivered: MaybeDelivered,
    /// The error's own words, without URL and secrets.
    pub detail: String,
}

/// The ways to get no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: name, address, refusal, TLS.
    Connect,
    /// Not in time.
    Timeout,
    /// The exchange broke off, or was not HTTP.
    Broken,
    /// A connection that had served before ended without a byte of an answer: most likely closed before the request came. It may go once
    /// more, on a fresh connection.
    Stale,
}

/// The pending answer to a [`Request`]. Dropping it aborts the request.
pub type Posting = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// The way to the endpoint.
pub trait Transport: Send + 'static {
    /// Starts a request. The future must not follow redirects, must not retry a request that may have been processed,
    /// and is dropped at any time: at the latest
    /// [`TRANSPORT_GRACE`](crate::limits::TRANSPORT_GRACE) after its timeout, if it does not keep it by itself.
    ///
    /// # Blocking
    /// Called and polled on the sender's thread: it must not block. A panic of the future is a failed request, maybe delivered; one
    /// of `post` itself restarts the sender, which writes down what it has in hand as [`Abandoned`](crate::Reason::Abandoned).
    fn post(&mut self, request: Request) -> Posting;

    /// The process, or the whole machine, stood still for a while: open connections are older than they seem, and are better not used again.
    fn connections_are_stale(&mut self) {}

    /// Whether this text, from an answer, holds something secret that was sent: then it is not shown.
    fn holds_secret(&self, text: &str) -> bool {
        let _ = text;
        false
    }
}
