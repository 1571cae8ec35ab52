//! An address where connections vanish: no answer, no refusal.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// How many connections may be needed to fill the shortest backlog; Linux takes one more than asked.
const FILL_MAX: usize = 64;

/// Longer than a connection on loopback ever takes; one that takes longer was not accepted.
const FULL_AFTER: Duration = Duration::from_millis(200);

/// The usual backlog length.
const BACKLOG_HEALED: i32 = 128;

/// A listener on loopback whose backlog is full, so that the SYN of a new connection is dropped, as by a silent firewall. Linux only: other
/// systems refuse the connection.
#[derive(Debug)]
pub struct Blackhole {
    address: SocketAddr,
    listener: Socket,
    backlog: Vec<TcpStream>,
}

impl Blackhole {
    /// Opens one on a free port.
    ///
    /// # Errors
    /// If no port is available, or the backlog does not fill.
    ///
    /// # Blocking
    /// 200 ms, to check that it is full.
    pub fn open() -> io::Result<Blackhole> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("an IPv4 listener has an IPv4 address"))?;
        let mut backlog = Vec::new();
        while backlog.len() < FILL_MAX {
            match TcpStream::connect_timeout(&address, FULL_AFTER) {
                Ok(connection) => backlog.push(connection),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Blackhole { address, listener, backlog });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the backlog does not fill: this system does not drop connections"))
    }

    /// `http://127.0.0.1:port/v1/events`
    pub fn url(&self) -> String {
        format!("http://{}/v1/events", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the same address accept connections again, through the returned listener ([`Endpoint::start_on`](super::Endpoint::start_on)).
    ///
    /// # Errors
    /// If the operating system refuses a longer backlog.
    pub fn heal(self) -> io::Result<TcpListener> {
        // The connections that filled the backlog come first: an accept finds them closed.
        drop(self.backlog);
        self.listener.listen(BACKLOG_HEALED)?;
        Ok(self.listener.into())
    }
}
