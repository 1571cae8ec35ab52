//! sentry's structured logs.

use super::{Caller, Ended, System};
use crate::Failure;
use sentry::protocol::{Log, LogAttribute, LogLevel, Map, Value};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub struct Sentry {
    client: Arc<sentry::Client>,
    scope: sentry::Scope,
}

impl Sentry {
    pub fn start(endpoint: &str) -> Result<Sentry, Failure> {
        let options = sentry::ClientOptions::new().dsn(&format!("http://key@{endpoint}/1"));
        let options = sentry::apply_defaults(options);
        Ok(Sentry { client: Arc::new(sentry::Client::from_config(options)), scope: sentry::Scope::default() })
    }
}

impl System for Sentry {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| {
            let mut attributes = Map::new();
            let mut add = |name: &str, value: Value| attributes.insert(name.to_owned(), LogAttribute(value));
            add("ts", event.ts.into());
            add("route", event.route.into());
            add("session", event.session.as_str().into());
            add("status", event.status.into());
            add("bytes", event.bytes.into());
            add("latency_ms", event.latency_ms.into());
            add("cached", event.cached.into());
            let log = Log {
                level: LogLevel::Info,
                body: event.event.to_owned(),
                trace_id: None,
                timestamp: SystemTime::now(),
                severity_number: None,
                attributes,
            };
            self.client.capture_log(log, &self.scope);
        })
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        self.client.close(Some(within));
        Ended::default()
    }
}
