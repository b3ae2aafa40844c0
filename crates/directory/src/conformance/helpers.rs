//! What the promises of the suite share.

use std::time::Duration;

use mcp_pool_core::extend::{
    Claim, ClaimRequest, FleetKey, FleetMark, Holding, ReplicaId, SealedSession, SessionDirectory,
    SessionRef, Sharing,
};
use tokio::time::sleep;

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// Over before [`pass`] returns. Nothing may have to happen before it is over.
pub(super) const SHORT: Duration = Duration::from_millis(20);
/// A lease that lasts until its holder has opened its sessions, on a slow machine too.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// Waits until whatever lasts [`SHORT`] is over.
pub(super) async fn pass() {
    sleep(SHORT * 5).await;
}

/// Waits until a [`LEASE`] is over.
pub(super) async fn pass_lease() {
    sleep(LEASE + SHORT * 5).await;
}

pub(super) fn key() -> FleetKey {
    FleetKey::from_bytes(random())
}

pub(super) fn mark() -> FleetMark {
    FleetMark::from_bytes(random())
}

fn random() -> [u8; 32] {
    rand::random()
}

pub(super) fn sealed(text: &str) -> SealedSession {
    SealedSession::from_bytes(text.as_bytes())
}

/// A claim by a new replica that lives long.
pub(super) fn request(key: FleetKey, sharing: Sharing) -> ClaimRequest {
    ClaimRequest {
        key,
        marks: Vec::new(),
        sharing,
        replica: ReplicaId::random(),
        lease: LONG,
        session: SessionRef::random(),
        reserve_for: LONG,
    }
}

pub(super) async fn claim(directory: &dyn SessionDirectory, request: &ClaimRequest) -> Claim {
    directory.claim(request).await.expect("a claim")
}

/// A reservation of this claim.
pub(super) async fn reserve(directory: &dyn SessionDirectory, request: &ClaimRequest) -> Holding {
    match claim(directory, request).await {
        Claim::Reserved(holding) => holding,
        other => panic!("not a reservation: {other:?}"),
    }
}

/// A session that this claim reserves and records.
pub(super) async fn open(
    directory: &dyn SessionDirectory,
    request: &ClaimRequest,
    text: &str,
) -> Holding {
    let holding = reserve(directory, request).await;
    let recorded = directory.record(&holding, &sealed(text), LONG).await;
    recorded.expect("a record");
    holding
}

/// The session that this claim is given.
pub(super) async fn revive(
    directory: &dyn SessionDirectory,
    request: &ClaimRequest,
) -> (Holding, SealedSession) {
    match claim(directory, request).await {
        Claim::Revive {
            holding,
            sealed,
            remaining,
        } => {
            assert!(!remaining.is_zero() && remaining <= LONG, "{remaining:?}");
            assert_eq!(holding.replica, request.replica);
            (holding, sealed)
        }
        other => panic!("nothing to revive: {other:?}"),
    }
}
