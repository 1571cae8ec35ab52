//! sentry's structured logs.

use super::{Caller, Ended, System};
use crate::Failure;
use crate::trace_event;
use sentry::protocol::{Log, LogAttribute, LogLevel, Map, Value};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tracing_subscriber::layer::SubscriberExt;

pub struct Sentry {
    client: Arc<sentry::Client>,
    scope: sentry::Scope,
}

impl Sentry {
    pub fn start(endpoint: &str) -> Result<Sentry, Failure> {
        Ok(Sentry { client: client(endpoint), scope: sentry::Scope::default() })
    }
}

fn client(endpoint: &str) -> Arc<sentry::Client> {
    let options = sentry::ClientOptions::new().dsn(&format!("http://key@{endpoint}/1"));
    Arc::new(sentry::Client::from_config(sentry::apply_defaults(options)))
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

/// Its tracing layer, which only logs.
pub struct Layer(Arc<sentry::Client>);

impl Layer {
    /// Installed in the global subscriber of the process.
    pub fn install(endpoint: &str) -> Result<Layer, Failure> {
        let client = client(endpoint);
        sentry::Hub::main().bind_client(Some(Arc::clone(&client)));
        let layer = sentry::integrations::tracing::LogLayer::new();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(Layer(client))
    }
}

impl System for Layer {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| trace_event!(event))
    }

    fn finish(self: Box<Self>, within: Duration) -> Ended {
        self.0.close(Some(within));
        Ended::default()
    }
}
