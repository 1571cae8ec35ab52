//! How to reach the endpoint: our credentials, whom we trust, and what we connect through.
//!
//! Texts are kept as given; `build` parses them strictly (`transport/http/`).

use super::{Builder, Config};
use crate::sync::Arc;
use crate::transport::http::{First, HttpSettings, LiveHeader, PlaintextCredentials, bearer_from};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

impl Builder {
    /// Sends `authorization: Bearer token`. It is never shown in Debug, a log or an error. Over plain http `build` refuses it, except to a
    /// loopback host without a proxy elsewhere, or through a [unix socket](Builder::unix_socket). It replaces a user and password in the
    /// endpoint's URL.
    ///
    /// For a token that changes: [`bearer_auth_file`](Builder::bearer_auth_file), [`header_with`](Builder::header_with),
    /// [`Client::set_bearer_auth`](crate::Client::set_bearer_auth).
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Builder {
        let value = format!("Bearer {}", token.as_ref());
        self.header("authorization", value)
    }

    /// Sends a header with every request. It replaces an earlier one of the same name. Every value is treated as a secret and never shown.
    /// A header whose name suggests a credential (auth, key, token, secret, password, cookie) is refused over plain http like a bearer
    /// token. `content-type` and `idempotency-key` replace overspill's own. `build` refuses headers for framing and encoding
    /// (`content-length`, `transfer-encoding`, `content-encoding`), `host` and `connection`, and a value that begins or ends with a blank
    /// or has characters that a header cannot have.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Builder {
        let name = name.into();
        self.forget_header(&name);
        self.headers.push((name, value.into()));
        self
    }

    /// Sends a header whose value comes from a function, for example a token that a vault or an agent renews. It replaces an earlier one of
    /// the same name and is checked like it ([`header`](Builder::header)). Maximum number:
    /// [`LIVE_HEADERS_MAX`](crate::limits::LIVE_HEADERS_MAX).
    ///
    /// `ask` is called for the first request, again when the value is [`CREDENTIAL_AGE`](crate::limits::CREDENTIAL_AGE) old, and at once
    /// when the endpoint answers 401. If the value has then changed, the request, which was not taken, is sent once more with the same
    /// `idempotency-key`. After an error, a panic or a value that cannot be sent, the last value stays in use and a notice says so. Without
    /// a value, requests fail with [`Reason::Connect`](crate::Reason::Connect), and the next request asks again.
    ///
    /// # Blocking
    /// `ask` may take its time: it runs on its own thread, one call at a time, never on a caller's or the sender's. Only a request that has
    /// no value yet, or was answered with 401, waits for it, within the post timeout.
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// let token = Arc::new(Mutex::new("from the vault".to_owned()));
    /// let now = Arc::clone(&token);
    /// let events = overspill::Client::builder("https://telemetry.example.com/v1/events")
    ///     .header_with("authorization", move || {
    ///         let token = now.lock().map_err(|_| "no token")?;
    ///         Ok(format!("Bearer {token}"))
    ///     });
    /// # drop(events);
    /// ```
    pub fn header_with(
        mut self,
        name: impl Into<String>,
        ask: impl Fn() -> Result<String, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Builder {
        let name = name.into();
        self.forget_header(&name);
        self.live_headers.push(LiveHeader { name, ask: Arc::new(ask), first: First::WithARequest });
        self
    }

    /// Sends `authorization: Bearer` with the contents of this file, without leading and trailing blanks and line ends. For a token that
    /// another program rewrites, like those that Kubernetes projects into a pod. `build` reads it and fails if the file is missing. It is
    /// read again when it is a minute old, and after a 401, like [`header_with`](Builder::header_with).
    pub fn bearer_auth_file(mut self, path: impl Into<PathBuf>) -> Builder {
        let path = path.into();
        // Made absolute now, in case the program changes its folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        let (name, ask) = ("authorization".to_owned(), Arc::new(move || bearer_from(&path)));
        self.forget_header(&name);
        self.live_headers.push(LiveHeader { name, ask, first: First::AtBuild });
        self
    }

    fn forget_header(&mut self, name: &str) {
        self.headers.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(name));
        self.live_headers.retain(|earlier| !earlier.name.eq_ignore_ascii_case(name));
    }

    /// Allows credentials over plain http to a host that is not loopback: for a network that you trust.
    pub fn allow_plaintext_credentials(mut self) -> Builder {
        self.plaintext_credentials = PlaintextCredentials::Allowed;
        self
    }

    /// Posts through this proxy: `http://host:port`, or `https://host:port` with feature `https`, with a user and password before the host
    /// if it requires them; `http://` may be omitted. Other kinds, like socks, are an error of `build`. The environment's proxy variables
    /// are never read.
    pub fn proxy(mut self, url: impl Into<String>) -> Builder {
        self.proxy = Some(url.into());
        self
    }

    /// Posts through the unix socket at this path, to an agent on the same machine. The endpoint's URL then gives the request path, and its
    /// host goes into the `host` header: `http://localhost/v1/events`. Credentials may travel over it. Only on Unix; elsewhere it is an
    /// error of `build`. A missing socket counts as no connection, like a port that nobody listens on.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Builder {
        self.unix_socket = Some(path.into());
        self
    }

    /// Trusts the certificates in this PEM text in addition to the platform's. May be called again. Feature `https`. Anything else in the
    /// text, or anything unreadable, is an error of `build`, and so is a certificate for a plain http endpoint.
    ///
    /// The platform decides where its own certificates are. On Linux the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` matter too; they are
    /// the only environment variables read here unless you ask for others.
    pub fn root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Builder {
        self.root_certificates_pem.push(pem.into());
        self
    }

    /// Presents this certificate to an endpoint that asks for one (mTLS). In PEM: first the certificate, then the intermediates, and the
    /// private key (PKCS#8, PKCS#1 or SEC1, not encrypted), in one text or in two calls. Feature `https`. Only `build` reads it: after a
    /// renewal, build a new client.
    pub fn client_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Builder {
        self.client_certificate_pem.push(pem.into());
        self
    }

    /// How long a connection may be idle before it is no longer reused. Default [`CONNECTION_IDLE`](crate::limits::CONNECTION_IDLE). Choose
    /// less than the endpoint's own idle time. If the endpoint announces a shorter one (`keep-alive: timeout=5`), that applies.
    pub fn connection_idle_max(mut self, time: Duration) -> Builder {
        self.connection_idle_max = time;
        self
    }

    pub(crate) fn http_settings(&mut self, config: &Config) -> HttpSettings {
        HttpSettings {
            endpoint: std::mem::take(&mut self.endpoint),
            headers: std::mem::take(&mut self.headers),
            token: self.token.take().map(|token| self.token_header(&token)),
            live_headers: std::mem::take(&mut self.live_headers),
            plaintext_credentials: self.plaintext_credentials,
            connect_timeout: config.connect_timeout,
            post_timeout: config.post_timeout,
            connection_idle_max: config.connection_idle_max,
            posts_in_flight_max: config.posts_in_flight_max,
            proxy: self.proxy.take(),
            unix_socket: self.unix_socket.take(),
            root_certificates_pem: std::mem::take(&mut self.root_certificates_pem),
            client_certificate_pem: std::mem::take(&mut self.client_certificate_pem),
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
impl HttpSettings {
    /// The defaults, for one endpoint.
    pub(crate) fn of(endpoint: &str) -> HttpSettings {
        let mut builder = Builder::new(endpoint);
        let config = builder.config().unwrap();
        builder.http_settings(&config)
    }
}
