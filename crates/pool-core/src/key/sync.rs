//! What the state machine is built upon. A model checker replaces this module.

use std::sync::PoisonError;
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(crate) use crate::limits::{Deadlines, Line, Pace, Place};

/// Locks; a poisoned lock is as good as any other, since no method of the state machine leaves the
/// state half-changed where it could panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) use crate::upstream::{Sessions, Tally, TallyReading};
