//! The headers of each request: fixed ones, which can be replaced at any time, and live ones, whose value comes from a source.
//!
//! In: the settings, then calls of [`Headers::set`] from any thread. Out: the current headers for each request, and whether they have
//! changed since.
//!
//! - HD1: `build` and `set` check names, values, and credentials over plain http in the same way.
//! - HD2: the lock is held only to copy a pointer, never while a source is asked for a value.

use super::secrets;
use super::source::{HeaderSource, LiveHeader};
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

/// Whether credentials may travel over the configured connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkSecurity {
    /// Encrypted, within this machine, or allowed by the user.
    Trusted,
    /// In plain text to another host.
    Open,
}

/// Shared by the transport and the clients.
pub(crate) struct Headers {
    way: LinkSecurity,
    now: Mutex<Arc<HeaderEntries>>,
    /// The headers as configured.
    first: Arc<HeaderEntries>,
}

#[derive(Clone, Default)]
struct HeaderEntries {
    fixed: HeaderMap,
    live: Vec<Arc<HeaderSource>>,
    /// Values that were replaced: an answer that is still under way may quote them.
    before: HeaderMap,
}

/// The headers of one request.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    pub(super) map: HeaderMap,
    /// How many answers each live header's source had given.
    asked: Vec<(HeaderName, u64)>,
}

impl Headers {
    pub(super) fn new(
        fixed: &[(String, String)],
        live: &[LiveHeader],
        way: LinkSecurity,
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
        let mut entries = HeaderEntries::default();
        for (name, value) in fixed {
            let name = name_of(name, way)?;
            let value = value_of(&name, value)?;
            entries.fixed.append(name, value);
        }
        for header in live {
            let name = name_of(&header.name, way)?;
            entries.live.push(Arc::new(HeaderSource::new(name, header, clock)?));
        }
        Ok(Headers::of(way, entries))
    }

    fn of(way: LinkSecurity, entries: HeaderEntries) -> Headers {
        let first = Arc::new(entries);
        Headers { way, now: Mutex::new(Arc::clone(&first)), first }
    }

    /// The same for another process: live values are asked for anew.
    pub(super) fn again(&self, clock: Clock) -> Headers {
        // A thread that held the lock during the fork does not exist here and will never release it. In that case the configured headers
        // are used.
        let now = match self.now.try_lock() {
            Ok(now) => Arc::clone(&now),
            Err(TryLockError::Poisoned(now)) => Arc::clone(&now.into_inner()),
            Err(TryLockError::WouldBlock) => Arc::clone(&self.first),
        };
        let live = now.live.iter().map(|source| Arc::new(source.again(clock))).collect();
        Headers::of(self.way, HeaderEntries { live, ..HeaderEntries::clone(&now) })
    }

    /// Replaces or adds a header, starting with the next request.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<(), BuildError> {
        let name = name_of(name, self.way)?;
        let value = value_of(&name, value)?;
        let mut now = lock(&self.now);
        let mut entries = HeaderEntries::clone(&now);
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

    /// Whether the text contains a value that is sent now, or was sent before it was replaced.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let entries = Arc::clone(&lock(&self.now));
        let live: Vec<HeaderValue> = entries.live.iter().flat_map(|source| source.lately()).collect();
        let values =
            entries.fixed.values().chain(entries.before.values()).chain(&live).map(HeaderValue::as_bytes);
        secrets::found(text, values.filter_map(|value| std::str::from_utf8(value).ok()))
    }

    /// Sets the notices that report that a source has no new value.
    pub(crate) fn tell(&self, notices: &Arc<Notices>) {
        let entries = Arc::clone(&lock(&self.now));
        for source in &entries.live {
            source.tell(Arc::clone(notices));
        }
    }

    /// The headers for a request that must end by `deadline`.
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

    /// After a 401: asks for live values again, and returns the headers if they differ from those that were sent.
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

fn name_of(name: &str, way: LinkSecurity) -> Result<HeaderName, BuildError> {
    // Framing is ours: a wrong length would turn one request into two.
    const OURS: [HeaderName; 5] = [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];
    let shown = printable(name, 40);
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| BuildError::Header(shown.clone(), "the name is not a header name"))?;
    if OURS.contains(&name) {
        return Err(BuildError::Header(shown, "this header is overspill's own"));
    }
    if way == LinkSecurity::Open && names_a_credential(&name) {
        return Err(BuildError::PlaintextCredentials);
    }
    Ok(name)
}

fn value_of(name: &HeaderName, text: &str) -> Result<HeaderValue, BuildError> {
    checked(name, text).map_err(|why| BuildError::Header(name.as_str().to_owned(), why))
}

/// The value as it is sent, marked as sensitive.
pub(super) fn checked(name: &HeaderName, text: &str) -> Result<HeaderValue, &'static str> {
    if text.trim_matches([' ', '\t']) != text {
        return Err("the value begins or ends with a blank, which is not sent");
    }
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "the value has characters that a header cannot have")?;
    value.set_sensitive(*name != CONTENT_TYPE);
    Ok(value)
}

/// All of the user's headers are marked as sensitive; those with such a name must not travel in plain text either.
fn names_a_credential(name: &HeaderName) -> bool {
    *name == COOKIE
        || ["auth", "key", "token", "secret", "password"].iter().any(|word| name.as_str().contains(word))
}
