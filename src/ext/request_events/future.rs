//! The future of one request, which sees how it ends.
//!
//! In: the service's own future. Out: its output, unchanged. FU1: one event for each request,
//! however it ends: by an output, by a panic that goes through `poll`, or by a drop before either.

use super::served::{OpenRequest, RequestOutcome};
use http::Response;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`RequestEvents`](super::RequestEvents). If it is dropped before it ends, it emits the event as `cancelled`.
#[must_use = "futures do nothing unless polled"]
pub struct RequestFuture<F> {
    // Boxed, because pinning it in place would take unsafe code, or a macro that contains it.
    inner: Pin<Box<F>>,
    /// `None` once its event is emitted, or if it has none.
    open: Option<OpenRequest>,
}

impl<F> RequestFuture<F> {
    pub(super) fn new(inner: F, open: Option<OpenRequest>) -> RequestFuture<F> {
        RequestFuture { inner: Box::pin(inner), open }
    }
}

impl<F, R, E> Future for RequestFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let RequestFuture { inner, open } = &mut *self;
        let unwinding = Unwinding(open);
        let Poll::Ready(answer) = inner.as_mut().poll(cx) else { return Poll::Pending };
        drop(unwinding);
        if let Some(open) = open.take() {
            match &answer {
                Ok(response) => open.end(RequestOutcome::of(response.status()), Some(response.status())),
                Err(_) => open.end(RequestOutcome::Error, None),
            }
        }
        Poll::Ready(answer)
    }
}

/// Emits the event if the poll panics: the caller may catch the panic and drop the future later, when nothing shows that it panicked.
struct Unwinding<'a>(&'a mut Option<OpenRequest>);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Dropping it emits.
            drop(self.0.take());
        }
    }
}

impl<F> fmt::Debug for RequestFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFuture").finish_non_exhaustive()
    }
}
