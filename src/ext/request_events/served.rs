//! One request, from its start to its event.
//!
//! In: what is known at the start, and how it ends. Out: one event. SV1: each started
//! request emits exactly one event; if its end is never reported, its drop emits it.

use super::EventSettings;
use super::limits::ROUTE_BYTES_MAX;
use http::request::Parts;
use http::{Method, StatusCode};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    Ok,
    ClientError,
    ServerError,
    Error,
    Cancelled,
    Panicked,
}

impl RequestOutcome {
    pub(super) fn of(status: StatusCode) -> RequestOutcome {
        match status.as_u16() {
            ..=399 => RequestOutcome::Ok,
            400..=499 => RequestOutcome::ClientError,
            500.. => RequestOutcome::ServerError,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            RequestOutcome::Ok => "ok",
            RequestOutcome::ClientError => "client_error",
            RequestOutcome::ServerError => "server_error",
            RequestOutcome::Error => "error",
            RequestOutcome::Cancelled => "cancelled",
            RequestOutcome::Panicked => "panicked",
        }
    }
}

/// A request whose event has not been emitted yet.
pub(super) struct OpenRequest {
    told: Arc<EventSettings>,
    method: &'static str,
    route: Option<String>,
    began: Instant,
    ending: RequestEnd,
}

/// What is known about the end.
enum RequestEnd {
    Unknown,
    Known(RequestOutcome, Option<StatusCode>),
}

impl OpenRequest {
    pub(super) fn begin(told: &Arc<EventSettings>, parts: &Parts) -> OpenRequest {
        // The function only borrows the request, so a panic leaves the request unchanged.
        let route = catch_unwind(AssertUnwindSafe(|| (told.route)(parts).map(cut))).unwrap_or_default();
        let method = name_of(&parts.method);
        OpenRequest {
            told: Arc::clone(told),
            method,
            route,
            began: Instant::now(),
            ending: RequestEnd::Unknown,
        }
    }

    pub(super) fn end(mut self, outcome: RequestOutcome, status: Option<StatusCode>) {
        self.ending = RequestEnd::Known(outcome, status);
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let (outcome, status) = match self.ending {
            RequestEnd::Known(outcome, status) => (outcome, status),
            RequestEnd::Unknown if std::thread::panicking() => (RequestOutcome::Panicked, None),
            RequestEnd::Unknown => (RequestOutcome::Cancelled, None),
        };
        let served = Served {
            method: self.method,
            route: self.route.as_deref(),
            status: status.map(|status| status.as_u16()),
            took: self.began.elapsed(),
            outcome,
        };
        self.told.events.emit_named(self.told.name, &served);
    }
}

/// The event.
struct Served<'a> {
    method: &'static str,
    route: Option<&'a str>,
    status: Option<u16>,
    took: Duration,
    outcome: RequestOutcome,
}

impl Serialize for Served<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Served", 5)?;
        event.serialize_field("method", self.method)?;
        event.serialize_field("route", &self.route)?;
        event.serialize_field("status", &self.status)?;
        event.serialize_field("duration_ms", &(self.took.as_micros() as f64 / 1e3))?;
        event.serialize_field("outcome", self.outcome.as_str())?;
        event.end()
    }
}

/// The method's name. Callers can invent methods: all unknown ones share one name.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 9] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
        (Method::CONNECT, "CONNECT"),
        (Method::TRACE, "TRACE"),
    ];
    KNOWN.iter().find(|(known, _)| known == method).map_or("other", |(_, name)| name)
}

/// The start of a route, cut at a whole character.
fn cut(route: &str) -> String {
    let mut end = route.len().min(ROUTE_BYTES_MAX);
    while !route.is_char_boundary(end) {
        end -= 1;
    }
    route[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_outcome() {
        for (status, outcome) in [
            (100, "ok"),
            (101, "ok"),
            (200, "ok"),
            (304, "ok"),
            (399, "ok"),
            (400, "client_error"),
            (404, "client_error"),
            (499, "client_error"),
            (500, "server_error"),
            (599, "server_error"),
            (999, "server_error"),
        ] {
            assert_eq!(
                RequestOutcome::of(StatusCode::from_u16(status).unwrap()).as_str(),
                outcome,
                "{status}"
            );
        }
    }

    #[test]
    fn unknown_methods_share_one_name() {
        for (method, name) in [("GET", "GET"), ("TRACE", "TRACE"), ("get", "other"), ("X-SECRET-1", "other")]
        {
            assert_eq!(name_of(&Method::from_bytes(method.as_bytes()).unwrap()), name);
        }
    }

    #[test]
    fn a_route_is_cut_between_characters() {
        assert_eq!(cut("/orders/{id}"), "/orders/{id}");
        let long = format!("/{}", "é".repeat(ROUTE_BYTES_MAX));
        assert_eq!(cut(&long).len(), ROUTE_BYTES_MAX - 1);
    }
}
