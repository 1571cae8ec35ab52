//! One connection: requests in, acts out, byte for byte.

use super::{Inner, Received};
use crate::testkit::act::{Act, Cut, ENDLESS_BYTES_MAX, Greet};
use crate::testkit::lock;
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const HEAD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 64 << 20;

/// How often a connection that must not be read checks whether it was hung up.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Inner {
    pub(super) fn talk(&self, id: u64, mut connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        match (self.welcome)(id) {
            Greet::Talk => {}
            Greet::Deaf => {
                while lock(&self.connections).contains_key(&id) {
                    thread::sleep(LOOK_EVERY);
                }
                return Ok(());
            }
            Greet::CutAfter(bytes, how) => {
                io::copy(&mut connection.take(bytes as u64), &mut io::sink())?;
                return cut(connection, how);
            }
        }
        let mut room = vec![0; HEAD_BYTES_MAX];
        loop {
            let head = read_head(connection, &mut room)?;
            let mut request = Received { connection: id, head, body: Vec::new() };
            let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            read_body(connection, length, &mut request.body)?;
            self.requests.fetch_add(1, Ordering::AcqRel);
            let mut answer = CountingWriter { connection, written: &self.written };
            match (self.script)(&request) {
                Act::Status(status) => {
                    let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: 0\r\n\r\n");
                    answer.write_all(head.as_bytes())?;
                }
                Act::Bytes(bytes) => answer.write_all(&bytes)?,
                Act::BytesThenClose(bytes) => {
                    answer.write_all(&bytes)?;
                    return cut(connection, Cut::Fin);
                }
                Act::BytesThenHalfClose(bytes) => {
                    answer.write_all(&bytes)?;
                    return cut(connection, Cut::HalfClose);
                }
                Act::BytesThenReset(bytes) => {
                    answer.write_all(&bytes)?;
                    return cut(connection, Cut::Rst);
                }
                Act::Endless { head, chunk } => {
                    answer.write_all(&head)?;
                    for _ in 0..ENDLESS_BYTES_MAX / chunk.len().max(1) {
                        answer.write_all(&chunk)?;
                    }
                    return cut(connection, Cut::Fin);
                }
                Act::Drip(bytes, every) => {
                    for byte in bytes {
                        answer.write_all(&[byte])?;
                        thread::sleep(every);
                    }
                }
                Act::Close => return cut(connection, Cut::Fin),
                Act::Reset => return cut(connection, Cut::Rst),
                Act::Hang => {
                    while connection.read(&mut room)? > 0 {}
                    return Ok(());
                }
            }
        }
    }
}

/// Ends the connection; an RST is sent when the last handle is dropped.
fn cut(mut connection: &TcpStream, how: Cut) -> io::Result<()> {
    match how {
        Cut::Fin => connection.shutdown(Shutdown::Both),
        Cut::HalfClose => {
            connection.shutdown(Shutdown::Write)?;
            io::copy(&mut connection, &mut io::sink()).map(drop)
        }
        Cut::Rst => SockRef::from(connection).set_linger(Some(Duration::ZERO)),
    }
}

/// Counts the bytes that the operating system has accepted.
struct CountingWriter<'a> {
    connection: &'a TcpStream,
    written: &'a AtomicU64,
}

impl Write for CountingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.connection.write(bytes)?;
        self.written.fetch_add(written as u64, Ordering::AcqRel);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Peeks until the head is complete, then takes the head and nothing after it.
fn read_head(mut connection: &TcpStream, room: &mut [u8]) -> io::Result<String> {
    loop {
        let seen = connection.peek(room)?;
        if let Some(end) = room[..seen].windows(4).position(|window| window == b"\r\n\r\n") {
            connection.read_exact(&mut room[..end + 4])?;
            return Ok(String::from_utf8_lossy(&room[..end + 4]).into_owned());
        }
        if seen == 0 || seen == room.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Rare: a head that arrived in two pieces.
        thread::park_timeout(Duration::from_millis(1));
    }
}

fn read_body(mut connection: &TcpStream, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    if length > BODY_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    body.resize(length, 0);
    connection.read_exact(body)
}
