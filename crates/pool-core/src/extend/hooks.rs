//! The seam for work around a session's life.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    error::ConnectError,
    extend::session::{Session, SessionInfo},
    types::PoolKey,
};

/// Runs a user's code at three points of a session's life. Every method does nothing by default.
///
/// An [`Observer`](crate::extend::Observer) only watches; a hook takes part: it may refuse a session.
#[async_trait]
#[expect(unused_variables, reason = "the defaults do nothing")]
pub trait Hooks: Send + Sync {
    /// Runs once after a session is opened and before any caller gets it, on the pool's own task and
    /// within the time limit of the connect. It may attach values with
    /// [`SessionInfo::metadata`](crate::extend::SessionInfo::metadata).
    ///
    /// # Errors
    /// [`ConnectError`] when the session is of no use: the pool closes it and the connect fails.
    ///
    /// # Cancel safety
    /// The pool drops the future when the time limit passes, and closes the session.
    async fn after_connect(&self, key: &PoolKey, session: &Session) -> Result<(), ConnectError> {
        Ok(())
    }

    /// Runs once before a lease on a session that the pool kept, after the health check of the session
    /// if one is due, inline on the path of the acquire: it must be quick and must not block. `false` closes the session instead, and the acquire takes another
    /// one. The caller that a new session was opened for gets it without this method: refuse a new
    /// session in [`after_connect`](Self::after_connect).
    fn before_acquire(&self, key: &PoolKey, session: &SessionInfo) -> bool {
        true
    }

    /// Runs after each lease, inline in `Drop`: it must be quick and must not block. `false` closes
    /// the session instead of keeping it.
    fn after_release(&self, key: &PoolKey, session: &SessionInfo) -> bool {
        true
    }
}

#[async_trait]
impl<T: Hooks + ?Sized> Hooks for Arc<T> {
    async fn after_connect(&self, key: &PoolKey, session: &Session) -> Result<(), ConnectError> {
        (**self).after_connect(key, session).await
    }

    fn before_acquire(&self, key: &PoolKey, session: &SessionInfo) -> bool {
        (**self).before_acquire(key, session)
    }

    fn after_release(&self, key: &PoolKey, session: &SessionInfo) -> bool {
        (**self).after_release(key, session)
    }
}
