//! Whether and how a session that is closed is bidden farewell.

use std::sync::Arc;

use crate::{
    context::Context,
    extend::{CloseOutcome, CloseReason, Held, Removal},
    fleet::FleetLink,
    key::PooledSession,
};

/// Closes a session, with its farewell unless it goes on elsewhere.
pub(super) async fn say_farewell(
    context: &Context,
    pooled: &PooledSession,
    reason: CloseReason,
) -> CloseOutcome {
    let session = &pooled.session;
    if let (Some(fleet), Some(held)) = (&context.fleet, session.held()) {
        let is_last = is_last(fleet, pooled, held, reason).await;
        fleet.end_close(held);
        if !is_last {
            return CloseOutcome::HandedOver;
        }
    }
    let _permit = pooled.farewells.acquire().await;
    session.driver().close(context.close_timeout()).await
}

/// True where the session ends here: no other replica can go on with it.
async fn is_last(
    fleet: &FleetLink,
    pooled: &PooledSession,
    held: &Arc<Held>,
    reason: CloseReason,
) -> bool {
    match reason {
        CloseReason::Shutdown | CloseReason::ForcedShutdown => {
            !fleet.park(held, pooled.session.driver().park()).await
        }
        // It is over, or must not be used any more.
        CloseReason::Broken
        | CloseReason::CheckFailed
        | CloseReason::Drained
        | CloseReason::Evicted
        | CloseReason::LeaseEnded
        | CloseReason::Lost
        | CloseReason::Revoked => fleet.remove(held, Removal::Whole).await,
        // A session that came too late may have been claimed after the revocation that made it so: then
        // other replicas use it. One from before is refused to them by the directory.
        _ => fleet.remove(held, Removal::Own).await,
    }
}
