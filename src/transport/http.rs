//! The real transport: the only file that names reqwest.
//!
//! Every default of the HTTP client that could hurt the service is dealt with here: no redirects, no proxy unless
//! asked, no decoders, no retries, no referer, no key log, every phase with a timeout, few and short-lived idle connections,
//! renewal of connections so that a DNS change is followed, a bounded answer. hyper's own retry of a request that a
//! closed keep-alive connection did not take stays: that one was provably not processed.

use super::resolve::Resolver;
use super::secrets;
use super::{BodyEnd, Failure, FailureKind, Posting, Reply, Request, Transport};
use crate::clock::{Clock, Stamp};
use crate::config::BuildError;
use crate::encode::printable;
use crate::limits::{CONNECTION_AGE, CONNECTION_IDLE, DETAIL_CHARS_MAX, HEADERS_MAX, REPLY_BYTES_MAX};
use crate::outcome::MaybeDelivered;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, DATE, HOST, HeaderMap, HeaderName,
    HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Client, Response, Url};
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Less would end connections that only a slow retransmission holds up.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const TCP_PATIENCE_MIN: Duration = Duration::from_secs(1);

/// What the configuration says about the way to the endpoint.
#[derive(Clone)]
pub(crate) struct HttpSettings {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) plaintext_credentials: PlaintextCredentials,
    pub(crate) connect_timeout: Duration,
    pub(crate) post_timeout: Duration,
    pub(crate) posts_in_flight_max: usize,
    pub(crate) proxy: Option<String>,
    pub(crate) root_certificates_pem: Vec<Vec<u8>>,
}

/// Whether secrets may travel over plain http to another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaintextCredentials {
    Refused,
    Allowed,
}

/// The HTTP client and what each request takes from the configuration.
pub(crate) struct Http {
    client: Client,
    url: Url,
    headers: HeaderMap,
    settings: HttpSettings,
    resolver: Resolver,
    clock: Clock,
    renew_at: Stamp,
}

impl Http {
    pub(crate) fn new(settings: HttpSettings, clock: Clock) -> Result<Http, BuildError> {
        let url = parse_endpoint(&settings.endpoint)?;
        let headers = parse_headers(&settings.headers)?;
        if settings.plaintext_credentials == PlaintextCredentials::Refused
            && url.scheme() == "http"
            && !(is_loopback(&url)
                && settings.proxy.as_deref().and_then(proxy_url).as_ref().is_none_or(is_loopback))
            && (headers.keys().any(names_a_credential)
                || !url.username().is_empty()
                || url.password().is_some())
        {
            return Err(BuildError::PlaintextCredentials);
        }
        let resolver = Resolver::default();
        let client = build_client(&settings, &url, &resolver)?;
        let renew_at = clock.now().after(CONNECTION_AGE);
        Ok(Http { client, url, headers, settings, resolver, clock, renew_at })
    }

    /// Scheme, host and port: what may be shown. Not the path, which is where webhooks and some intakes have their key.
    pub(crate) fn shown(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether it holds root certificates and the state of TLS.
    pub(crate) fn needs_roots(&self) -> bool {
        needs_roots(&self.settings, &self.url)
    }

    /// New connections from time to time, while requests on the old ones end by themselves. If it fails (no file
    /// descriptors for the certificates), the old ones serve on.
    fn renew(&mut self) {
        let now = self.clock.now();
        if now >= self.renew_at {
            self.renew_at = now.after(CONNECTION_AGE);
            if let Ok(client) = build_client(&self.settings, &self.url, &self.resolver) {
                self.client = client;
            }
        }
    }
}

impl Transport for Http {
    fn post(&mut self, request: Request) -> Posting {
        self.renew();
        let mut headers = self.headers.clone();
        let mut default = |name: HeaderName, value: &str| {
            if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        };
        default(CONTENT_TYPE, request.content_type);
        default(HeaderName::from_static("idempotency-key"), &request.idempotency_key);
        if let Some(encoding) = request.content_encoding {
            default(CONTENT_ENCODING, encoding);
        }
        let sending =
            self.client.post(self.url.clone()).headers(headers).body(Bytes::from_owner(request.body)).send();
        Box::pin(exchange(sending, request.timeout))
    }

