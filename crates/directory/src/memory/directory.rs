//! The directory inside a process.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, Holding, Removal, Removed,
    ReplicaId, SealedSession, SessionDirectory,
};
use tokio::sync::Notify;

use super::store::Store;

/// A directory inside one process, for several pools of it. Cheap to clone; all clones are one store.
#[derive(Clone, Default)]
pub struct InMemoryDirectory {
    store: Arc<Mutex<Store>>,
    /// Notified of each revocation.
    revoked: Arc<Notify>,
}

impl InMemoryDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses everything, as a store does that is flushed or replaced by an empty one.
    pub fn flush(&self) {
        *self.lock() = Store::default();
    }

    /// How many sessions are recorded, reservations included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.lock().sessions()
    }

    /// Every session that is recorded, with its key.
    #[must_use]
    pub fn sealed(&self) -> Vec<(FleetKey, SealedSession)> {
        self.lock().sealed()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionDirectory for InMemoryDirectory {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        Ok(self.lock().claim(request))
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.lock().record(holding, sealed, ttl)
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let mut store = self.lock();
        store.record(holding, sealed, ttl)?;
        store.hand_over(holding)
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        self.lock().remove(holding, removal)
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        Ok(self.lock().beat(replica, lease, seen))
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        self.lock().revoke(*mark);
        self.revoked.notify_waiters();
        Ok(())
    }

    async fn news(&self) {
        self.revoked.notified().await;
    }

    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        Ok(self.lock().hint(upstream))
    }

    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.lock().leave_hint(*upstream, hint.clone(), ttl);
        Ok(())
    }
}

impl fmt::Debug for InMemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryDirectory")
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}
