//! What the pool does for sessions that no caller uses.

use std::sync::Arc;

use super::{check::prove, connect::begin};
use crate::{
    extend::CloseReason,
    key::{Fate, KeyPool, Reservation, SlotGuard},
    time::{Deadline, Timestamp},
    upstream::{BreakerPermit, Holder, admitted_now},
};

/// Opens what is missing of the sessions that a key keeps ready: as long as a permit is free that no
/// caller waits for, and the endpoint is there.
pub(crate) fn open_spares(key: &Arc<KeyPool>, now: Timestamp) {
    while let Some(reservation) = Reservation::spare(key, now) {
        let sessions = &key.services.capacity.sessions;
        let capacity = sessions.take(key.member(), key.session_seats());
        let admitted = admitted_now(&key.upstream, Holder::of(&key.key));
        let (Some(capacity), Some(_)) = (capacity, admitted) else {
            return;
        };
        begin(reservation, Some(capacity));
    }
}

/// Checks the idle sessions of a key that have not proved alive for long. Returns when the next one is
/// due; `None` where the pool keeps no sessions alive.
pub(crate) fn check_idle(key: &Arc<KeyPool>, now: Timestamp) -> Option<Timestamp> {
    let context = &key.services.context;
    let keepalive = context.keepalive?;
    let is_due = || key.first_due(keepalive).is_some_and(|at| at <= now);
    // A check that waited for the endpoint would keep its session from callers, who need not wait.
    while is_due()
        && let Some(permit) = admitted_now(&key.upstream, Holder::of(&key.key))
        && let Some(slot) = key.take_due(keepalive, now)
    {
        let slot = SlotGuard::new(Arc::clone(key), slot);
        context.spawn(check(slot, permit));
    }
    if !key.has_sessions() {
        return None;
    }
    let next = key.first_due(keepalive).filter(|at| *at > now);
    Some(next.unwrap_or_else(|| keepalive.next_look(now)))
}

/// Checks an idle session. It is no use of its key.
async fn check(slot: SlotGuard, mut permit: BreakerPermit) {
    let context = Arc::clone(&slot.key().services.context);
    let used_at = slot.acquired_at();
    let deadline = Deadline::after(context.config.timeouts.acquire_timeout);
    permit.begin();
    if let Ok(Some(mut slot)) = prove(&context, slot, permit, deadline).await {
        slot.set_acquired_at(used_at);
        slot.release(Fate::Undelivered, CloseReason::Superseded);
    }
}
