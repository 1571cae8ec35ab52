//! How connections are made: builds the HTTP client from the settings, again for each renewal.
//!
//! Every default of the HTTP client that could hurt the service is overridden here: no redirects, no proxy unless configured, no decoders,
//! no retries, no referer, no key log, a timeout for every phase, few and short-lived idle connections, a bounded answer. One thing stays:
//! hyper resends a request that a closed keep-alive connection did not take, which was provably not processed.
//!
//! - CN1: what the HTTP client would ignore silently (an unknown kind of proxy, an unreadable certificate in a bundle, TLS settings for a
//!   plain http endpoint) is an error of [`Recipe::new`].
//! - CN2: PEM texts are parsed once, there.

use super::tls::Trust;
use super::witness::ConnectionLayer;
use super::{HttpSettings, address};
use crate::build_error::BuildError;
use crate::encode::printable;
use crate::limits::{DETAIL_CHARS_MAX, REPLY_HEADERS_MAX};
use crate::transport::resolve::Resolver;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A shorter time would end connections that only wait for a slow retransmission.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const TCP_PATIENCE_MIN: Duration = Duration::from_secs(1);

/// A longer path does not fit into a socket's address: 108 bytes with its terminator on Linux, 104 on macOS.
const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The settings from which each HTTP client is built.
#[derive(Clone)]
pub(super) struct Recipe {
    connect_timeout: Duration,
    post_timeout: Duration,
    posts_in_flight_max: usize,
    proxy: Option<Url>,
    unix_socket: Option<PathBuf>,
    trust: Trust,
    resolver: Resolver,
}

impl Recipe {
    pub(super) fn new(settings: &HttpSettings, endpoint: &Url) -> Result<Recipe, BuildError> {
        let proxy = settings.proxy.as_deref().map(address::proxy).transpose()?;
        let unix_socket = settings.unix_socket.as_deref().map(socket_path).transpose()?;
        if proxy.is_some() && unix_socket.is_some() {
            return Err(BuildError::invalid(
                "unix_socket",
                "is set together with a proxy, which it does not use",
                "set one of the two",
            ));
        }
        let encrypted = [Some(endpoint), proxy.as_ref()].into_iter().flatten().any(|u| u.scheme() == "https");
        let trust = Trust::new(settings, if encrypted { Encrypted::Yes } else { Encrypted::No })?;
        Ok(Recipe {
            connect_timeout: settings.connect_timeout,
            post_timeout: settings.post_timeout,
            posts_in_flight_max: settings.posts_in_flight_max,
            proxy,
            unix_socket,
            trust,
            resolver: Resolver::default(),
        })
    }

    /// The same, without a running lookup.
    pub(super) fn again(&self) -> Recipe {
        Recipe { resolver: Resolver::default(), ..self.clone() }
    }

    pub(super) fn encrypted(&self) -> Encrypted {
        self.trust.encrypted
    }

    pub(super) fn proxy(&self) -> Option<&Url> {
        self.proxy.as_ref()
    }

    pub(super) fn has_socket(&self) -> bool {
        self.unix_socket.is_some()
    }

    /// A client without connections, which keeps idle ones for `idle_max`.
    ///
    /// # Blocking
    /// With TLS, for as long as reading the platform's root certificates takes: some milliseconds.
    pub(super) fn client(&self, idle_max: Duration) -> Result<Client, BuildError> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_hickory_dns()
            .dns_resolver(Arc::new(self.resolver.clone()))
            .connector_layer(ConnectionLayer)
            .http1_only()
            .http1_max_headers(REPLY_HEADERS_MAX)
            // Only the status and the framing of the body must be valid; other headers may be odd.
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(idle_max)
            .pool_max_idle_per_host(self.posts_in_flight_max)
            .tcp_nodelay(true)
            .user_agent(concat!("overspill/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &self.proxy {
            let proxy = reqwest::Proxy::all(proxy.clone())
                .map_err(|_| BuildError::invalid("proxy", "is not a URL", "use http://host:port"))?;
            builder = builder.proxy(proxy);
        }
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            builder = builder.unix_socket(path.as_path());
        }
        // A connection whose request was aborted is closed; over TLS only once its peer has taken what was sent. A peer that never does
        // would cost a body and a file descriptor each time.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        {
            builder = builder.tcp_user_timeout(self.post_timeout.max(TCP_PATIENCE_MIN));
        }
        self.trust.apply(builder).build().map_err(|error| BuildError::HttpClient(cause_of(error)))
    }
}

/// Whether the connection to the endpoint or to the proxy uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encrypted {
    No,
    Yes,
}

/// Makes the path absolute, because the program may change its folder.
fn socket_path(path: &Path) -> Result<PathBuf, BuildError> {
    let wrong = |why: &str, remedy: &str| Err(BuildError::invalid("unix_socket", why, remedy));
    if !cfg!(unix) {
        return wrong("is not possible on this platform", "post over TCP");
    }
    if path.as_os_str().is_empty() {
        return wrong("is empty", "give the path of a socket");
    }
    let Ok(path) = std::path::absolute(path) else {
        return wrong("has no absolute form", "give an absolute path");
    };
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return wrong("holds a zero byte", "give the path of a socket");
    }
    if bytes.len() > SOCKET_PATH_BYTES_MAX {
        return Err(BuildError::invalid(
            "unix_socket",
            format!("is longer than {SOCKET_PATH_BYTES_MAX} bytes, the most that a socket's address holds"),
            "give a shorter path",
        ));
    }
    Ok(path)
}

/// Connects the HTTP client to our resolver.
impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.look_up(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The error's text with all its causes, without a URL.
pub(super) fn cause_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        text = format!("{text}: {source}");
        cause = source;
    }
    printable(&text, 2 * DETAIL_CHARS_MAX)
}
