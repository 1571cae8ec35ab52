//! The watch on systems without `/proc`: everything compiles, and `build` says that it needs Linux.

use super::error::{SnapshotError, StartError};
use super::ladder::Cause;
use super::name::Kind;
use super::plan::Bounds;
use super::settings::Builder;
use super::stats::MemoryStats;
use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::time::Instant;

/// Never returned: the watch needs Linux.
#[derive(Debug)]
pub struct Watch(Infallible);

/// Never returned: the watch needs Linux.
#[derive(Debug)]
pub struct MemoryWatch(Infallible);

/// The result of a look.
#[derive(Debug)]
#[non_exhaustive]
pub enum Looked<'a> {
    /// A snapshot was written.
    Taken(Snapshot<'a>),
    /// A snapshot was due and could not be written.
    Refused(SnapshotError),
}

/// A snapshot that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot<'a> {
    /// What it holds.
    pub kind: Kind,
    /// Why it was taken.
    pub cause: Cause,
    file: PhantomData<&'a str>,
}

impl Builder {
    /// Checks the settings.
    ///
    /// # Errors
    /// Always: the watch needs Linux.
    pub fn build(self) -> Result<Watch, StartError> {
        self.check()?;
        self.plan(Bounds::default())?;
        Err(StartError::Unreadable(io::Error::new(io::ErrorKind::Unsupported, "this is not Linux")))
    }
}

impl Watch {
    /// Cannot be called.
    pub fn ask_for_snapshot(&mut self) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn stats(&self) -> MemoryStats {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn look(&mut self, _: Instant) -> Looked<'_> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None: it cannot be called.
    pub fn start(self) -> Result<MemoryWatch, StartError> {
        match self.0 {}
    }
}

impl MemoryWatch {
    /// Cannot be called.
    pub fn ask_for_snapshot(&self) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn stats(&self) -> MemoryStats {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn stop(self) {
        match self.0 {}
    }
}
