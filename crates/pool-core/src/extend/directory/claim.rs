//! Claims of sessions.

use std::time::Duration;

use super::{
    fleet_key::{FleetKey, FleetMark},
    holding::{Holding, ReplicaId, SessionRef, Sharing},
    sealed::SealedSession,
};

/// A claim of a session of a key, made where the pool would open one.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The key.
    pub key: FleetKey,
    /// What revocations select the key by.
    pub marks: Vec<FleetMark>,
    /// How the session is used.
    pub sharing: Sharing,
    /// The replica that claims. The claim counts as a [beat](super::SessionDirectory::beat) of it.
    pub replica: ReplicaId,
    /// How long the replica counts as alive from now on.
    pub lease: Duration,
    /// The name of the session that the replica opens where there is none to claim.
    pub session: SessionRef,
    /// How long the reservation of that session holds.
    pub reserve_for: Duration,
}

/// The answer to a claim.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Claim {
    /// There is a session, and the replica holds it now.
    Revive {
        /// The holding.
        holding: Holding,
        /// The session.
        sealed: SealedSession,
        /// How much of its life is left, by the clock of the store.
        remaining: Duration,
    },
    /// There is none: the replica has a reservation for the session that it opens now, so that a crash
    /// leaves no session without a record.
    Reserved(Holding),
    /// Another replica opens the one session of a conversation, until then at the latest.
    HeldElsewhere {
        /// How long its reservation holds.
        until: Duration,
    },
}
