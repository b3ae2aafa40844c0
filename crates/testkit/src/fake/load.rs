//! What the fake server counts at one instant.

use std::{fmt, sync::Arc};

use mcp_pool_core::PoolKey;

/// The connects and sessions of the fake server at one instant.
///
/// A session is open until its driver is closed, or until the server ends or forgets it. A session
/// that has left the pool and is not closed yet still counts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Load {
    /// The key that has just changed: a connect or a session of it began or ended.
    pub key: PoolKey,
    /// The connects under way.
    pub connecting: usize,
    /// The open sessions.
    pub open: usize,
    /// The connects under way of `key`.
    pub connecting_of_key: usize,
    /// The open sessions of `key`.
    pub open_of_key: usize,
}

/// A function that receives the load at every change.
#[derive(Clone, Default)]
pub(super) struct Listener(Option<Arc<Function>>);

type Function = dyn Fn(&Load) + Send + Sync;

impl Listener {
    pub(super) fn new(listener: impl Fn(&Load) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Calls the function; `load` is computed only if there is one.
    pub(super) fn notify(&self, load: impl FnOnce() -> Load) {
        if let Some(listener) = &self.0 {
            listener(&load());
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}