    fn holds_secret(&self, text: &str) -> bool {
        let headers = self.headers.values().map(HeaderValue::as_bytes);
        secrets::found(text, headers.filter_map(|value| std::str::from_utf8(value).ok()))
            || secrets::found(text, secrets::of_url(&self.url).iter().map(String::as_str))
    }
}

/// Both halves within one timeout. Once the status is in, the body can no longer turn it into a failure.
async fn exchange(
    sending: impl Future<Output = Result<Response, reqwest::Error>>,
    timeout: Duration,
) -> Result<Reply, Failure> {
    let deadline = tokio::time::Instant::now() + timeout;
    let mut sending = pin!(sending);
    let sent = match tokio::time::timeout_at(deadline, &mut sending).await {
        Ok(sent) => Some(sent),
        Err(_elapsed) => last_look(sending).await,
    };
    let mut response = match sent {
        Some(Ok(response)) => response,
        Some(Err(error)) => return Err(failure_of(error)),
        None => {
            return Err(Failure {
                kind: FailureKind::Timeout,
                maybe_delivered: MaybeDelivered::Yes,
                detail: format!("no answer within {timeout:?}"),
            });
        }
    };
    let header = |name| {
        let value = response.headers().get(name);
        value.map(|value| value.as_bytes().iter().take(64).map(|&byte| char::from(byte)).collect())
    };
    let mut reply = Reply {
        status: response.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        date: header(DATE),
        content_type: header(CONTENT_TYPE),
        body: Vec::new(),
        body_end: BodyEnd::Cut,
    };
    // Read even if nobody asks for the content: a connection whose answer was not read cannot be used again.
    if let Ok(end) = tokio::time::timeout_at(deadline, read_body(&mut response, &mut reply.body)).await {
        reply.body_end = end;
    }
    Ok(reply)
}

/// What there is after all. The sender's thread may have been at a slow log until long after the deadline: the answer then
/// waits in the socket, from where the connection's own task has to fetch it first.
async fn last_look<T>(mut sending: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    // One turn of the runtime for the sockets, one for the connection's task, one to be told.
    for _ in 0..3 {
        tokio::task::yield_now().await;
        let look = poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(sent) = look.await {
            return Some(sent);
        }
    }
    None
}

async fn read_body(response: &mut Response, body: &mut Vec<u8>) -> BodyEnd {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= REPLY_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(None) => return BodyEnd::Whole,
            Ok(Some(_)) | Err(_) => return BodyEnd::Cut,
        }
    }
}

fn failure_of(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let (kind, maybe_delivered) = if error.is_connect() {
        (FailureKind::Connect, MaybeDelivered::No)
    } else if error.is_timeout() {
        (FailureKind::Timeout, MaybeDelivered::Yes)
    } else if error.is_builder() {
        (FailureKind::Broken, MaybeDelivered::No)
    } else {
        (FailureKind::Broken, MaybeDelivered::Yes)
    };
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_connect() && error.is_timeout() { "no connection in time" } else { "" };
    let detail = if what.is_empty() { cause.to_string() } else { what.to_owned() };
    Failure { kind, maybe_delivered, detail: printable(&detail, DETAIL_CHARS_MAX) }
}

