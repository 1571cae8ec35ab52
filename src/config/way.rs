//! The settings of the way to the endpoint: who we are, whom to trust, through what.
//!
//! Texts are kept as they were given; `build` reads them, strictly (`transport/http/`).

use super::{Builder, Config};
use crate::sync::Arc;
use crate::transport::http::{First, HttpSettings, LiveHeader, PlaintextCredentials, bearer_from};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

impl Builder {
    /// Sends `authorization: Bearer token`. Never shown in Debug, a log or an error; over plain http refused by
    /// `build` except to a loopback host, without a proxy or by one there, or by a [unix socket](Builder::unix_socket). It takes the place of a
    /// user and a password in the endpoint's URL.
    ///
    /// For a token that changes: [`bearer_auth_file`](Builder::bearer_auth_file), [`header_with`](Builder::header_with),
    /// [`Client::set_bearer_auth`](crate::Client::set_bearer_auth).
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Builder {
        let value = format!("Bearer {}", token.as_ref());
        self.header("authorization", value)
    }

    /// Sends a header with every request, in the place of an earlier one of the same name. Every value is treated as a secret: never
    /// shown anywhere. One whose name speaks of a credential (auth, key, token, secret, password, cookie) is refused over plain http
    /// like a bearer token. `content-type` and `idempotency-key` replace overspill's own; how a body is framed and packed
    /// (`content-length`, `transfer-encoding`, `content-encoding`), `host` and `connection` are refused by `build`, and so is a value that
    /// begins or ends with a blank, or has characters that a header cannot have.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Builder {
        let name = name.into();
        self.forget_header(&name);
        self.headers.push((name, value.into()));
        self
    }

    /// Sends a header whose value is asked for: a token that a vault or an agent renews. In the place of an earlier one of the same name,
    /// and checked like it ([`header`](Builder::header)); at most [`LIVE_HEADERS_MAX`](crate::limits::LIVE_HEADERS_MAX).
    ///
    /// It is asked for with the first request, again when the value is [`CREDENTIAL_AGE`](crate::limits::CREDENTIAL_AGE) old, and at once when the
    /// endpoint answers 401: if the value is another one by then, the request, of which nothing was taken, is sent once more with the same
    /// `idempotency-key`. An error, a panic or a value that cannot be sent leaves the last value in use, and a notice says so; without
    /// one, requests fail with [`Reason::Connect`](crate::Reason::Connect), and the next one asks again.
    ///
    /// # Blocking
    /// `ask` may take its time: it runs on a thread of its own, one question at a time, never on that of a caller or the sender. Only a request
    /// that has no value yet, or was answered with 401, waits for it, within the post timeout.
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

    /// Sends `authorization: Bearer` with what is in this file, without the blanks and line ends around it: a token that others write and
    /// rewrite, like those that Kubernetes projects into a pod. Read by `build`, whose error it is if there is none, and again as
    /// [`header_with`](Builder::header_with) says: when it is a minute old, and after a 401.
    pub fn bearer_auth_file(mut self, path: impl Into<PathBuf>) -> Builder {
        let path = path.into();
        // Where it is now, wherever the program goes.
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

    /// Lets credentials travel over plain http to a host that is not loopback: for a network that you trust.
    pub fn allow_plaintext_credentials(mut self) -> Builder {
        self.plaintext_credentials = PlaintextCredentials::Allowed;
        self
    }

    /// Posts through this proxy: `http://host:port`, `https://host:port` with feature `https`, with a user and a password before the host if it
    /// asks for them; `http://` may be left out. Others, like socks, are an error of `build`. The proxy variables of the environment
    /// are never looked at.
    pub fn proxy(mut self, url: impl Into<String>) -> Builder {
        self.proxy = Some(url.into());
        self
    }

    /// Posts through the unix socket at this path: to an agent on the same machine. The endpoint's URL then says what is asked for, and its
    /// host goes into the `host` header: `http://localhost/v1/events`. Credentials may travel over it. Unix alone; elsewhere an error of
    /// `build`. A socket that is not there is no connection, like a port that nobody listens on.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Builder {
        self.unix_socket = Some(path.into());
        self
    }

    /// Trusts the certificates in this PEM text beside the platform's own. May be called again. Feature `https`. Whatever else stands in the
    /// text, or cannot be read, is an error of `build`, and so is a certificate for an endpoint in plain http.
    ///
    /// Where the platform's own are is the platform's to say: on Linux also by the variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR`, the only ones of the environment that matter here without being asked for.
    pub fn root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Builder {
        self.root_certificates_pem.push(pem.into());
        self
    }

    /// Shows this certificate to an endpoint that asks who we are (mTLS): in PEM, the certificate first, then those between it and its root,
    /// and its private key (PKCS#8, PKCS#1 or SEC1, not encrypted), in one text or in two calls. Feature `https`. Read by `build` alone: for one
    /// that was renewed, build a new client.
    pub fn client_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Builder {
        self.client_certificate_pem.push(pem.into());
        self
    }

    /// How long a connection may be idle and be used again. Default [`CONNECTION_IDLE`](crate::limits::CONNECTION_IDLE): choose less than the
    /// endpoint keeps it. One that says how long that is (`keep-alive: timeout=5`) is heeded if it is less.
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
