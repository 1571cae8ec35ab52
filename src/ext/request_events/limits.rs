//! What the layer keeps of a request, with its argument.

/// Longest route in bytes; what is longer is cut. Routes are patterns of the program's, such as `/orders/{id}`: one that is longer than
/// this is a path that a stranger has written, and such a path must not fill the queue.
pub const ROUTE_BYTES_MAX: usize = 256;
