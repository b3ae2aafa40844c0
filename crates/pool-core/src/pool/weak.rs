//! A handle that does not keep a pool open.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{SessionPool, Shared};

/// A handle that does not keep a pool open. Cheap to clone.
#[derive(Clone)]
pub struct WeakPool(Weak<Shared>);

impl SessionPool {
    /// A handle that does not keep the pool open.
    #[must_use]
    pub fn downgrade(&self) -> WeakPool {
        WeakPool(Arc::downgrade(&self.shared))
    }
}

impl WeakPool {
    /// The pool, while anybody else still has it.
    #[must_use]
    pub fn upgrade(&self) -> Option<SessionPool> {
        let shared = self.0.upgrade()?;
        Some(SessionPool { shared })
    }
}

impl fmt::Debug for WeakPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPool").finish_non_exhaustive()
    }
}
