//! The endpoint for all measurements: another process on loopback, as fast as std allows.
//!
//! It answers every request with 200 and an empty object, and counts the events that it receives. A control connection tells it
//! to refuse, to hang, or to serve again.

use crate::Failure;
use crate::child::Ending;
use crate::corpus::MARK;
use crate::formats;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Where the sink listens, as `address:port`.
#[derive(Debug, Clone, Serialize, Deserialize, clap::Args)]
pub struct Addresses {
    #[arg(long)]
    pub http: String,
    #[arg(long)]
    pub udp: String,
    #[arg(long)]
    pub control: String,
}

impl Addresses {
    /// In the form that a child process takes.
    pub fn arguments(&self) -> Vec<String> {
        ["--http", &self.http, "--udp", &self.udp, "--control", &self.control].map(str::to_owned).to_vec()
    }

    /// Sends the sink a command, and returns what it has received so far.
    pub fn tell(&self, order: Order) -> Result<Seen, Failure> {
        let mut connection = TcpStream::connect(&self.control)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(&[order as u8])?;
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// What the sink has received.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Seen {
    pub requests: u64,
    pub events: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    Serve = b's',
    /// The listener and its connections are closed.
    Refuse = b'r',
    /// Connections are accepted, requests are read and never answered.
    Tarpit = b't',
    /// Only report.
    Say = b'?',
}

/// A running sink; killed when dropped.
pub struct Sink {
    pub addresses: Addresses,
    _process: Ending,
}

impl Sink {
    pub fn start() -> Result<Sink, Failure> {
        let mut process = Ending(
            Command::new(std::env::current_exe()?)
                .arg("sink")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?,
        );
        let stdout = process.0.stdout.take().ok_or("the sink has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Sink { addresses: serde_json::from_str(&line)?, _process: process })
    }
}

#[derive(Default)]
struct State {
    mode: AtomicU8,
    requests: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl State {
    fn is(&self, order: Order) -> bool {
        self.mode.load(Ordering::Relaxed) == order as u8
    }

    fn seen(&self) -> Seen {
        Seen {
            requests: self.requests.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn close_all(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Runs the sink's process until its standard input ends.
pub fn serve() -> Result<(), Failure> {
    let state = Arc::new(State { mode: AtomicU8::new(Order::Serve as u8), ..State::default() });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let control = TcpListener::bind("127.0.0.1:0")?;
    let udp = UdpSocket::bind("127.0.0.1:0")?;
    let addresses = Addresses {
        http: listener.local_addr()?.to_string(),
        udp: udp.local_addr()?.to_string(),
        control: control.local_addr()?.to_string(),
    };
    println!("{}", serde_json::to_string(&addresses)?);
    let of = Arc::clone(&state);
    thread::spawn(move || take_packets(&udp, &of));
    let of = Arc::clone(&state);
    thread::spawn(move || accept(listener, &addresses.http, &of));
    thread::spawn(move || obey(&control, &state));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

fn take_packets(socket: &UdpSocket, state: &State) {
    let mut packet = [0; 65_536];
    while let Ok(length) = socket.recv(&mut packet) {
        state.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
}

fn obey(control: &TcpListener, state: &State) {
    for mut connection in control.incoming().flatten() {
        let mut order = [0];
        if connection.read_exact(&mut order).is_err() {
            continue;
        }
        if order[0] != Order::Say as u8 {
            state.mode.store(order[0], Ordering::Relaxed);
            // Long enough for the accepting thread to see it.
            thread::sleep(Duration::from_millis(20));
            state.close_all();
        }
        let _ = writeln!(connection, "{}", serde_json::to_string(&state.seen()).unwrap_or_default());
    }
}

/// Looks for connections every half millisecond, so that it can stop listening at any time.
fn accept(listener: TcpListener, address: &str, state: &Arc<State>) {
    let mut listening = Some(listener);
    loop {
        if state.is(Order::Refuse) {
            listening = None;
        } else if listening.is_none() {
            listening = TcpListener::bind(address).ok();
        }
        if let Some(listener) = &listening {
            let _ = listener.set_nonblocking(true);
            while let Ok((stream, _)) = listener.accept() {
                let _ = (stream.set_nonblocking(false), stream.set_nodelay(true));
                if let Ok(twin) = stream.try_clone() {
                    state.open.lock().unwrap_or_else(PoisonError::into_inner).push(twin);
                }
                let state = Arc::clone(state);
                thread::spawn(move || _ = answer(stream, &state));
            }
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// Serves one connection until it ends, or until the sink must not answer.
fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let finder = memchr::memmem::Finder::new(MARK);
    let mut reader = BufReader::with_capacity(16 << 10, stream.try_clone()?);
    let (mut head, mut body) = (Vec::new(), Vec::new());
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            if reader.read_until(b'\n', &mut head)? == 0 {
                return Ok(());
            }
        }
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let header = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        body.clear();
        match header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => {
                body.resize(length, 0);
                reader.read_exact(&mut body)?;
            }
            None if header("transfer-encoding") == Some("chunked") => read_chunks(&mut reader, &mut body)?,
            None => {}
        }
        state.requests.fetch_add(1, Ordering::Relaxed);
        state.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        #[cfg(feature = "peers")]
        if header("content-encoding") == Some("snappy") {
            body = snap::raw::Decoder::new().decompress_vec(&body).unwrap_or_default();
        }
        if !state.is(Order::Serve) {
            while !state.is(Order::Serve) {
                thread::sleep(Duration::from_millis(5));
            }
            return Ok(());
        }
        let events = finder.find_iter(&body).count();
        state.events.fetch_add(events as u64, Ordering::Relaxed);
        match text.split(['/', ' ']).nth(2).and_then(formats::by_name) {
            None => stream.write_all(ANSWER)?,
            Some(format) => {
                let body = format.answer(events);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes())?;
            }
        }
    }
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let before = body.len();
        body.resize(before + length + 2, 0);
        reader.read_exact(&mut body[before..])?;
        body.truncate(before + length);
        if length == 0 {
            return Ok(());
        }
    }
}
