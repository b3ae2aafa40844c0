//! One key: its sessions, its waiters, and the leases on them.

mod ask;
mod held;
mod live;
mod next_look;
mod slots;
mod sync;

use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use ask::{Ask, Grant};
pub(crate) use held::Held;
pub(crate) use live::{Live, LiveSlot, NewLive};
pub(crate) use next_look::NextLook;
pub(crate) use slots::{AtHead, Blame, Fate, Joined, Likely, Returned, Slots, Taken, Tally};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    CloseReason, Era, Lifecycle, PoolKey, Scope,
    connector::SlotsByEra,
    credentials::NewestHeaders,
    handler::Profile,
    moment::Moment,
    pool::{Hub, Upstream},
};

/// One key: its sessions and permits.
pub(crate) struct Bucket {
    pub(crate) slots: Slots<Arc<Live>, Arc<Ask>, Moment>,
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) newest: Arc<NewestHeaders>,
    pub(crate) hub: Arc<Hub>,
    /// How many calls may run on a session of this key.
    pub(crate) slots_per_session: SlotsByEra,
    /// When the closer looks at the key next.
    pub(crate) next_look: NextLook,
    /// The key's place under `max_total_keys`; given back when the key is forgotten.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

/// What a new bucket is made of.
pub(crate) struct NewBucket {
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) newest: NewestHeaders,
    pub(crate) place: OwnedSemaphorePermit,
}

impl Bucket {
    pub(crate) fn new(new: NewBucket, hub: Arc<Hub>) -> Self {
        let config = &hub.config;
        let (max, slots) = match new.key.scope() {
            Scope::Conversation(_) => (1, config.max_concurrent_per_conversation),
            Scope::Identity | Scope::Shared => (
                config.max_sessions_per_key,
                config.max_concurrent_per_session,
            ),
        };
        let own = new.key.endpoint().max_concurrent_per_session();
        let stateless = own.unwrap_or(config.max_concurrent_per_stateless_session);
        let slots = SlotsByEra {
            legacy: own.unwrap_or(slots).get(),
            stateless: stateless.get(),
        };
        let likely = Likely {
            slots: slots.legacy,
            suffices: may_suffice(&new.key, &new.upstream, &hub),
        };
        Self {
            slots: Slots::new(max, likely, hub.clock.now()),
            key: new.key,
            profile: new.profile,
            upstream: new.upstream,
            newest: Arc::new(new.newest),
            slots_per_session: slots,
            next_look: NextLook::default(),
            place: Mutex::new(Some(new.place)),
            hub,
        }
    }

    /// Closes members that have left the key.
    pub(crate) fn close_all(&self, members: Vec<Arc<Live>>, reason: CloseReason) {
        for live in members {
            self.hub.close(live, reason);
        }
    }

    /// Gives the key's place back, once it was forgotten.
    pub(crate) fn give_up_place(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        drop(place.take());
    }
}

/// Whether one session may turn out to be all that a new key needs, so that a crowd of callers
/// begins with one connect: a session of a server that keeps none is.
fn may_suffice(key: &PoolKey, upstream: &Upstream, hub: &Hub) -> bool {
    let connector = hub.connectors.get(key.transport());
    match key.endpoint().lifecycle() {
        Lifecycle::Legacy => false,
        Lifecycle::Stateless => true,
        Lifecycle::Auto if connector.is_none_or(|connector| !connector.speaks_stateless()) => false,
        Lifecycle::Auto => upstream.era() != Some(Era::Legacy),
    }
}
