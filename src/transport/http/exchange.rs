//! One request and its answer, within the post timeout.
//!
//! In: a request. Out: a reply, or why there is none.
//!
//! - EX1: the status settles. After it, nothing that happens to the body is a failure.
//! - EX2: the post waits for the body at most [`REPLY_BODY_PATIENCE`] if nobody needs it, [`REFUSAL_PATIENCE`] if it explains a refusal
//!   (its words go to the log), and the rest of the post timeout only if it says which events were taken.
//! - EX3: the rest of a body is read in the background, so that its connection can be reused: for [`REPLY_DRAIN`] at most, and for no more
//!   connections than posts may be in flight; otherwise the connection is closed.
//! - EX4: a request is sent a second time only after a 401, which took nothing, and only if its headers have changed.

use super::failure::{Peer, failure_of};
use super::headers::{Headers, Stamped};
use super::witness::Watched;
use crate::limits::{
    KEEP_ALIVE_MARGIN, REFUSAL_PATIENCE, RENEWAL_PATIENCE, REPLY_BODY_PATIENCE, REPLY_BYTES_MAX, REPLY_DRAIN,
    REPLY_HEADER_CHARS_MAX, REPLY_HEADERS_ASKED_MAX,
};
use crate::outcome::MaybeDelivered;
use crate::transport::settled_by::SettledBy;
use crate::transport::{BodyEnd, Failure, FailureKind, Reply, Request};
use bytes::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response, Url};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// The current HTTP client, and how often it has been renewed.
pub(super) struct Current {
    pub(super) number: u64,
    pub(super) client: Client,
}

/// What all requests have in common.
pub(super) struct RequestContext {
    pub(super) url: Url,
    pub(super) headers: Arc<Headers>,
    pub(super) peer: Peer,
    pub(super) drains_max: usize,
    /// Bodies that are being read in the background.
    pub(super) drains: AtomicUsize,
    /// The shortest time that the endpoint says it keeps an idle connection, in milliseconds.
    pub(super) kept_millis: AtomicU64,
}

/// Posts with the client of this number, or a later one.
pub(super) async fn exchange(
    mut clients: watch::Receiver<Current>,
    number: u64,
    context: Arc<RequestContext>,
    request: Request,
) -> Result<Reply, Failure> {
    let deadline = Instant::now() + request.timeout;
    let patience = deadline.min(Instant::now() + RENEWAL_PATIENCE);
    // If the new client is late, uses the old one: its connections may still be good.
    drop(timeout_at(patience, clients.wait_for(|current| current.number >= number)).await);
    let client = clients.borrow().client.clone();
    let sent = context.headers.stamp(deadline).await?;
    let answer = attempt(&client, &context, &request, &sent, deadline).await;
    if !matches!(&answer, Ok(reply) if reply.status == 401) {
        return answer;
    }
    match context.headers.changed(&sent, deadline).await {
        Some(changed) => attempt(&client, &context, &request, &changed, deadline).await,
        None => answer,
    }
}

async fn attempt(
    client: &Client,
    context: &Arc<RequestContext>,
    request: &Request,
    stamped: &Stamped,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let mut headers = stamped.map.clone();
    let mut default = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    default(CONTENT_TYPE, request.content_type);
    default(HeaderName::from_static("idempotency-key"), &request.idempotency_key);
    if let Some(encoding) = request.content_encoding {
        default(CONTENT_ENCODING, encoding);
    }
    let body = Bytes::from_owner(request.body.clone());
    let mut sending = Watched::new(client.post(context.url.clone()).headers(headers).body(body).send());
    let sent = match timeout_at(deadline, &mut sending).await {
        Ok(sent) => Some(sent),
        Err(_elapsed) => last_look(&mut sending).await,
    };
    let response = match sent {
        Some(Ok(response)) => response,
        Some(Err(error)) => return Err(failure_of(error, sending.made(), context.peer)),
        None => {
            return Err(Failure {
                kind: FailureKind::Timeout,
                maybe_delivered: MaybeDelivered::Yes,
                detail: format!("no answer within {:?}", request.timeout),
            });
        }
    };
    Ok(read(context, response, request, deadline).await)
}

