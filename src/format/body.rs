//! The body of a request.

/// The body of a request: bytes up to a fixed maximum.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    bytes_max: usize,
    overflowed: Overflowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflowed {
    No,
    Yes,
}

impl Body {
    pub(crate) fn with_room(bytes_max: usize) -> Body {
        Body { bytes: Vec::with_capacity(bytes_max), bytes_max, overflowed: Overflowed::No }
    }

    /// A body without any room yet.
    #[cfg(all(feature = "testkit", not(overspill_model)))]
    pub(crate) fn up_to(bytes_max: usize) -> Body {
        Body { bytes: Vec::new(), bytes_max, overflowed: Overflowed::No }
    }

    /// Appends bytes. Bytes that would exceed the declared [`Overhead`](crate::format::Overhead) are not appended, and the body counts as
    /// failed.
    pub fn push(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if self.bytes.len() + bytes.len() > self.bytes_max {
            self.overflowed = Overflowed::Yes;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The whole body, unless something did not fit.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        (self.overflowed == Overflowed::No).then_some(self.bytes)
    }
}
