//! Your own envelope around a JSON array.

use crate::format::{Format, Frame, Layout, SettledBy};

/// Your own text around a JSON array of events, `application/json`.
///
/// ```
/// use overspill::format::{Body, Envelope};
///
/// const ORDERS: Envelope = Envelope::new(r#"{"source":"orders","events":["#, "]}");
/// let body = Body::of_texts(&ORDERS, &[r#"{"id":1}"#, r#"{"id":2}"#]);
/// assert_eq!(body.unwrap(), br#"{"source":"orders","events":[{"id":1},{"id":2}]}"#);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    before: &'static str,
    behind: &'static str,
}

impl Envelope {
    /// Puts these texts around the events, which are separated by commas.
    pub const fn new(before: &'static str, behind: &'static str) -> Envelope {
        Envelope { before, behind }
    }
}

impl Format for Envelope {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn layout(&self) -> Layout {
        let (before, behind) = (self.before.as_bytes(), self.behind.as_bytes());
        Layout::Framed(Frame { before, between: b",", behind })
    }

    /// The status, because a reply to this format never names single events.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }
}
