//! A tower layer that emits one event for each request that a service answers or fails to answer.
//!
//! It wraps any service of `http::Request` and `http::Response`: axum, tonic, hyper under tower. It does not change the service's bodies,
//! errors or readiness.
//!
//! ```
//! use axum::{Router, extract::MatchedPath, routing::get};
//! use overspill::request_events::RequestEventsLayer;
//!
//! # let events = overspill::Client::disabled();
//! let requests = RequestEventsLayer::new(&events)
//!     // What axum has matched: `/orders/{id}`, and not the path itself.
//!     .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
//! let app: Router = Router::new().route("/orders/{id}", get(async || "an order")).layer(requests);
//! # drop(app);
//! ```
//!
//! ```json
//! {"event.name":"http_request","method":"GET","route":"/orders/{id}","status":200,"duration_ms":1.874,"outcome":"ok"}
//! ```
//!
//! | member | what |
//! |---|---|
//! | `event.name` | `http_request`, or [your own](RequestEventsLayer::name); the format may have its own place for it |
//! | `method` | the standard methods; any other is `other` |
//! | `route` | what [`route`](RequestEventsLayer::route) returns, at most [`ROUTE_BYTES_MAX`](limits::ROUTE_BYTES_MAX); else `null` |
//! | `status` | the response's; `null` if there is none |
//! | `duration_ms` | from the call of the service to the response's status and headers, or to the end if there is no response |
//! | `outcome` | how it ended: see the table below |
//!
//! | `outcome` | when |
//! |---|---|
//! | `ok` | the status is below 400 |
//! | `client_error` | 4xx |
//! | `server_error` | 500 and above |
//! | `error` | the service returned an error instead of a response |
//! | `cancelled` | the request was dropped before there was a response: the client disconnected, or a timeout outside this layer fired |
//! | `panicked` | a panic passed through |
//!
//! **Bodies are not watched.** The event does not say how long a streamed body took or whether it was read to the end: the event of a
//! stream that lasts hours would come hours late, and that of an endless one never. Trailers are not watched either, so tonic's
//! `grpc-status` is not seen if the response has a body.
//!
//! **The path is not sent** unless you return it from [`route`](RequestEventsLayer::route). Paths contain ids and secrets, and each is a
//! new value for the system behind the endpoint. A request that matches no route has `null`. tonic's paths are routes: `.route(|request|
//! Some(request.uri.path()))`.
//!
//! Order matters if other layers end requests. A timeout inside this layer answers with its own status; one outside drops the request,
//! which is `cancelled`. A layer that catches panics does so inside this one (`server_error`) or outside (`panicked`).
//!
//! In [`Mode::Off`](crate::Mode::Off) a request costs one load and one
//! boxed future; a request that begins while the mode is Off has no event.

mod future;
pub mod limits;
mod served;

pub use future::RequestFuture;

use crate::Client;
use crate::Mode;
use http::request::Parts;
use http::{Request, Response};
use served::OpenRequest;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

type RouteFn = dyn Fn(&Parts) -> Option<&str> + Send + Sync;

/// Wraps a service in [`RequestEvents`].
#[derive(Clone)]
pub struct RequestEventsLayer {
    told: EventSettings,
}

/// Where events go, and what they say.
#[derive(Clone)]
struct EventSettings {
    events: Client,
    name: &'static str,
    route: Arc<RouteFn>,
}

impl RequestEventsLayer {
    /// A layer that emits to `events`, without routes.
    pub fn new(events: &Client) -> RequestEventsLayer {
        let told = EventSettings { events: events.clone(), name: "http_request", route: Arc::new(|_| None) };
        RequestEventsLayer { told }
    }

    /// Calls `route` for the route of each request, before the service is called. Return one
    /// of a small number of values. If it panics, the panic is caught and the route is `null`.
    pub fn route(
        mut self,
        route: impl Fn(&Parts) -> Option<&str> + Send + Sync + 'static,
    ) -> RequestEventsLayer {
        self.told.route = Arc::new(route);
        self
    }

    /// Emits the events under another [name](Client::emit_named) than `http_request`.
    pub fn name(mut self, name: &'static str) -> RequestEventsLayer {
        self.told.name = name;
        self
    }
}

impl<S> Layer<S> for RequestEventsLayer {
    type Service = RequestEvents<S>;

    fn layer(&self, inner: S) -> RequestEvents<S> {
        RequestEvents { inner, told: Arc::new(self.told.clone()) }
    }
}

impl fmt::Debug for RequestEventsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestEventsLayer").field("name", &self.told.name).finish_non_exhaustive()
    }
}

/// A service that emits an event for each request: made by [`RequestEventsLayer`].
#[derive(Clone)]
pub struct RequestEvents<S> {
    inner: S,
    told: Arc<EventSettings>,
}

impl<S, B, R> Service<Request<B>> for RequestEvents<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RequestFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Never waits, and adds no error.
    fn call(&mut self, request: Request<B>) -> RequestFuture<S::Future> {
        if self.told.events.mode() == Mode::Off {
            return RequestFuture::new(self.inner.call(request), None);
        }
        let (parts, body) = request.into_parts();
        // From here on, dropping `open` emits the event, so a call that panics has one as well.
        let open = OpenRequest::begin(&self.told, &parts);
        let inner = self.inner.call(Request::from_parts(parts, body));
        RequestFuture::new(inner, Some(open))
    }
}

impl<S: fmt::Debug> fmt::Debug for RequestEvents<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestEvents").field("inner", &self.inner).finish_non_exhaustive()
    }
}
