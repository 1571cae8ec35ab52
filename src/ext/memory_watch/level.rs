//! An amount of memory, as the user states it.

use super::error::StartError;
use super::settings::invalid;

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Level {
    /// This many bytes.
    Bytes(u64),
    /// A share, above 0 and at most 1, of what the process may use: the smallest limit of its cgroup
    /// and the cgroup's ancestors (version 1 or 2; in version 2 `memory.high` counts like
    /// `memory.max`), or the machine's memory if that is less. Computed once, when the watch is built.
    ShareOfLimit(f64),
}

impl Level {
    /// In bytes, if the limit is `limit`.
    pub(super) fn bytes(self, name: &'static str, limit: Option<u64>) -> Result<u64, StartError> {
        match (self, limit) {
            (Level::Bytes(bytes), _) => Ok(bytes),
            (Level::ShareOfLimit(share), _) if !(share > 0.0 && share <= 1.0) => Err(invalid(
                name,
                format!("is {share} of the limit"),
                "choose a share above 0 and at most 1, as 0.7",
            )),
            (Level::ShareOfLimit(share), Some(limit)) => Ok((limit as f64 * share) as u64),
            (Level::ShareOfLimit(_), None) => Err(invalid(
                name,
                "is a share of the memory limit, and neither a cgroup nor the machine says one",
                "give it in bytes",
            )),
        }
    }
}
