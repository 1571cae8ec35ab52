//! A request out, a reply in: only bytes, no judgment.
//!
//! The core posts through this interface; `http` is the real implementation. With a scripted transport instead, you can test days of outage
//! in a second ([`Builder::transport`](crate::Builder::transport)).

mod body;
pub(crate) mod http;
#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;
pub(crate) mod nowhere;
mod resolve;
pub(crate) mod settled_by;

pub use body::RequestBody;

use crate::outcome::MaybeDelivered;
use settled_by::SettledBy;
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
    /// `client-batch`: the same two values as in a log record. It identifies this request at the endpoint.
    pub idempotency_key: String,
    /// From `post` to the last byte of the reply, including name lookup, connecting and TLS.
    pub timeout: Duration,
    /// Which part of a 2xx reply is needed. With [`SettledBy::Status`] the post may end as soon as the status is known.
    pub settled_by: SettledBy,
    /// Maximum bytes of the reply's body that are used.
    pub reply_bytes_max: usize,
    /// Reply headers that are used, in lower case: [`Reply::headers`].
    pub reply_headers: &'static [&'static str],
}

/// What came back. Make one with [`of_status`](Reply::of_status), then set its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The `retry-after` header as received, cut to 64 characters.
    pub retry_after: Option<String>,
    /// The `date` header as received, cut to 64 characters: the endpoint's idea of the time.
    pub date: Option<String>,
    /// The `content-type` header as received, cut to 100 characters.
    pub content_type: Option<String>,
    /// The headers of [`Request::reply_headers`] that the reply had, each as received, cut to 200 characters.
    pub headers: Vec<(&'static str, String)>,
    /// The first [`reply_bytes_max`](Request::reply_bytes_max) bytes of the body, or less. Of a 2xx whose status settles its events, what
    /// arrived with the head; of any other reply, what arrived within [`REFUSAL_PATIENCE`](crate::limits::REFUSAL_PATIENCE).
    pub body: Vec<u8>,
    /// Whether `body` is the whole body.
    pub body_end: BodyEnd,
}

impl Reply {
    /// A reply without a body, and the base for any other.
    ///
    /// ```
    /// use overspill::transport::Reply;
    ///
    /// let busy = Reply::of_status(503).with_retry_after("5").with_body("too many requests");
    /// assert_eq!((busy.status, busy.retry_after.as_deref(), busy.body.len()), (503, Some("5"), 17));
    /// ```
    pub fn of_status(status: u16) -> Reply {
        Reply {
            status,
            retry_after: None,
            date: None,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
            body_end: BodyEnd::Whole,
        }
    }

    /// Adds this `retry-after` header.
    pub fn with_retry_after(mut self, retry_after: impl Into<String>) -> Reply {
        self.retry_after = Some(retry_after.into());
        self
    }

    /// Adds this header; the name is in lower case.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of a header that the format asked for.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Sets this body, complete.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        (self.body, self.body_end) = (body.into(), BodyEnd::Whole);
        self
    }
}

/// Whether a reply's body was read to its end. There is no third case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// To its end.
    Whole,
    /// Too long, too slow, or broken off.
    Cut,
}

/// No reply. Make one with [`Failure::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Whether the request may have reached the endpoint.
    pub maybe_delivered: MaybeDelivered,
    /// The error's own words, without URL and secrets.
    pub detail: String,
}

impl Failure {
    /// No reply, for this reason. `detail` goes into the log, so it must contain neither URL nor secrets.
    ///
    /// ```
    /// use overspill::MaybeDelivered;
    /// use overspill::transport::{Failure, FailureKind};
    ///
    /// let failure = Failure::new(FailureKind::Timeout, MaybeDelivered::Yes, "no answer within 2 s");
    /// assert_eq!(failure.detail, "no answer within 2 s");
    /// ```
    pub fn new(kind: FailureKind, maybe_delivered: MaybeDelivered, detail: impl Into<String>) -> Failure {
        Failure { kind, maybe_delivered, detail: detail.into() }
    }
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection: name, address, refusal, TLS.
    Connect,
    /// Not in time.
    Timeout,
    /// The exchange broke off, or was not HTTP.
    Broken,
    /// A reused connection ended before a reply: usually the peer had just closed it as idle.
    Stale,
}

/// The pending reply to a [`Request`]. Dropping it aborts the request.
pub type Posting = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// The way to the endpoint.
pub trait Transport: Send + 'static {
    /// Starts a request. The future must not follow redirects and must not retry a request that may have been processed. It may be dropped
    /// at any time, and is dropped [`TRANSPORT_GRACE`](crate::limits::TRANSPORT_GRACE) after its timeout if it does not keep the timeout
    /// itself.
    ///
    /// # Blocking
    /// Called and polled on the sender's thread: it must not block. A panic of the future counts as a failed request, maybe delivered. A
    /// panic of `post` itself restarts the sender, which writes the events it holds to the log as [`Abandoned`](crate::Reason::Abandoned).
    fn post(&mut self, request: Request) -> Posting;

    /// The next request needs a new connection. Existing ones may be gone (one was found closed, or far more time has passed than the
    /// sender slept), or lead to a backend that takes nothing. Does nothing by default.
    ///
    /// # Blocking
    /// Called on the sender's thread: it must not block.
    fn connections_are_stale(&mut self) {}

    /// Whether this text from a reply contains a secret that was sent. If so, it is not shown. Returns false by default.
    ///
    /// # Blocking
    /// Called on the sender's thread: it must not block.
    fn holds_secret(&self, text: &str) -> bool {
        let _ = text;
        false
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn post(&mut self, request: Request) -> Posting {
        (**self).post(request)
    }

    fn connections_are_stale(&mut self) {
        (**self).connections_are_stale();
    }

    fn holds_secret(&self, text: &str) -> bool {
        (**self).holds_secret(text)
    }
}
