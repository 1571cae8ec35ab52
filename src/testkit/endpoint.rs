//! A scripted HTTP/1.1 endpoint: one thread to accept, one per connection.
//!
//! The script sees each request whole and says what happens on the wire. Loopback only; at most
//! [`CONNECTIONS_MAX`] connections; a request's head and body are bounded.

mod exchange;

use super::act::{Act, Greet};
use super::lock;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const CONNECTIONS_MAX: usize = 256;

/// Timeout of a connection that only wakes the accepting thread.
const WAKE_EVERY: Duration = Duration::from_millis(100);

/// A request as received over the wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The number of the connection, starting at 1: two requests with the same number used the same connection.
    pub connection: u64,
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (header, value) = line.split_once(':')?;
            header.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

type ScriptFn = dyn Fn(&Received) -> Act + Send + Sync;
type Welcome = dyn Fn(u64) -> Greet + Send + Sync;

/// The endpoint. It takes at most 256 connections at once and closes any beyond that. Dropping it closes everything.
pub struct Endpoint {
    address: SocketAddr,
    inner: Arc<Inner>,
    /// Holds the port; `None` while connections are refused.
    accepting: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    welcome: Box<Welcome>,
    script: Box<ScriptFn>,
    door: Mutex<Door>,
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    accepted: AtomicU64,
    requests: AtomicU64,
    written: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Closed,
}

impl Endpoint {
    /// Listens on a free port of 127.0.0.1 and does what `script` says, which may differ for each request.
    ///
    /// # Errors
    /// If no port or thread is available.
    pub fn start(script: impl Fn(&Received) -> Act + Send + Sync + 'static) -> io::Result<Endpoint> {
        Endpoint::start_greeting(|_| Greet::Talk, script)
    }

    /// Like [`start`](Endpoint::start), but also decides about each connection: `welcome` gets its number, starting at 1.
    ///
    /// # Errors
    /// If no port or thread is available.
    pub fn start_greeting(
        welcome: impl Fn(u64) -> Greet + Send + Sync + 'static,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> io::Result<Endpoint> {
        Endpoint::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, welcome, script)
    }

    /// Like [`start_greeting`](Endpoint::start_greeting), on an existing listener: a healed [`Blackhole`](super::Blackhole), or an address
    /// of your choice.
    ///
    /// # Errors
    /// If no thread is available.
    pub fn start_on(
        listener: TcpListener,
        welcome: impl Fn(u64) -> Greet + Send + Sync + 'static,
        script: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> io::Result<Endpoint> {
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            welcome: Box::new(welcome),
            script: Box::new(script),
            door: Mutex::new(Door::Open),
            connections: Mutex::new(BTreeMap::new()),
            accepted: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            written: AtomicU64::new(0),
        });
        let accepting = Mutex::new(Some(inner.serve(listener)?));
        Ok(Endpoint { address, inner, accepting })
    }

    /// `http://127.0.0.1:port/v1/events`
    pub fn url(&self) -> String {
        format!("http://{}/v1/events", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.inner.accepted.load(Ordering::Acquire)
    }

    /// Complete requests received so far.
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Acquire)
    }

    /// Bytes of answers that the operating system has accepted so far.
    pub fn bytes_written(&self) -> u64 {
        self.inner.written.load(Ordering::Acquire)
    }

    /// Refuses connections from now on and closes existing ones. Returns when that is done.
    pub fn refuse(&self) {
        *lock(&self.inner.door) = Door::Closed;
        if let Some(accepting) = lock(&self.accepting).take() {
            // Wakes the accepting thread, which then sees that connections are refused and releases the port.
            while !accepting.is_finished() {
                drop(TcpStream::connect_timeout(&self.address, WAKE_EVERY));
                thread::park_timeout(Duration::from_millis(1));
            }
        }
        self.hang_up();
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// If another process has taken the port meanwhile.
    pub fn accept(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        *lock(&self.inner.door) = Door::Open;
        *lock(&self.accepting) = Some(self.inner.serve(listener)?);
        Ok(())
    }

    /// Closes every connection.
    pub fn hang_up(&self) {
        for (_, connection) in std::mem::take(&mut *lock(&self.inner.connections)) {
            // An error means that it is closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Shows its address and its counters.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, requests) = (self.connections(), self.requests());
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .field("connections", &connections)
            .field("requests", &requests)
            .finish_non_exhaustive()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.refuse();
    }
}

impl Inner {
    fn serve(self: &Arc<Inner>, listener: TcpListener) -> io::Result<JoinHandle<()>> {
        let inner = Arc::clone(self);
        thread::Builder::new().name("endpoint".to_owned()).spawn(move || {
            for connection in listener.incoming() {
                if *lock(&inner.door) == Door::Closed {
                    return;
                }
                match connection {
                    Ok(connection) => inner.take(connection),
                    // Probably out of file descriptors: they come back when other connections end.
                    Err(_) => thread::park_timeout(Duration::from_millis(10)),
                }
            }
        })
    }

    fn take(self: &Arc<Inner>, connection: TcpStream) {
        let id = self.accepted.fetch_add(1, Ordering::AcqRel) + 1;
        let Ok(handle) = connection.try_clone() else { return };
        {
            let mut connections = lock(&self.connections);
            if connections.len() >= CONNECTIONS_MAX {
                return;
            }
            connections.insert(id, handle);
        }
        let inner = Arc::clone(self);
        let talk = move || {
            // An error means that the peer has gone.
            let _ = inner.talk(id, &connection);
            // Dropping the last of the two handles ends the connection, in the way that `talk` has prepared.
            lock(&inner.connections).remove(&id);
        };
        if thread::Builder::new().name("endpoint".to_owned()).spawn(talk).is_err() {
            // No thread available: the connection is dropped, as an overloaded server would do.
            lock(&self.connections).remove(&id);
        }
    }
}
