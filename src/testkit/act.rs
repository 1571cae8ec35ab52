//! What an endpoint may do with a connection and with a request.

use std::time::Duration;

/// What the endpoint does with a connection before it has seen a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Greet {
    /// Reads requests and acts on them as the script says.
    Talk,
    /// Accepts and never reads a byte.
    Deaf,
    /// Reads this many bytes, of head and body, then ends the connection.
    CutAfter(usize, Cut),
}

/// How a connection ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// FIN: the orderly end.
    Fin,
    /// FIN from our side only: we send nothing more, but keep reading until the peer ends it.
    HalfClose,
    /// RST: data in transit is gone.
    Rst,
}

/// What the endpoint does with a request that it has read completely.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Answers with this status and an empty body; the connection stays open.
    Status(u16),
    /// Answers with exactly these bytes; the connection stays open.
    Bytes(Vec<u8>),
    /// Answers with exactly these bytes, then FIN.
    BytesThenClose(Vec<u8>),
    /// Answers with exactly these bytes, then FIN from our side only.
    BytesThenHalfClose(Vec<u8>),
    /// Answers with exactly these bytes, then RST.
    BytesThenReset(Vec<u8>),
    /// Answers endlessly, until the client goes away or [`ENDLESS_BYTES_MAX`] are written.
    Endless {
        /// First this,
        head: Vec<u8>,
        /// then this, over and over.
        chunk: Vec<u8>,
    },
    /// Answers with these bytes, one at a time with this pause in between; the connection stays open.
    Drip(Vec<u8>, Duration),
    /// No answer; the connection stays open until the endpoint is dropped or hangs up.
    Hang,
    /// No answer, FIN.
    Close,
    /// No answer, RST.
    Reset,
}

/// Where an endless answer ends: far more than any client should read.
pub const ENDLESS_BYTES_MAX: usize = 256 << 20;

impl Act {
    /// Whether this answer begins with a 2xx status, which means that the endpoint has taken what the request carried. Does not look
    /// behind an informational answer (1xx): if the script sends one first, call [`Taken::keep`](super::Taken::keep) in the script.
    pub fn takes(&self) -> bool {
        match self {
            Act::Status(status) => (200..300).contains(status),
            Act::Bytes(bytes)
            | Act::BytesThenClose(bytes)
            | Act::BytesThenHalfClose(bytes)
            | Act::BytesThenReset(bytes)
            | Act::Endless { head: bytes, .. }
            | Act::Drip(bytes, _) => bytes.starts_with(b"HTTP/1.1 2") || bytes.starts_with(b"HTTP/1.0 2"),
            Act::Hang | Act::Close | Act::Reset => false,
        }
    }
}
