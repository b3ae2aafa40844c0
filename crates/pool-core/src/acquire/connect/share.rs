//! Opening a session, or going on with one of another replica.

use std::sync::Arc;

use tokio::time::Instant;

use super::open_session::{Connecting, OpenedSession};
use crate::{
    error::{ConnectError, Evidence, FaultKind},
    extend::{Claimed, Connector, Sharing},
    fleet::{FleetLink, Opening, Revival, UpstreamHint},
    key::{KeyPool, Requester},
    types::{Era, Lifecycle, Scope},
};

/// Opens a session for a key. A pool of a fleet goes on with a session that another replica has left.
///
/// # Errors
/// As [`Connecting::open`], and for a fleet as [`open_or_revive`].
pub(super) async fn open_session(
    connector: &Arc<dyn Connector>,
    key: &Arc<KeyPool>,
    requester: &Requester,
) -> Result<OpenedSession, ConnectError> {
    let connecting = Connecting::new(connector, key, requester);
    match &key.services.context.fleet {
        None => connecting.open().await,
        Some(fleet) => {
            let opened = open_or_revive(fleet, &connecting).await?;
            if !opened.is_revived {
                leave_hint(fleet, key, &opened);
            }
            Ok(opened)
        }
    }
}

/// Leaves to the other replicas what the session shows of its server.
fn leave_hint(fleet: &Arc<FleetLink>, key: &KeyPool, opened: &OpenedSession) {
    let endpoint = key.key.endpoint();
    let hint = UpstreamHint {
        transport: endpoint.transport().clone(),
        era: opened.session.info().era,
    };
    if let Some(step) = fleet.leave_hint(endpoint, &hint) {
        let context = &key.services.context;
        context.spawn(step);
    }
}

/// Opens a session, or goes on with one that the directory has. A session of a stateless server is
/// nothing that could be shared.
///
/// # Errors
/// As [`Connecting::open`]; [`FaultKind::Unreachable`] where another replica may have the session of the
/// conversation, and the directory does not answer.
async fn open_or_revive(
    fleet: &Arc<FleetLink>,
    connecting: &Connecting<'_>,
) -> Result<OpenedSession, ConnectError> {
    let key = connecting.key;
    if !may_be_shared(fleet, key) {
        return connecting.open().await;
    }
    let name = fleet.name(&key.key, key.profile.name(), &key.profile.declared);
    let sharing = match key.key.scope() {
        Scope::Conversation(_) => Sharing::Shared,
        Scope::Identity | Scope::Shared => Sharing::Exclusive,
    };
    for _ in 0..MAX_REVIVALS {
        let claimed = fleet.claim(&name, sharing, connecting.deadline).await;
        let opening = claimed.map_err(|error| {
            let unreachable = ConnectError::new(FaultKind::Unreachable);
            unreachable.with_evidence(Evidence::None).with_source(error)
        })?;
        match opening {
            Opening::Alone => break,
            Opening::Reserved(claimed) => return open_recorded(fleet, connecting, claimed).await,
            Opening::Revive(revival) => {
                if let Some(opened) = revive(fleet, connecting, revival).await {
                    return Ok(opened);
                }
            }
        }
    }
    connecting.open().await
}

fn may_be_shared(fleet: &FleetLink, key: &KeyPool) -> bool {
    let is_stateless = key.key.endpoint().lifecycle() == Lifecycle::Stateless
        || key.upstream.era() == Some(Era::Stateless);
    let is_conversation = matches!(key.key.scope(), Scope::Conversation(_));
    // A handle grants shared use alone.
    let is_kept = is_conversation || fleet.handles().is_none();
    key.services.context.config.enabled && !is_stateless && is_kept
}

/// Opens a session under a reservation, and records it.
async fn open_recorded(
    fleet: &Arc<FleetLink>,
    connecting: &Connecting<'_>,
    claimed: Claimed,
) -> Result<OpenedSession, ConnectError> {
    let holding = claimed.holding;
    let mut opened = match connecting.open().await {
        Ok(opened) => opened,
        Err(error) => {
            fleet.forget(&holding).await;
            return Err(error);
        }
    };
    let context = &connecting.key.services.context;
    let era = opened.session.info().era;
    let ends_at = context.end_of_life(era, Instant::now());
    let ends_at = context.clock.instant(ends_at);
    let held;
    (opened.session, held) = fleet.hold(opened.session, claimed, ends_at);
    let link = Arc::clone(fleet);
    let record = async move {
        match held {
            Some(held) => link.record(&held).await,
            None => link.forget(&holding).await,
        }
    };
    match holding.sharing {
        // Callers on other replicas wait for it.
        Sharing::Shared => record.await,
        Sharing::Exclusive => {
            context.spawn(record);
        }
    }
    Ok(opened)
}

/// Goes on with a session. `None` where that is not possible here; its record is removed then.
async fn revive(
    fleet: &FleetLink,
    connecting: &Connecting<'_>,
    revival: Revival,
) -> Option<OpenedSession> {
    let holding = revival.claimed.holding;
    match connecting.revive(revival.parked).await {
        Ok(mut opened) => {
            let held;
            (opened.session, held) = fleet.hold(opened.session, revival.claimed, revival.ends_at);
            opened.is_revived = true;
            match held {
                Some(held) => held.note_recorded(),
                // It cannot leave this process again.
                None => fleet.forget(&holding).await,
            }
            Some(opened)
        }
        Err(error) => {
            tracing::debug!(key = ?connecting.key.key, kind = error.label(), "session not revived");
            fleet.forget(&holding).await;
            None
        }
    }
}

/// Each turn removes one record that cannot be revived.
const MAX_REVIVALS: usize = 4;
