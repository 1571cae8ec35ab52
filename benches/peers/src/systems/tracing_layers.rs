//! tracing-subscriber's JSON layer, and tracing-appender's non-blocking writer.

use super::{Caller, System};
use crate::Failure;

/// The event's fields, as a service would log them.
#[macro_export]
macro_rules! trace_event {
    ($event:expr) => {
        tracing::info!(
            event = $event.event,
            ts = $event.ts,
            route = $event.route,
            session = $event.session.as_str(),
            status = $event.status,
            bytes = $event.bytes,
            latency_ms = $event.latency_ms,
            cached = $event.cached,
        )
    };
}

/// Formats each event as a line and discards it.
pub struct Json;

impl Json {
    /// Installed as the global subscriber of the process.
    pub fn install() -> Result<Json, Failure> {
        tracing::subscriber::set_global_default(
            tracing_subscriber::fmt().json().with_writer(std::io::sink).finish(),
        )?;
        Ok(Json)
    }
}

impl System for Json {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| trace_event!(event))
    }
}
