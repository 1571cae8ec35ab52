//! How much of an answer a post waits for: each format decides, and the transport must know.

/// Which part of a 2xx reply settles its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettledBy {
    /// The status: all were taken. Whatever the body does (it is shorter than announced, drips, never ends), it causes no failure, and no
    /// delay beyond some milliseconds.
    Status,
    /// The body, which may refuse some of them.
    Body,
}
