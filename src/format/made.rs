//! Events without a client, and the body that a request would carry, for tests of a `Format`.

use super::{Body, Events, Format, Layout, Origin, Placement};
use crate::clock::{Calendar, Stamp};
use crate::common::{Common, Names};
use crate::mark::{Mark, NameId};
use std::time::UNIX_EPOCH;

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Events<'_> {
    /// Passes these texts to `use_them` as the events of a batch: for testing [`Format::encode`].
    ///
    /// ```
    /// use overspill::format::Events;
    ///
    /// let lengths = Events::of_texts(&["1", r#"{"order":7}"#], |events| {
    ///     events.map(|event| event.json().len()).collect::<Vec<_>>()
    /// });
    /// assert_eq!(lengths, [1, 11]);
    /// ```
    pub fn of_texts<R>(texts: &[&str], use_them: impl FnOnce(Events<'_>) -> R) -> R {
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len();
            Mark::open(Stamp(0), NameId::NONE, end)
        });
        let marks: Vec<Mark> = ends.collect();
        let common =
            Common::new(Placement::default(), Vec::new(), None, "\"event.name\"", Names::for_queue(1));
        let calendar = Calendar::at(Stamp(0), UNIX_EPOCH);
        let origin = Origin { client: "0000000000000000", common: &common, calendar };
        use_them(Events::new(texts.concat().as_bytes(), (0, 0), &marks, 0, origin))
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Body {
    /// The body of a request with these events in this format, before compression: for testing your own [`Format`]. `None` if it is longer
    /// than [`Format::overhead`] allows; a client would then spill the events with [`Reason::FormatFailed`](crate::Reason::FormatFailed).
    ///
    /// ```
    /// use overspill::format::{Body, JsonArray, Ndjson};
    ///
    /// let texts = ["1", r#"{"order":7}"#];
    /// assert_eq!(Body::of_texts(&JsonArray, &texts).as_deref(), Some(&br#"[1,{"order":7}]"#[..]));
    /// assert_eq!(Body::of_texts(&Ndjson, &texts).as_deref(), Some(&b"1\n{\"order\":7}\n"[..]));
    /// ```
    pub fn of_texts(format: &(impl Format + ?Sized), texts: &[&str]) -> Option<Vec<u8>> {
        let overhead = format.overhead();
        let all: usize = texts.iter().map(|text| text.len()).sum();
        let added = overhead.per_event.saturating_mul(texts.len()).saturating_add(overhead.per_batch);
        let grown = all.saturating_mul(format.growth_max());
        let mut body = Body::up_to(grown.saturating_add(added));
        Events::of_texts(texts, |events| match format.layout() {
            Layout::Framed(frame) => frame.encode(events, &mut body),
            Layout::Encoded => format.encode(events, &mut body),
        });
        body.finish()
    }
}
