//! The real transport: reqwest is named only here and in the files below.
//!
//! In: a [`Request`]. Out: its exchange.
//!
//! - HT1: no connection is older than [`CONNECTION_AGE`], so that a change of the endpoint's address is followed. None is reused after it
//!   was idle longer than the settings or the endpoint allow, or after this machine was suspended.
//! - HT2: with TLS, a new HTTP client is built on its own thread, because it reads the platform's root certificates. Meanwhile the old one
//!   stays in use, and requests on its connections end normally.

mod address;
mod connect;
mod exchange;
mod failure;
mod headers;
mod secrets;
mod source;
mod tls;
mod witness;

pub(crate) use headers::Headers;
pub(crate) use source::{First, LiveHeader, bearer_from};

use super::{Posting, Request, Transport};
use crate::build_error::BuildError;
use crate::clock::{Clock, Stamp};
use crate::limits::{CONNECTION_AGE, SUSPENDED_MIN};
use crate::sync::{contain, start_thread};
use connect::{Encrypted, Recipe};
use exchange::{Current, RequestContext, exchange};
use failure::Peer;
use headers::LinkSecurity;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The settings for the way to the endpoint.
pub(crate) struct HttpSettings {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    /// A credential, whatever its name.
    pub(crate) token: Option<(String, String)>,
    pub(crate) live_headers: Vec<LiveHeader>,
    pub(crate) plaintext_credentials: PlaintextCredentials,
    pub(crate) connect_timeout: Duration,
    pub(crate) post_timeout: Duration,
    pub(crate) connection_idle_max: Duration,
    pub(crate) posts_in_flight_max: usize,
    pub(crate) proxy: Option<String>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) root_certificates_pem: Vec<Vec<u8>>,
    pub(crate) client_certificate_pem: Vec<Vec<u8>>,
}

/// Whether secrets may travel over plain http to another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaintextCredentials {
    Refused,
    Allowed,
}

/// The HTTP client, and what each request takes from the settings.
pub(crate) struct Http {
    context: Arc<RequestContext>,
    recipe: Arc<Recipe>,
    clients: watch::Sender<Current>,
    clock: Clock,
    idle_max: Duration,
    renewals: Renewals,
}

impl Http {
    pub(crate) fn new(settings: &HttpSettings, clock: Clock) -> Result<Http, BuildError> {
        let url = address::endpoint(&settings.endpoint)?;
        let recipe = Arc::new(Recipe::new(settings, &url)?);
        let trusted = settings.plaintext_credentials == PlaintextCredentials::Allowed
            || url.scheme() == "https"
            || recipe.has_socket()
            || (address::is_loopback(&url) && recipe.proxy().is_none_or(address::is_loopback));
        let way = if trusted { LinkSecurity::Trusted } else { LinkSecurity::Open };
        let (mut fixed, mut live) = (settings.headers.clone(), settings.live_headers.clone());
        if let Some((name, value)) = &settings.token {
            // It replaces a header of the same name.
            fixed.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(name));
            live.retain(|earlier| !earlier.name.eq_ignore_ascii_case(name));
            fixed.push((name.clone(), value.clone()));
        }
        let headers = Arc::new(Headers::new(&fixed, &live, way, clock)?);
        let credentials = settings.token.is_some() || !url.username().is_empty() || url.password().is_some();
        if way == LinkSecurity::Open && credentials {
            return Err(BuildError::PlaintextCredentials);
        }
        let peer = match (recipe.has_socket(), recipe.proxy().is_some(), url.scheme()) {
            (true, _, _) => Peer::Socket,
            (false, true, _) => Peer::Proxy,
            (false, false, "https") => Peer::Https,
            _ => Peer::Http,
        };
        let context = RequestContext {
            url,
            headers,
            peer,
            drains_max: settings.posts_in_flight_max,
            drains: AtomicUsize::new(0),
            kept_millis: AtomicU64::new(u64::MAX),
        };
        Http::by(context, recipe, settings.connection_idle_max, clock)
    }

    fn by(
        context: RequestContext,
        recipe: Arc<Recipe>,
        idle_max: Duration,
        clock: Clock,
    ) -> Result<Http, BuildError> {
        let client = recipe.client(idle_max)?;
        Ok(Http {
            context: Arc::new(context),
            recipe,
            clients: watch::Sender::new(Current { number: 0, client }),
            clock,
            idle_max,
            renewals: Renewals::begin(clock.now(), clock.suspended(), idle_max),
        })
    }

    pub(crate) fn again(&self) -> ChildHttp {
        ChildHttp {
            context: Arc::clone(&self.context),
            recipe: Arc::clone(&self.recipe),
            idle_max: self.idle_max,
        }
    }

    /// Scheme, host and port, which may be shown. Not the path: webhooks and some intakes have their key there.
    pub(crate) fn shown(&self) -> String {
        let origin = self.context.url.origin().ascii_serialization();
        if self.recipe.has_socket() { format!("{origin} over a unix socket") } else { origin }
    }

    /// Whether it holds root certificates and TLS state.
    pub(crate) fn needs_roots(&self) -> bool {
        self.recipe.encrypted() == Encrypted::Yes
    }

    /// The headers, which can be changed at any time.
    pub(crate) fn headers(&self) -> Arc<Headers> {
        Arc::clone(&self.context.headers)
    }

    /// The number of the client that the next request needs.
    fn renew(&mut self) -> u64 {
        let kept = Duration::from_millis(self.context.kept_millis.load(Ordering::Relaxed));
        let idle = self.idle_max.min(kept);
        if let Some(number) = self.renewals.next(self.clock.now(), self.clock.suspended(), idle) {
            self.make(number, idle);
        }
        self.renewals.needed
    }

    /// Replaces the client. If no new one can be built (no file descriptors for the certificates), the old one gets the new number, so that
    /// no request waits for it.
    fn make(&self, number: u64, idle_max: Duration) {
        let (recipe, clients) = (Arc::clone(&self.recipe), self.clients.clone());
        let make = move || {
            let made = contain(|| recipe.client(idle_max));
            clients.send_modify(|current| {
                if let (true, Ok(Ok(client))) = (number > current.number, made) {
                    current.client = client;
                }
                current.number = current.number.max(number);
            });
        };
        if self.recipe.encrypted() == Encrypted::No {
            return make();
        }
        if start_thread("overspill-connections", make).is_err() {
            self.clients.send_modify(|current| current.number = current.number.max(number));
        }
    }
}

