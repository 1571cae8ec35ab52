//! Bodies that consist of the events' texts with a few constant bytes around them.

use super::{Body, Events, Overhead};

/// How a format lays out a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// As [`encode`](super::Format::encode) writes it, anew for each request.
    #[default]
    Encoded,
    /// The unchanged texts, in a frame. A batch is laid out this way while it fills and is then its own body: nothing is copied for a
    /// request, and `encode` is not called.
    Framed(Frame),
}

impl Layout {
    /// The bytes around the texts of a batch while it fills.
    pub(crate) fn frame(self) -> Frame {
        match self {
            Layout::Encoded => Frame { before: b"", between: b"", behind: b"" },
            Layout::Framed(frame) => frame,
        }
    }
}

/// The bytes around the events' texts. It will never have more than these three fields, so a literal stays valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Before the first event.
    pub before: &'static [u8],
    /// Between two events.
    pub between: &'static [u8],
    /// After the last event.
    pub behind: &'static [u8],
}

impl Frame {
    /// `[event,event]`
    pub(crate) const ARRAY: Frame = Frame { before: b"[", between: b",", behind: b"]" };
    /// An event per line.
    pub(crate) const LINES: Frame = Frame { before: b"", between: b"\n", behind: b"\n" };

    /// Implements a format's `encode` for a layout that is this frame.
    pub fn encode(&self, events: Events<'_>, body: &mut Body) {
        for (nth, event) in events.enumerate() {
            body.push(if nth == 0 { self.before } else { self.between });
            body.push(event.json());
        }
        body.push(self.behind);
    }

    /// Implements a format's `overhead` for a layout that is this frame.
    pub const fn overhead(&self) -> Overhead {
        let (ends, between) = (self.before.len() + self.behind.len(), self.between.len());
        // There is one gap fewer than there are events.
        Overhead { per_batch: ends.saturating_sub(between), per_event: between }
    }
}
