//! The limit on what the layer keeps of a request, with its reason.

/// Maximum route length in bytes; a longer route is cut. Routes are patterns in your program, such as `/orders/{id}`. A longer one is a
/// path that a stranger wrote, and such a path must not fill the queue.
pub const ROUTE_BYTES_MAX: usize = 256;
