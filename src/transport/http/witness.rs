//! Sees whether a request got a new connection or a reused one: the HTTP client does not say.
//!
//! In: a request's future. Out: the same, and [`Made`].
//!
//! - WI1: a new connection is counted on the thread, and within the poll, in which it is established. A request's own connection is
//!   established within one of the request's polls; one that the HTTP client finishes in the background is not. So a request that sees no
//!   new connection got one from the pool.
//! - WI2: if in doubt, the answer is [`Made::Now`]: when a connection was established, and at the same moment another one returned to the
//!   pool and was used.

use crate::sync::thread_local;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

thread_local! {
    /// Connections established on this thread.
    static CONNECTIONS: Cell<u64> = const { Cell::new(0) };
}

/// When a request's connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// Before the request: it has served another one, or was idle in the pool.
    Before,
    /// For this request.
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

/// A layer around the HTTP client's connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLayer;

impl<S> Layer<S> for ConnectionLayer {
    type Service = CountingConnector<S>;

    fn layer(&self, connector: S) -> CountingConnector<S> {
        CountingConnector(connector)
    }
}

/// A connector that counts its connections.
#[derive(Debug, Clone)]
pub(super) struct CountingConnector<S>(S);

impl<S, R> Service<R> for CountingConnector<S>
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
