//! A directory of one record.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mcp_session_pool::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, Fence, FleetMark, Holding, Removal, Removed,
    ReplicaId, SealedSession, SessionDirectory,
};

/// A directory of one record, which every claim gets. Without a record it takes one.
#[derive(Clone, Default)]
pub(super) struct OneRecord(Arc<Mutex<Option<(Holding, SealedSession)>>>);

impl OneRecord {
    /// A directory with this record.
    pub(super) fn of(holding: Holding, sealed: SealedSession) -> Self {
        Self(Arc::new(Mutex::new(Some((holding, sealed)))))
    }

    pub(super) fn record(&self) -> Option<(Holding, SealedSession)> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Holding, SealedSession)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, holding: &Holding, sealed: &SealedSession) {
        *self.lock() = Some((*holding, sealed.clone()));
    }
}

/// A holding of this claim.
pub(super) fn holding(request: &ClaimRequest) -> Holding {
    Holding {
        key: request.key,
        session: request.session,
        sharing: request.sharing,
        replica: request.replica,
        fence: Fence {
            incarnation: 1,
            number: 1,
        },
    }
}

#[async_trait]
impl SessionDirectory for OneRecord {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        let holding = holding(request);
        Ok(match self.record() {
            None => Claim::Reserved(holding),
            Some((_, sealed)) => Claim::Revive {
                holding,
                sealed,
                remaining: Duration::from_secs(600),
            },
        })
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        _ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.keep(holding, sealed);
        Ok(())
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        _ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.keep(holding, sealed);
        Ok(())
    }

    async fn remove(&self, _: &Holding, _: Removal) -> Result<Removed, DirectoryError> {
        Ok(Removed::Others)
    }

    async fn beat(
        &self,
        _: &ReplicaId,
        _: Duration,
        _: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        Ok(Beat {
            incarnation: 1,
            seen: 0,
            revoked: Vec::new(),
        })
    }

    async fn revoke(&self, _: &FleetMark) -> Result<(), DirectoryError> {
        Ok(())
    }
}
