//! The proxy: an endpoint of the test kit in front of the real one, or of nothing, in which case it answers 200.
//!
//! In: requests. Out: what the real endpoint answers, or a fault. PX1: the proxy
//! remembers which events were in a request that was answered with a 2xx.

use super::fault::{Fault, LATE};
use crate::exit::CommandFailure;
use overspill::testkit::{Act, Endpoint, Greet, Received};
use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The text before the number of each of our events, in any format: text, JSON or protobuf.
pub(crate) const MARK: &str = "overspill-drill-";
/// Number of digits after it.
pub(crate) const DIGITS: usize = 9;

/// Maximum bytes of an answer that are passed on: more than any client of events should read.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Timeout of a request to the real endpoint: longer than clients wait.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// The numbers of our events in a text.
pub(crate) fn ids_in(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mark = MARK.as_bytes();
    bytes
        .windows(mark.len() + DIGITS)
        .filter(move |window| window.starts_with(mark))
        .filter_map(move |window| std::str::from_utf8(&window[mark.len()..]).ok()?.parse().ok())
}

pub(crate) struct Proxy {
    front: Endpoint,
    state: Arc<ProxyState>,
}

struct ProxyState {
    now: Mutex<ProxyNow>,
    behind: Option<Behind>,
}

/// What the proxy does, and what it has seen.
#[derive(Default)]
struct ProxyNow {
    fault: Option<Fault>,
    seen: ProxyCounts,
    delivered: BTreeSet<u64>,
}

/// What came through since the last call.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ProxyCounts {
    pub(crate) requests: u64,
    /// Answered with a 2xx by the endpoint.
    pub(crate) passed: u64,
    pub(crate) first_passed: Option<Instant>,
    /// The endpoint itself could not be reached, or did not answer with a 2xx.
    pub(crate) failed_behind: u64,
}

impl ProxyState {
    fn now(&self) -> MutexGuard<'_, ProxyNow> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(&self, request: &Received) -> Act {
        let fault = {
            let mut now = self.now();
            now.seen.requests += 1;
            now.fault
        };
        match fault {
            None | Some(Fault::Refuse) => self.pass(request),
            Some(Fault::Slow) => {
                std::thread::sleep(LATE);
                self.pass(request)
            }
            Some(Fault::Hang) => Act::Hang,
            Some(Fault::Reset) => Act::Reset,
            Some(Fault::Unavailable) => Act::Status(503),
            Some(Fault::TooLarge) => Act::Status(413),
            Some(Fault::Html) => {
                Act::Bytes(answer(200, &[("content-type", "text/html")], b"<!doctype html><p>Please log in"))
            }
        }
    }

    fn pass(&self, request: &Received) -> Act {
        let (act, passed) = match &self.behind {
            None => (Act::Status(200), true),
            Some(behind) => match behind.forward(request) {
                Ok((status, bytes)) => (Act::Bytes(bytes), (200..300).contains(&status)),
                Err(_) => (Act::Status(502), false),
            },
        };
        let mut now = self.now();
        if passed {
            now.seen.passed += 1;
            now.seen.first_passed.get_or_insert_with(Instant::now);
            now.delivered.extend(ids_in(&request.body));
        } else {
            now.seen.failed_behind += 1;
        }
        act
    }
}

impl Proxy {
    pub(crate) fn start(listen: Option<SocketAddr>, to: Option<&str>) -> Result<Proxy, CommandFailure> {
        let behind = to.map(Behind::new).transpose()?;
        let state = Arc::new(ProxyState { now: Mutex::default(), behind });
        let (script, address) =
            (Arc::clone(&state), listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))));
        let said = |error: io::Error| {
            CommandFailure::usage(format!("the proxy cannot listen at {address}: {error}"))
        };
        let listener = TcpListener::bind(address).map_err(said)?;
        let act = move |request: &Received| script.act(request);
        let front = Endpoint::start_on(listener, |_| Greet::Talk, act).map_err(said)?;
        Ok(Proxy { front, state })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// Switches to this fault, or with `None` back to none.
    pub(crate) fn turn(&self, fault: Option<Fault>) -> Result<(), CommandFailure> {
        let before = std::mem::replace(&mut self.state.now().fault, fault);
        if before == Some(Fault::Refuse) && fault != Some(Fault::Refuse) {
            self.front
                .accept()
                .map_err(|error| CommandFailure::broken(format!("the proxy cannot listen again: {error}")))?;
        }
        match (before, fault) {
            (_, Some(Fault::Refuse)) => self.front.refuse(),
            // Clients still waiting for an answer learn that none will come.
            (Some(Fault::Hang), _) => self.front.hang_up(),
            _ => {}
        }
        Ok(())
    }

    /// What came through since the last call.
    pub(crate) fn take_seen(&self) -> ProxyCounts {
        std::mem::take(&mut self.state.now().seen)
    }

    /// The numbers of our events that the endpoint has taken.
    pub(crate) fn delivered(&self) -> BTreeSet<u64> {
        self.state.now().delivered.clone()
    }
}

/// The real endpoint.
struct Behind {
    client: reqwest::Client,
    origin: String,
    runtime: tokio::runtime::Runtime,
}

impl Behind {
    fn new(to: &str) -> Result<Behind, CommandFailure> {
        let url = reqwest::Url::parse(to)
            .map_err(|error| CommandFailure::usage(format!("the endpoint is not a usable URL ({error})")))?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(FORWARD_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| CommandFailure::usage(format!("the HTTP client could not be made ({error})")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CommandFailure::broken(format!("no runtime: {error}")))?;
        Ok(Behind { client, origin: url.origin().ascii_serialization(), runtime })
    }

    /// Passes the request on unchanged, without the headers that belong to its connection.
    fn forward(&self, request: &Received) -> Result<(u16, Vec<u8>), reqwest::Error> {
        const OF_THE_CONNECTION: [&str; 5] =
            ["host", "connection", "content-length", "transfer-encoding", "expect"];
        let mut words = request.head.split_whitespace();
        let (method, path) = (words.next().unwrap_or("POST"), words.next().unwrap_or("/"));
        let method = method.parse().unwrap_or(reqwest::Method::POST);
        let mut forwarded =
            self.client.request(method, format!("{}{path}", self.origin)).body(request.body.clone());
        for (name, value) in request.head.lines().skip(1).filter_map(|line| line.split_once(':')) {
            if !OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                forwarded = forwarded.header(name, value.trim());
            }
        }
        // Each of our connections has its own thread, which may wait.
        self.runtime.block_on(async {
            let mut reply = forwarded.send().await?;
            let status = reply.status().as_u16();
            let mut headers = Vec::new();
            for name in ["content-type", "retry-after"] {
                if let Some(value) = reply.headers().get(name).and_then(|value| value.to_str().ok()) {
                    headers.push((name, value.to_owned()));
                }
            }
            let mut body = Vec::new();
            while let Some(chunk) = reply.chunk().await? {
                body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]);
            }
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Ok((status, answer(status, &headers, &body)))
        })
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Passed\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
