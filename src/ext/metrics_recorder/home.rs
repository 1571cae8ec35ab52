//! The process that the recorder lives in. A fork copies locks as they are but no other
//! threads: a lock that another thread held at that moment is held in the child forever.
//!
//! HM1: in a child no thread waits for a lock. Only a thread that finds a
//! lock taken asks which process this is, so it costs nothing otherwise.

use super::limits::TRIES_MAX;
use std::hint::spin_loop;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HomeProcess(u32);

impl HomeProcess {
    pub(super) fn here() -> HomeProcess {
        HomeProcess(std::process::id())
    }

    /// Whether this is that process rather than a child of it.
    pub(super) fn is_here(self) -> bool {
        self == HomeProcess::here()
    }

    pub(super) fn lock<T>(self, lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        self.take(|| lock.try_lock(), || lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn read<T>(self, lock: &RwLock<T>) -> Option<RwLockReadGuard<'_, T>> {
        self.take(|| lock.try_read(), || lock.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write<T>(self, lock: &RwLock<T>) -> Option<RwLockWriteGuard<'_, T>> {
        self.take(|| lock.try_write(), || lock.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Only plain values change under a lock, so a panic leaves them valid.
    #[inline]
    fn take<G>(
        self,
        attempt: impl Fn() -> Result<G, TryLockError<G>>,
        wait: impl FnOnce() -> G,
    ) -> Option<G> {
        match attempt() {
            Ok(taken) => Some(taken),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => self.contend(attempt, wait),
        }
    }

    #[cold]
    fn contend<G>(
        self,
        attempt: impl Fn() -> Result<G, TryLockError<G>>,
        wait: impl FnOnce() -> G,
    ) -> Option<G> {
        for _ in 0..TRIES_MAX {
            match attempt() {
                Ok(taken) => return Some(taken),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) => spin_loop(),
            }
        }
        self.is_here().then(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_never_released_blocks_nobody_in_a_child() {
        let (mutex, lock) = (Mutex::new(1), RwLock::new(2));
        let elsewhere = HomeProcess(HomeProcess::here().0.wrapping_add(1));
        let (_held, _written) = (mutex.lock().unwrap(), lock.write().unwrap());
        assert!(elsewhere.lock(&mutex).is_none());
        assert!(elsewhere.read(&lock).is_none());
        assert!(elsewhere.write(&lock).is_none());
    }

    #[test]
    fn in_the_home_process_a_lock_is_waited_for() {
        let (mutex, home) = (Mutex::new(0), HomeProcess::here());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *home.lock(&mutex).unwrap() += 1));
            }
        });
        assert_eq!(*home.lock(&mutex).unwrap(), 40_000);
    }
}
