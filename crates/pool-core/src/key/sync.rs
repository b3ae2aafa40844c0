//! What the state machine is built upon. A model checker replaces this module.

use std::sync::PoisonError;
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crossbeam_utils::atomic::AtomicCell;

pub(crate) use crate::limits::{Deadlines, Line, Pace, Place};

/// A value that is exchanged by one atomic operation, which acquires and releases.
pub(crate) struct Swap<T>(AtomicCell<Option<T>>);

impl<T> Default for Swap<T> {
    fn default() -> Self {
        Self(AtomicCell::new(None))
    }
}

impl<T> Swap<T> {
    /// Exchanges the value for another one.
    #[inline(always)]
    pub(crate) fn exchange(&self, value: Option<T>) -> Option<T> {
        self.0.swap(value)
    }
}

/// Locks; a poisoned lock is as good as any other, since no method of the state machine leaves the
/// state half-changed where it could panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) use crate::upstream::{Sessions, Tally, TallyReading};
