//! A handle that does not keep a pool open.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Weak},
};

use super::session_pool::SessionPool;
use crate::{
    acquire::Acquirer,
    extend::{Built, PoolHandle},
};

/// A handle that does not keep a pool open. Cheap to clone.
#[derive(Clone)]
pub struct WeakPool(Weak<Acquirer>);

impl SessionPool {
    /// A handle that does not keep the pool open.
    #[must_use]
    pub fn downgrade(&self) -> WeakPool {
        WeakPool(Arc::downgrade(&self.acquirer))
    }
}

impl WeakPool {
    /// The handle that an event carries; `None` where the event is not of a pool of this crate.
    #[must_use]
    pub fn of(event: &Built<'_>) -> Option<Self> {
        let handle: &dyn Any = event.handle();
        handle.downcast_ref::<Self>().cloned()
    }

    /// The pool, while a clone or a client of it exists.
    #[must_use]
    pub fn upgrade(&self) -> Option<SessionPool> {
        self.0.upgrade().map(SessionPool::new)
    }
}

impl PoolHandle for WeakPool {}

impl fmt::Debug for WeakPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPool").finish_non_exhaustive()
    }
}