/// The HTTP client's door to ours.
impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.look_up(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn build_client(settings: &HttpSettings, url: &Url, resolver: &Resolver) -> Result<Client, BuildError> {
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
        .dns_resolver(Arc::new(resolver.clone()))
        .http1_only()
        .http1_max_headers(HEADERS_MAX)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(CONNECTION_IDLE)
        .pool_max_idle_per_host(settings.posts_in_flight_max)
        .tcp_nodelay(true)
        .user_agent(concat!("overspill/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &settings.proxy {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| BuildError::invalid("proxy", "is not a URL", "use http://host:port"))?;
        builder = builder.proxy(proxy);
    }
    // A connection whose request was given up is closed behind it; over TLS only once its peer has taken what was sent. One that
    // never does would keep a body and a file descriptor each time.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    {
        builder = builder.tcp_user_timeout(settings.post_timeout.max(TCP_PATIENCE_MIN));
    }
    builder = tls(builder, settings, url)?;
    builder.build().map_err(|error| BuildError::HttpClient(cause_of(error)))
}

/// A plain http endpoint needs no roots, and a machine without any must not keep it from working.
fn needs_roots(settings: &HttpSettings, url: &Url) -> bool {
    url.scheme() == "https"
        || settings.proxy.as_deref().and_then(proxy_url).is_some_and(|proxy| proxy.scheme() == "https")
}

#[cfg(feature = "https")]
fn tls(
    builder: reqwest::ClientBuilder,
    settings: &HttpSettings,
    url: &Url,
) -> Result<reqwest::ClientBuilder, BuildError> {
    let mut certificates = Vec::new();
    for pem in &settings.root_certificates_pem {
        let bundle = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
        if bundle.is_empty() {
            return Err(BuildError::invalid("root_certificate_pem", "holds no certificate", "give PEM text"));
        }
        certificates.extend(bundle);
    }
    Ok(match (needs_roots(settings, url), certificates.is_empty()) {
        (false, _) => builder.tls_certs_only([]),
        (true, true) => builder,
        (true, false) => builder.tls_certs_merge(certificates),
    })
}

#[cfg(not(feature = "https"))]
fn tls(
    builder: reqwest::ClientBuilder,
    settings: &HttpSettings,
    _: &Url,
) -> Result<reqwest::ClientBuilder, BuildError> {
    match settings.root_certificates_pem.as_slice() {
        [] => Ok(builder),
        _ => Err(BuildError::HttpsMissing),
    }
}

fn cause_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        text = format!("{text}: {source}");
        cause = source;
    }
    printable(&text, 2 * DETAIL_CHARS_MAX)
}

fn parse_endpoint(endpoint: &str) -> Result<Url, BuildError> {
    // The text itself is not repeated in errors: it may hold a key.
    let url = Url::parse(endpoint).map_err(|error| BuildError::Endpoint(error.to_string()))?;
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "https") => {}
        "https" => return Err(BuildError::HttpsMissing),
        other => {
            return Err(BuildError::Endpoint(format!(
                "the scheme is {:?}, not http or https",
                printable(other, 20)
            )));
        }
    }
    if url.host().is_none() {
        return Err(BuildError::Endpoint("there is no host".to_owned()));
    }
    Ok(url)
}

fn parse_headers(settings: &[(String, String)]) -> Result<HeaderMap, BuildError> {
    // Framing is ours: a wrong one would make two requests of one.
    const OURS: [HeaderName; 5] = [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];
    if settings.len() > HEADERS_MAX {
        return Err(BuildError::invalid("header", "more than 100 headers", "send fewer"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in settings {
        let shown = printable(name, 40);
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| BuildError::Header(shown.clone(), "the name is not a header name"))?;
        if OURS.contains(&parsed) {
            return Err(BuildError::Header(shown, "this header is overspill's own"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| BuildError::Header(shown, "the value has characters that a header cannot have"))?;
        value.set_sensitive(parsed != CONTENT_TYPE);
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// Every header of the user's is kept out of sight; these by their name must not even travel in plain text.
fn names_a_credential(name: &HeaderName) -> bool {
    *name == COOKIE
        || ["auth", "key", "token", "secret", "password"].iter().any(|word| name.as_str().contains(word))
}

/// A proxy's URL as the HTTP client reads it: `http://` may be left out.
fn proxy_url(proxy: &str) -> Option<Url> {
    let whole = Url::parse(proxy).ok().filter(Url::has_host);
    whole.or_else(|| Url::parse(&format!("http://{proxy}")).ok())
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}
