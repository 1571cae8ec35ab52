//! Sees whether a request got a connection of its own or one that had been used before: the HTTP client does not say.
//!
//! In: a request's future. Out: the same, and [`Made`]. WI1: a connection is counted on the thread and within the poll in which it comes
//! about; a request's own is made within a poll of the request, and one that the HTTP client goes on making in the background is not. So
//! a request without a count has been given a connection out of the pool. WI2: in doubt it says [`Made::Now`]: if one was made and
//! another one came back to the pool in the same moment, and was taken.

use crate::sync::thread_local;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

thread_local! {
    /// Connections that came about on this thread.
    static CONNECTIONS: Cell<u64> = const { Cell::new(0) };
}

/// When a request's connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// Before the request: it has served another one, or lain ready.
    Before,
    /// For the request.
    Now,
}

/// A request, and whether a connection was made for it.
pub(super) struct Watched<F> {
    request: Pin<Box<F>>,
    made: Made,
}

impl<F: Future> Watched<F> {
    pub(super) fn new(request: F) -> Watched<F> {
        Watched { request: Box::pin(request), made: Made::Before }
    }

    pub(super) fn made(&self) -> Made {
        self.made
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let before = CONNECTIONS.with(Cell::get);
        let polled = self.request.as_mut().poll(cx);
        if CONNECTIONS.with(Cell::get) != before {
            self.made = Made::Now;
        }
        polled
    }
}

/// Around the HTTP client's connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Witness;

impl<S> Layer<S> for Witness {
    type Service = Counted<S>;

    fn layer(&self, connector: S) -> Counted<S> {
        Counted(connector)
    }
}

/// A connector whose connections are counted.
#[derive(Debug, Clone)]
pub(super) struct Counted<S>(S);

impl<S, R> Service<R> for Counted<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let connecting = self.0.call(destination);
        Box::pin(async move {
            let connected = connecting.await;
            if connected.is_ok() {
                CONNECTIONS.with(|connections| connections.set(connections.get().wrapping_add(1)));
            }
            connected
        })
    }
}
