//! The seam for directories of sessions.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    claim::{Claim, ClaimRequest},
    error::DirectoryError,
    fleet_key::{FleetKey, FleetMark},
    holding::{Holding, ReplicaId},
    sealed::SealedSession,
};

/// Where replicas of a gateway find the sessions of each other.
///
/// Every method is one atomic step of the store, judged by the store's clock alone. The pool bounds each
/// by its budget, and goes on without the directory where it does not answer. `mcp-pool-directory` has
/// an engine inside a process and the suite that every engine must pass.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no directory of sessions",
    label = "not a `SessionDirectory`",
    note = "`mcp-pool-directory` and `mcp-pool-redis` have one; docs/replicas.md describes them"
)]
pub trait SessionDirectory: Send + Sync {
    /// Claims a session of a key, or reserves a record for the session that the replica opens then.
    ///
    /// - An exclusive session goes to the claim where it is parked, or where its holder is not alive.
    ///   The claim raises its fence.
    /// - A shared session goes to every claim.
    /// - A session that was recorded before a later [revocation](Self::revoke) of one of its marks is
    ///   removed, never given.
    ///
    /// # Errors
    /// [`DirectoryError`].
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError>;

    /// Records the session of a holding, for `ttl` from now on.
    ///
    /// # Errors
    /// [`DirectoryError::Lost`] where the fence is not the current one.
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError>;

    /// Records the session and hands it over: any replica may claim it.
    ///
    /// # Errors
    /// [`DirectoryError::Lost`] where the fence is not the current one.
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError>;

    /// Gives a holding up. The record goes with [`Removal::Whole`], and with its last living holder.
    /// Where there is no record any more, nothing is left of it.
    ///
    /// # Errors
    /// [`DirectoryError::Lost`] where the fence of the record is another one, or that of another
    /// incarnation.
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError>;

    /// Keeps all holdings of a replica for `lease` from now on. Returns the revocations since `seen`, a
    /// number of an earlier beat; none where there was no such beat.
    ///
    /// # Errors
    /// [`DirectoryError`].
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError>;

    /// Revokes every session that has the mark. Each replica learns of it with its next beat.
    ///
    /// # Errors
    /// [`DirectoryError`]: nothing was revoked beyond this process.
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError>;

    /// Waits until something was revoked, by whichever replica: the pool then beats at once. News may be
    /// lost, since the next beat brings the revocation anyway. Default: there are none.
    ///
    /// # Cancel safety
    /// The pool drops the future with each beat.
    async fn news(&self) {
        std::future::pending().await
    }

    /// What a replica has left about an upstream: its transport and its era, sealed for this name. It
    /// saves the detection, and a wrong one is corrected like a verdict of the pool's own that has become
    /// wrong. Default: none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    ///
    /// # Cancel safety
    /// Safe.
    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        let _ = upstream;
        Ok(None)
    }

    /// Leaves what [`hint`](Self::hint) returns for `ttl` from now on. Default: nothing is kept.
    ///
    /// # Errors
    /// [`DirectoryError`].
    ///
    /// # Cancel safety
    /// The pool drops the future when its budget ends; the store may do the step all the same.
    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let _ = (upstream, hint, ttl);
        Ok(())
    }
}

/// What goes with a holding that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Removal {
    /// The holding; the record stays where other replicas hold the session.
    Own,
    /// The record, whichever replicas hold the session: it is over.
    Whole,
}

/// What a removal left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Removed {
    /// Nothing: the session is the caller's to close.
    Nothing,
    /// Other replicas hold the session.
    Others,
}

/// The answer to a beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The random number of the store's incarnation.
    pub incarnation: u64,
    /// The number of the latest revocation.
    pub seen: u64,
    /// What was revoked.
    pub revoked: Vec<Revoked>,
}

/// A revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revoked {
    /// The mark of what was revoked.
    pub mark: FleetMark,
    /// Its number, among those of the fences: a session whose fence has a higher one was claimed after
    /// the revocation.
    pub number: u64,
}

/// How far a revocation reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reach {
    /// The whole fleet: no replica revives a session from before, and each one that reaches the directory
    /// closes its own within this time.
    Fleet {
        /// The longest time between two beats.
        within: Duration,
    },
    /// This process alone: the pool has no directory, or it does not answer.
    LocalOnly,
}

#[async_trait]
impl<T: SessionDirectory + ?Sized> SessionDirectory for Arc<T> {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        (**self).claim(request).await
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        (**self).record(holding, sealed, ttl).await
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        (**self).park(holding, sealed, ttl).await
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        (**self).remove(holding, removal).await
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        (**self).beat(replica, lease, seen).await
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        (**self).revoke(mark).await
    }

    async fn news(&self) {
        (**self).news().await;
    }

    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        (**self).hint(upstream).await
    }

    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        (**self).leave_hint(upstream, hint, ttl).await
    }
}
