//! How much of an answer a post waits for: the transport has to know, and each format says it.

/// Which part of a 2xx reply settles its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettledBy {
    /// The status: all were taken. Whatever the body does (it is shorter than announced, drips, never ends) delays nothing.
    Status,
    /// The body, which may refuse some of them.
    Body,
}
