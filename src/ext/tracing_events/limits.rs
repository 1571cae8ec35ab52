//! What the layer keeps and writes at most, each with its argument.

/// Most bytes that the fields of one span are kept in, names and the place of each value included: forty short fields, or one long text. A
/// service has as many
/// spans at once as it has requests and tasks; at ten thousand this is 40 MiB at worst, and a few hundred bytes a span in fact.
pub const SPAN_BYTES_MAX: usize = 4 << 10;
/// Most fields that an event takes from its spans: with more, the event is about its spans.
pub const SPAN_MEMBERS_MAX: usize = 64;
/// Most spans around an event whose fields are looked for, from the innermost outwards: each costs a look-up at every event. What recurses
/// through spans can
/// nest them without end.
pub const SCOPE_SPANS_MAX: usize = 32;
/// Most causes of an error that are written: real chains have three or four, and one that leads back to itself has no end.
pub const ERROR_SOURCES_MAX: usize = 16;
