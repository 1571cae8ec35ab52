//! The most that the layer keeps and writes, each limit with its reason.

/// Maximum bytes for the fields of one span, including names and each value's slot: forty short fields, or one long text. A service has as
/// many spans at once as it has requests and tasks; at ten thousand this is 40 MiB at worst, and in practice a few hundred bytes per span.
pub const SPAN_BYTES_MAX: usize = 4 << 10;
/// Maximum fields that an event takes from its spans: with more, the event is about its spans.
pub const SPAN_MEMBERS_MAX: usize = 64;
/// Maximum spans around an event whose fields are read, from the innermost outwards: each costs a lookup for every event. Recursion can
/// nest spans without end.
pub const SCOPE_SPANS_MAX: usize = 32;
/// Maximum causes of an error that are written: real chains have three or four, and a chain that leads back to itself has no end.
pub const ERROR_SOURCES_MAX: usize = 16;
