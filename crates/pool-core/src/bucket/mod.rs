//! One key: its sessions, its waiters, and the leases on them.

mod ask;
mod chronicle;
mod held;
mod live;
mod next_look;
mod slots;
mod sync;

use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use ask::{Ask, Grant};
pub(crate) use chronicle::Chronicle;
pub(crate) use held::Held;
use http::HeaderMap;
pub(crate) use live::{Live, LiveSlot, NewLive};
pub(crate) use next_look::NextLook;
pub(crate) use slots::{
    AtHead, Blame, Counts, Fate, Joined, Likely, Returned, Slots, Taken, Tally,
};

use crate::{
    PoolKey, Scope,
    config::Lifecycle,
    connector::SlotsByEra,
    credentials::{Credential, NewestHeaders},
    event::CloseReason,
    extend::{Era, ListKind},
    handler::{News, Profile},
    moment::Moment,
    pool::{Counters, Hub, Place, Upstream},
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
    /// What its sessions have heard.
    pub(crate) news: News,
    /// What happened to the key.
    pub(crate) chronicle: Chronicle,
    /// When the closer looks at the key next.
    pub(crate) next_look: NextLook,
    /// The key's place under `max_total_keys`; given back when the key is forgotten.
    place: Mutex<Option<Place>>,
}

/// What a new bucket is made of.
pub(crate) struct NewBucket {
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credential: Credential,
    pub(crate) place: Place,
}

impl Bucket {
    pub(crate) fn new(new: NewBucket, hub: Arc<Hub>) -> Self {
        let config = &hub.config;
        let (max, slots) = match new.key.scope() {
            Scope::Conversation(_) => (1, config.limits.max_concurrent_per_conversation),
            Scope::Identity | Scope::Shared => (
                config.limits.max_sessions_per_key,
                config.limits.max_concurrent_per_session,
            ),
        };
        let own = new.key.endpoint().max_concurrent_per_session();
        let stateless = own.unwrap_or(config.limits.max_concurrent_per_stateless_session);
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
            newest: Arc::new(NewestHeaders::new(new.credential, hub.clock.now())),
            slots_per_session: slots,
            news: News::new(hub.new_id()),
            chronicle: Chronicle::default(),
            next_look: NextLook::default(),
            place: Mutex::new(Some(new.place)),
            hub,
        }
    }

    /// Notes what somebody came with; costs one comparison of addresses when it is the newest
    /// already.
    #[inline]
    pub(crate) fn note_credential(
        self: &Arc<Self>,
        headers: &Arc<HeaderMap>,
        ends_at: Moment,
        now: Moment,
    ) {
        if !self.newest.are(headers) && self.newest.note(headers, ends_at, now) {
            self.watch_credential();
        }
    }

    /// Sees to it that the key is looked at when its last credential ends.
    pub(crate) fn watch_credential(self: &Arc<Self>) {
        let [retire_at, _] = self.newest.retirements();
        if retire_at != Moment::NEVER {
            self.hub.watch(self, self.hub.clock.instant(retire_at));
        }
    }

    /// Closes members that have left the key.
    pub(crate) fn close_all(&self, members: Vec<Arc<Live>>, reason: CloseReason) {
        for live in members {
            self.hub.close(live, reason);
        }
    }

    /// Notes that a session heard of a change: what was kept of the list is not used any more.
    pub(crate) fn note_list_changed(&self, list: ListKind) {
        if list == ListKind::Tools {
            self.news.note_tools_changed(self.hub.new_id());
        }
        Counters::add(&self.hub.counters.list_changes);
        self.hub.observe(|observer, pool| {
            observer.list_changed(&crate::event::ListChanged {
                pool,
                key: &self.key,
                list,
            });
        });
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
