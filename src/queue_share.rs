//! How much of `queue_bytes_max` a client may use. A caller lowers it while memory is short.

use crate::names::names;

/// A share of `queue_bytes_max`, for [`Client::set_queue_share`](crate::Client::set_queue_share).
///
/// ```
/// use overspill::QueueShare;
///
/// # let events = overspill::Client::builder("http://127.0.0.1:9/").build().unwrap();
/// events.set_queue_share(QueueShare::Quarter); // memory is short
/// assert_eq!(events.queue_share().to_string(), "quarter");
/// # events.shutdown_blocking(std::time::Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QueueShare {
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

names!(QueueShare, "a share", { Whole = "whole", Half = "half", Quarter = "quarter", Eighth = "eighth", });

impl QueueShare {
    /// This share of that many bytes.
    pub(crate) fn of(self, bytes: u64) -> u64 {
        bytes >> self as u32
    }
}
