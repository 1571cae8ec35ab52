//! How much of its byte budget a client may use: lowered while memory is short, by whoever knows that it is.

use std::fmt;

/// A share of `queue_bytes_max`, for [`Client::set_budget`](crate::Client::set_budget).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Budget {
    /// All of it.
    #[default]
    Whole,
    /// Half of it.
    Half,
    /// A quarter.
    Quarter,
    /// An eighth.
    Eighth,
}

impl Budget {
    /// The one name of this share in notices: `whole`, `half`, `quarter`, `eighth`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Budget::Whole => "whole",
            Budget::Half => "half",
            Budget::Quarter => "quarter",
            Budget::Eighth => "eighth",
        }
    }

    pub(crate) const ALL: [Budget; 4] = [Budget::Whole, Budget::Half, Budget::Quarter, Budget::Eighth];

    /// This share of so many bytes.
    pub(crate) fn of(self, bytes: u64) -> u64 {
        bytes >> self as u32
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