/// Checks once more at the deadline. The sender's thread may have been busy with a slow log until long after it: then the answer waits in
/// the socket, and the connection's own task must fetch it first.
async fn last_look<F: Future>(sending: &mut Watched<F>) -> Option<F::Output> {
    // One turn of the runtime for the sockets, one for the connection's task, one for its result.
    for _ in 0..3 {
        tokio::task::yield_now().await;
        let look = poll_fn(|cx| match Pin::new(&mut *sending).poll(cx) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(sent) = look.await {
            return Some(sent);
        }
    }
    None
}

async fn read(
    context: &Arc<RequestContext>,
    mut response: Response,
    request: &Request,
    deadline: Instant,
) -> Reply {
    let head = response.headers();
    let text = |name: &str, chars_max: usize| {
        head.get(name)
            .map(|value| value.as_bytes().iter().take(chars_max).map(|&byte| char::from(byte)).collect())
    };
    let status = response.status().as_u16();
    let asked = request.reply_headers.iter().take(REPLY_HEADERS_ASKED_MAX);
    let mut reply = Reply {
        retry_after: text(RETRY_AFTER.as_str(), 64),
        date: text(DATE.as_str(), 64),
        content_type: text(CONTENT_TYPE.as_str(), 100),
        headers: asked.filter_map(|&name| Some((name, text(name, REPLY_HEADER_CHARS_MAX)?))).collect(),
        body_end: BodyEnd::Cut,
        ..Reply::of_status(status)
    };
    context.heed_keep_alive(head);
    let until = match (status, request.settled_by) {
        (200..=299, SettledBy::Body) => deadline,
        (200..=299, SettledBy::Status) => deadline.min(Instant::now() + REPLY_BODY_PATIENCE),
        _ => deadline.min(Instant::now() + REFUSAL_PATIENCE),
    };
    // Read even if nobody needs the content: a connection with an unread answer cannot be reused.
    match timeout_at(until, read_body(&mut response, &mut reply.body, request.reply_bytes_max)).await {
        Ok(end) => reply.body_end = end,
        Err(_elapsed) => context.drain(response),
    }
    reply
}

async fn read_body(response: &mut Response, body: &mut Vec<u8>, bytes_max: usize) -> BodyEnd {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= bytes_max => body.extend_from_slice(&chunk),
            Ok(None) => return BodyEnd::Whole,
            Ok(Some(_)) | Err(_) => return BodyEnd::Cut,
        }
    }
}

impl RequestContext {
    /// Reads the rest in the background, unless too many bodies are being read. Dropping an incomplete response closes its connection.
    fn drain(self: &Arc<RequestContext>, mut response: Response) {
        let Some(_draining) = Draining::begin(self) else { return };
        tokio::spawn(async move {
            let _draining = _draining;
            let mut left = REPLY_BYTES_MAX;
            let to_the_end = async {
                while let Ok(Some(chunk)) = response.chunk().await {
                    let Some(less) = left.checked_sub(chunk.len()) else { return };
                    left = less;
                }
            };
            drop(timeout(REPLY_DRAIN, to_the_end).await);
        });
    }

    /// `keep-alive: timeout=5`: the endpoint closes a connection that has been idle for 5 s.
    fn heed_keep_alive(&self, head: &HeaderMap) {
        let told = head.get("keep-alive").and_then(|value| kept(&String::from_utf8_lossy(value.as_bytes())));
        if let Some(kept) = told {
            let millis = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
            // Relaxed: the sender checks it before each request, and seeing it one request later does no harm.
            self.kept_millis.fetch_min(millis, Ordering::Relaxed);
        }
    }
}

/// How long a connection may be reused, by the endpoint's `keep-alive` header.
fn kept(keep_alive: &str) -> Option<Duration> {
    let seconds = keep_alive.split([',', ';']).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("timeout")
            .then(|| value.trim().trim_matches('"').parse::<u32>().ok())?
    })?;
    let told = Duration::from_secs(seconds.into());
    // To the HTTP client, zero would mean that no connection is kept.
    Some(told.saturating_sub(KEEP_ALIVE_MARGIN.min(told / 2)).max(Duration::from_millis(1)))
}

/// One of the bodies being read in the background.
struct Draining(Arc<RequestContext>);

impl Draining {
    fn begin(context: &Arc<RequestContext>) -> Option<Draining> {
        let place = Draining(Arc::clone(context));
        // Relaxed: only a count; no other data depends on it.
        (context.drains.fetch_add(1, Ordering::Relaxed) < context.drains_max).then_some(place)
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.drains.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_reused_for_less_time_than_the_endpoint_keeps_it() {
        let seconds = |text| kept(text).map(|kept| kept.as_secs_f64());
        for (text, used) in [
            ("timeout=5", Some(4.0)),
            ("Timeout = 5 , max=1000", Some(4.0)),
            ("max=100, timeout=\"75\"", Some(74.0)),
            ("timeout=2", Some(1.0)),
            ("timeout=1", Some(0.5)),
            ("timeout=0", Some(0.001)),
            ("timeout=-1", None),
            ("timeout=soon", None),
            ("max=5", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), used, "{text:?}");
        }
    }
}
