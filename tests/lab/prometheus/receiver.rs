//! The webhook of this program, to which Alertmanager sends its alerts.

use super::Failure;
use axum::extract::State;
use axum::routing::post;
use axum::{Router, body::Bytes};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// An alert for one client, or for the process if `client` is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub alert: String,
    pub client: String,
}

#[derive(Debug, Clone)]
pub struct Raised {
    pub fired: Instant,
    pub resolved: Option<Instant>,
    /// How many times it fired.
    pub times: u32,
    /// What its text lacks that a person needs.
    pub words_missing: Option<String>,
}

impl Raised {
    pub fn problem(&self) -> Option<String> {
        match self.times {
            _ if self.resolved.is_none() => Some("did not resolve".to_owned()),
            1 => self.words_missing.clone(),
            times => Some(format!("fired {times} times")),
        }
    }
}

type Seen = Arc<Mutex<BTreeMap<Key, Raised>>>;

pub struct Receiver {
    seen: Seen,
    url: String,
}

#[derive(Deserialize)]
struct Notification {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: String,
    labels: HashMap<String, String>,
    annotations: HashMap<String, String>,
}

impl Receiver {
    pub async fn start() -> Result<Receiver, Failure> {
        let seen = Seen::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/alerts", listener.local_addr()?);
        let router = Router::new().route("/alerts", post(hear)).with_state(Arc::clone(&seen));
        // Runs until the program ends.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Receiver { seen, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn seen(&self) -> BTreeMap<Key, Raised> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn all_resolved(&self) -> bool {
        self.seen().values().all(|raised| raised.resolved.is_some())
    }
}

async fn hear(State(seen): State<Seen>, body: Bytes) -> &'static str {
    let Ok(notification) = serde_json::from_slice::<Notification>(&body) else {
        return "not a notification";
    };
    let (at, mut seen) = (Instant::now(), seen.lock().unwrap_or_else(PoisonError::into_inner));
    for alert in notification.alerts {
        let label = |name: &str| alert.labels.get(name).cloned().unwrap_or_default();
        let key = Key { alert: label("alertname"), client: label("client") };
        if alert.status == "resolved" {
            if let Some(raised) = seen.get_mut(&key) {
                raised.resolved.get_or_insert(at);
            }
            continue;
        }
        let words_missing = words_missing(&key.alert, &alert);
        let raised =
            seen.entry(key).or_insert(Raised { fired: at, resolved: None, times: 1, words_missing: None });
        raised.words_missing = raised.words_missing.take().or(words_missing);
        if raised.resolved.take().is_some() {
            raised.times += 1;
        }
    }
    "heard"
}

fn words_missing(name: &str, alert: &Alert) -> Option<String> {
    let lacks = |what: &str, least: usize| {
        let words = alert.annotations.get(what).map_or("", String::as_str);
        let broken = ["<no value>", "error", "{{", "NaN"].iter().any(|sign| words.contains(sign));
        (words.len() < least || broken).then(|| format!("{name}: its {what} is {words:?}"))
    };
    let severity = alert.labels.get("severity").map_or("", String::as_str);
    let unknown =
        (!["critical", "warning"].contains(&severity)).then(|| format!("{name}: severity {severity:?}"));
    lacks("summary", 20)
        .or_else(|| lacks("description", 100))
        .or_else(|| lacks("runbook_url", 40))
        .or(unknown)
}
