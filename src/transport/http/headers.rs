//! The headers of each request: fixed ones, which may be replaced at any time, and live ones, whose value is asked for.
//!
//! In: the settings, then [`Headers::set`] from any thread. Out: for each request the headers as they are now, and whether they have
//! changed since. HD1: a name, a value, and a credential over plain http are checked alike in `build` and in `set`. HD2: the lock is held
//! to copy a pointer, never while a value is asked for.

use super::secrets;
use super::source::{LiveHeader, Source};
use crate::build_error::BuildError;
use crate::clock::Clock;
use crate::encode::printable;
use crate::limits::{HEADERS_MAX, LIVE_HEADERS_MAX};
use crate::notice::Notices;
use crate::sync::{Arc, Mutex, lock};
use crate::transport::Failure;
use reqwest::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING,
};
use std::sync::TryLockError;
use tokio::time::Instant;

/// Whether a credential may travel the way that the settings describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Encrypted, within this machine, or allowed by the user.
    Trusted,
    /// In plain text to another host.
    Open,
}

/// Shared by the transport and the clients.
pub(crate) struct Headers {
    way: Way,
    now: Mutex<Arc<Entries>>,
    /// Those of the settings.
    first: Arc<Entries>,
}

#[derive(Clone, Default)]
struct Entries {
    fixed: HeaderMap,
    live: Vec<Arc<Source>>,
    /// What the present values took the place of: an answer on its way may still quote it.
    before: HeaderMap,
}

/// The headers of one request.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    pub(super) map: HeaderMap,
    /// How often each live header had been asked for.
    asked: Vec<(HeaderName, u64)>,
}

impl Headers {
    pub(super) fn new(
        fixed: &[(String, String)],
        live: &[LiveHeader],
        way: Way,
        clock: Clock,
    ) -> Result<Headers, BuildError> {
        if fixed.len() + live.len() > HEADERS_MAX {
            return Err(BuildError::invalid(
                "header",
                format!("more than {HEADERS_MAX} headers"),
                "send fewer",
            ));
        }
        if live.len() > LIVE_HEADERS_MAX {
            return Err(BuildError::invalid(
                "header_with",
                format!("more than {LIVE_HEADERS_MAX} headers with header_with or bearer_auth_file"),
                "use fewer",
            ));
        }
        let mut entries = Entries::default();
        for (name, value) in fixed {
            let name = name_of(name, way)?;
            let value = value_of(&name, value)?;
            entries.fixed.append(name, value);
        }
        for header in live {
            let name = name_of(&header.name, way)?;
            entries.live.push(Arc::new(Source::new(name, header, clock)?));
        }
        Ok(Headers::of(way, entries))
    }

    fn of(way: Way, entries: Entries) -> Headers {
        let first = Arc::new(entries);
        Headers { way, now: Mutex::new(Arc::clone(&first)), first }
    }

    /// The same, for another process: live values are asked for anew.
    pub(super) fn again(&self, clock: Clock) -> Headers {
        // A thread that held the lock as the process forked is not here to give it back: then those of the settings must do.
        let now = match self.now.try_lock() {
            Ok(now) => Arc::clone(&now),
            Err(TryLockError::Poisoned(now)) => Arc::clone(&now.into_inner()),
            Err(TryLockError::WouldBlock) => Arc::clone(&self.first),
        };
        let live = now.live.iter().map(|source| Arc::new(source.again(clock))).collect();
        Headers::of(self.way, Entries { live, ..Entries::clone(&now) })
    }

    /// Replaces or adds a header, from the next request on.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<(), BuildError> {
        let name = name_of(name, self.way)?;
        let value = value_of(&name, value)?;
        let mut now = lock(&self.now);
        let mut entries = Entries::clone(&now);
        let live = entries.live.iter().find(|source| source.name == name).and_then(|source| source.last());
        entries.live.retain(|source| source.name != name);
        if let Some(before) = entries.fixed.insert(name.clone(), value).or(live) {
            entries.before.insert(name, before);
        }
        if entries.fixed.len() + entries.live.len() > HEADERS_MAX {
            return Err(BuildError::invalid(
                "header",
                format!("more than {HEADERS_MAX} headers"),
                "send fewer",
            ));
        }
        *now = Arc::new(entries);
        Ok(())
    }

    /// Whether the text holds a value that is sent, or was until it was replaced.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let entries = Arc::clone(&lock(&self.now));
        let live: Vec<HeaderValue> = entries.live.iter().flat_map(|source| source.lately()).collect();
        let values =
            entries.fixed.values().chain(entries.before.values()).chain(&live).map(HeaderValue::as_bytes);
        secrets::found(text, values.filter_map(|value| std::str::from_utf8(value).ok()))
    }

    /// Who is told that a value could not be asked for.
    pub(crate) fn tell(&self, notices: &Arc<Notices>) {
        let entries = Arc::clone(&lock(&self.now));
        for source in &entries.live {
            source.tell(Arc::clone(notices));
        }
    }

    /// The headers for a request that is to be over by `deadline`.
    pub(super) async fn stamp(&self, deadline: Instant) -> Result<Stamped, Failure> {
        let entries = Arc::clone(&lock(&self.now));
        let mut stamped = Stamped { map: entries.fixed.clone(), asked: Vec::new() };
        for source in &entries.live {
            let (value, asked) = source.value(deadline).await?;
            stamped.map.insert(source.name.clone(), value);
            stamped.asked.push((source.name.clone(), asked));
        }
        Ok(stamped)
    }

    /// After a 401: the headers, with live values asked for again, if they are others than those that were sent.
    pub(super) async fn changed(&self, sent: &Stamped, deadline: Instant) -> Option<Stamped> {
        let entries = Arc::clone(&lock(&self.now));
        for source in &entries.live {
            let asked = sent.asked.iter().find(|(name, _)| *name == source.name).map(|(_, asked)| *asked);
            source.ask_again(asked.unwrap_or(0), deadline).await;
        }
        let now = self.stamp(deadline).await.ok()?;
        (now.map != sent.map).then_some(now)
    }
}

fn name_of(name: &str, way: Way) -> Result<HeaderName, BuildError> {
    // Framing is ours: a wrong one would make two requests of one.
    const OURS: [HeaderName; 5] = [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];
    let shown = printable(name, 40);
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| BuildError::Header(shown.clone(), "the name is not a header name"))?;
    if OURS.contains(&name) {
        return Err(BuildError::Header(shown, "this header is overspill's own"));
    }
    if way == Way::Open && names_a_credential(&name) {
        return Err(BuildError::PlaintextCredentials);
    }
    Ok(name)
}

fn value_of(name: &HeaderName, text: &str) -> Result<HeaderValue, BuildError> {
    checked(name, text).map_err(|why| BuildError::Header(name.as_str().to_owned(), why))
}

/// The value as it will be sent, out of sight.
pub(super) fn checked(name: &HeaderName, text: &str) -> Result<HeaderValue, &'static str> {
    if text.trim_matches([' ', '\t']) != text {
        return Err("the value begins or ends with a blank, which is not sent");
    }
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "the value has characters that a header cannot have")?;
    value.set_sensitive(*name != CONTENT_TYPE);
    Ok(value)
}

/// Every header of the user's is kept out of sight; these by their name must not even travel in plain text.
fn names_a_credential(name: &HeaderName) -> bool {
    *name == COOKIE
        || ["auth", "key", "token", "secret", "password"].iter().any(|word| name.as_str().contains(word))
}
