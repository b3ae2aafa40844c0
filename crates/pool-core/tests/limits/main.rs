//! The state machine of a shared limit and of its quotas, one step after the other: its order, counts and
//! flags, exactly.
//!
//! The source is the crate's own, as in the model, which tries every order of a few threads.

mod claims;
mod doubles;
mod hopeless;
mod order;
mod places;
mod quotas;
mod reading;

#[path = "../../src/limits/deadlines.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod deadlines;

#[path = "../../src/limits/line/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod line;

#[path = "../../src/limits/shared/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the tests use a part of it"
)]
mod shared;

#[path = "../../src/types/limits/quota_kind.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod quota_kind;

mod types {
    pub(crate) use crate::quota_kind::QuotaKind;
}

/// What the limits are built upon.
mod sync {
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    };

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("not poisoned")
    }
}
