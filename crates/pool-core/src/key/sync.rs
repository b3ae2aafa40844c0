//! What the state machine is built upon. A model checker replaces this module.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_utils::atomic::AtomicCell;
// It waits in longer and longer pauses before it sleeps. The lock of the standard library reads the memory that the
// owner of the lock writes to a hundred times, which slows the owner down.
pub(crate) use parking_lot::{Mutex, MutexGuard};

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

/// Locks. A panic under the lock does not poison it: no method of the state machine leaves the state half-changed
/// where it could panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// The value of a lock that no one else has.
#[inline]
pub(crate) fn exclusive<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut()
}

pub(crate) use crate::upstream::{Sessions, Tally, TallyReading};