/// What a forked process needs to build its own transport: the same settings and the current headers, without connections, lookups or
/// running calls.
pub(crate) struct ChildHttp {
    context: Arc<RequestContext>,
    recipe: Arc<Recipe>,
    idle_max: Duration,
}

impl ChildHttp {
    /// Builds the transport of this process.
    ///
    /// # Blocking
    /// With TLS, for as long as reading the platform's root certificates takes.
    pub(crate) fn http(&self, clock: Clock) -> Result<Http, BuildError> {
        let context = RequestContext {
            url: self.context.url.clone(),
            headers: Arc::new(self.context.headers.again(clock)),
            peer: self.context.peer,
            drains_max: self.context.drains_max,
            drains: AtomicUsize::new(0),
            kept_millis: AtomicU64::new(u64::MAX),
        };
        Http::by(context, Arc::new(self.recipe.again()), self.idle_max, clock)
    }
}

impl Transport for Http {
    fn post(&mut self, request: Request) -> Posting {
        let number = self.renew();
        Box::pin(exchange(self.clients.subscribe(), number, Arc::clone(&self.context), request))
    }

    fn connections_are_stale(&mut self) {
        self.renewals.stale = Stale::Yes;
    }

    fn holds_secret(&self, text: &str) -> bool {
        self.context.headers.are_in(text)
            || secrets::found(text, secrets::of_url(&self.context.url).iter().map(String::as_str))
    }
}

/// Whether existing connections must not be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stale {
    No,
    Yes,
}

/// Decides when connections are renewed, from times alone.
#[derive(Debug, Clone)]
struct Renewals {
    /// The number of the last client that was requested.
    asked: u64,
    /// Requests wait for this client, or a later one.
    needed: u64,
    due_at: Stamp,
    /// How long this machine had been suspended, and how long a connection could be idle, when the last client was requested.
    suspended: Duration,
    idle: Duration,
    stale: Stale,
}

impl Renewals {
    fn begin(now: Stamp, suspended: Duration, idle: Duration) -> Renewals {
        Renewals { asked: 0, needed: 0, due_at: now.after(CONNECTION_AGE), suspended, idle, stale: Stale::No }
    }

    /// The number of a new client, if it is time for one.
    fn next(&mut self, now: Stamp, suspended: Duration, idle: Duration) -> Option<u64> {
        let slept = suspended.saturating_sub(self.suspended) >= SUSPENDED_MIN;
        let stale = self.stale == Stale::Yes || slept || idle < self.idle;
        if !stale && now < self.due_at {
            return None;
        }
        let asked = self.asked + 1;
        let needed = if stale { asked } else { self.needed };
        let due_at = now.after(CONNECTION_AGE);
        *self = Renewals { asked, needed, due_at, suspended, idle, stale: Stale::No };
        Some(asked)
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
