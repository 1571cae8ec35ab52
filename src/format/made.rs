//! What a test of a `Format` needs: events that no client has emitted, and the body that a request would carry.

use super::{Body, Events, Format, Layout};
use crate::sender::batch::Mark;

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Events<'_> {
    /// Gives `use_them` these texts as a batch's events: for tests of [`Format::encode`].
    ///
    /// ```
    /// use overspill::format::Events;
    ///
    /// let lengths = Events::of_texts(&["1", r#"{"order":7}"#], |events| {
    ///     events.map(<[u8]>::len).collect::<Vec<_>>()
    /// });
    /// assert_eq!(lengths, [1, 11]);
    /// ```
    pub fn of_texts<R>(texts: &[&str], use_them: impl FnOnce(Events<'_>) -> R) -> R {
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len();
            Mark::ending_at(end)
        });
        let marks: Vec<Mark> = ends.collect();
        use_them(Events::new(texts.concat().as_bytes(), 0, 0, &marks))
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Body {
    /// What a request with these events carries in this format, before any compression: for tests of a [`Format`] of yours. `None` if
    /// it is longer than [`Format::overhead`] allows; a client would spill the events with
    /// [`Reason::FormatFailed`](crate::Reason::FormatFailed).
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
        let mut body = Body { bytes_max: all.saturating_add(added), ..Body::with_room(0) };
        Events::of_texts(texts, |events| match format.layout() {
            Layout::Framed(frame) => frame.encode(events, &mut body),
            Layout::Encoded => format.encode(events, &mut body),
        });
        body.finish()
    }
}
