//! One request, from its start to its event.
//!
//! In: what is known at the start, and how it ends. Out: one event. SV1: each started
//! request emits exactly one event; if its end is never reported, its drop emits it.

use super::Told;
use super::limits::ROUTE_BYTES_MAX;
use http::request::Parts;
use http::{Method, StatusCode};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    ClientError,
    ServerError,
    Error,
    Cancelled,
    Panicked,
}

impl Outcome {
    pub(super) fn of(status: StatusCode) -> Outcome {
        match status.as_u16() {
            ..=399 => Outcome::Ok,
            400..=499 => Outcome::ClientError,
            500.. => Outcome::ServerError,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::ClientError => "client_error",
            Outcome::ServerError => "server_error",
            Outcome::Error => "error",
            Outcome::Cancelled => "cancelled",
            Outcome::Panicked => "panicked",
        }
    }
}

/// A request whose event has not been emitted yet.
pub(super) struct Open {
    told: Arc<Told>,
    method: &'static str,
    route: Option<String>,
    began: Instant,
    ending: Ending,
}

/// What is known about the end.
enum Ending {
    Unknown,
    Known(Outcome, Option<StatusCode>),
}

impl Open {
    pub(super) fn begin(told: &Arc<Told>, parts: &Parts) -> Open {
        // After a panic, everything it borrows from the request is back with the request, unchanged.
        let route = catch_unwind(AssertUnwindSafe(|| (told.route)(parts).map(cut))).unwrap_or_default();
        let method = name_of(&parts.method);
        Open { told: Arc::clone(told), method, route, began: Instant::now(), ending: Ending::Unknown }
    }

    pub(super) fn end(mut self, outcome: Outcome, status: Option<StatusCode>) {
        self.ending = Ending::Known(outcome, status);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (outcome, status) = match self.ending {
            Ending::Known(outcome, status) => (outcome, status),
            Ending::Unknown if std::thread::panicking() => (Outcome::Panicked, None),
            Ending::Unknown => (Outcome::Cancelled, None),
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
    outcome: Outcome,
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

/// Callers can invent methods: all unknown ones share one name.
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
            assert_eq!(Outcome::of(StatusCode::from_u16(status).unwrap()).as_str(), outcome, "{status}");
        }
    }

    #[test]
    fn a_method_that_nobody_knows_is_another() {
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
