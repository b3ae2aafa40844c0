//! The sessions and waiters of one key.

use std::sync::{Arc, Mutex};

use http::HeaderMap;

use super::{
    effects::{EffectList, Effects},
    next_sweep::NextSweep,
    services::KeyServices,
    slots::{Blame, Enqueued, Fate, Likely, QueuePosition, ReleaseOutcome, Slots, Taken},
    waiter::Waiter,
};
use crate::{
    config::PoolConfig,
    context::Context,
    error::AcquireError,
    extend::{CloseReason, Credential, LatestCredentials, SessionInfo, SlotsByEra},
    handler::{ListVersions, Profile},
    key::session::{History, PooledSession, SessionSlot, Sharing},
    limits::Permit,
    time::Timestamp,
    types::{Era, Lifecycle, PoolKey, Scope},
    upstream::Upstream,
};

/// The sessions and waiters of one key. A method that changes the key returns the [`Effects`] of the
/// change; [`run`](super::runner::run) is the only function that runs them.
pub(crate) struct KeyPool {
    pub(super) slots: Slots<Arc<PooledSession>, Arc<Waiter>, Timestamp>,
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credentials: Arc<LatestCredentials>,
    pub(crate) services: Arc<KeyServices>,
    /// The concurrent calls on a session of this key.
    pub(crate) slots_by_era: SlotsByEra,
    /// The versions of the server's lists.
    pub(crate) lists: ListVersions,
    pub(crate) history: Arc<History>,
    /// When the maintenance task sweeps the key next.
    pub(crate) next_sweep: NextSweep,
    /// The permit under `max_total_keys`; released when the key is removed.
    pub(super) permit: Mutex<Option<Permit>>,
}

/// What a new key pool is made of.
pub(crate) struct NewKey<'a> {
    pub(crate) key: &'a PoolKey,
    pub(crate) profile: &'a Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credential: Credential,
    /// The limit of sessions.
    pub(crate) max_sessions: usize,
    pub(crate) permit: Permit,
}

impl KeyPool {
    pub(crate) fn new(new: NewKey<'_>, services: Arc<KeyServices>) -> Self {
        let context = &services.context;
        let max = match new.key.scope() {
            Scope::Conversation(_) => 1,
            Scope::Identity | Scope::Shared => new.max_sessions,
        };
        let slots = slots_by_era(new.key, &context.config);
        let likely = Likely {
            slots: slots.legacy,
            suffices: may_suffice(new.key, &new.upstream, context),
        };
        let now = context.clock.now();
        // A session that detection opened takes its credentials from there, too.
        let detected = match services.detected.is_empty() {
            true => None,
            false => services.detected.credentials(new.key, &new.credential, now),
        };
        let credentials =
            detected.unwrap_or_else(|| Arc::new(LatestCredentials::new(new.credential, now)));
        Self {
            slots: Slots::new(max, likely, now),
            key: new.key.clone(),
            profile: new.profile.clone(),
            upstream: new.upstream,
            credentials,
            slots_by_era: slots,
            lists: ListVersions::new(context.new_id()),
            history: Arc::default(),
            next_sweep: NextSweep::default(),
            permit: Mutex::new(Some(new.permit)),
            services,
        }
    }

    /// How the calls of this key share a session that turned out so.
    pub(crate) fn sharing(&self, info: &SessionInfo) -> Sharing {
        match self.services.context.config.enabled {
            true => Sharing::of(info, self.slots_by_era),
            false => Sharing::NONE,
        }
    }

    /// A slot of an idle session: the whole of a hit, as far as the key is concerned.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<SessionSlot> {
        match self.slots.take() {
            Taken::Slot(slot) => Some(slot),
            Taken::None | Taken::Removed => None,
        }
    }

    /// Queues a waiter, unless a slot is free or the key was removed.
    pub(crate) fn enqueue(&self, waiter: &Arc<Waiter>, position: QueuePosition) -> Admission {
        let deadline = self.services.context.clock.timestamp(waiter.deadline.at);
        let waiter_ref = Arc::clone(waiter);
        match self
            .slots
            .enqueue(waiter.id, waiter_ref, position, deadline)
        {
            Enqueued::Slot(slot) => Admission::Slot(slot),
            Enqueued::Removed => Admission::Removed,
            Enqueued::InQueue {
                wants_connect,
                watch,
            } => Admission::Queued(
                EffectList {
                    connect: wants_connect,
                    sweep_by: watch.then_some(deadline),
                    ..EffectList::default()
                }
                .into(),
            ),
        }
    }

    /// Takes a waiter out of the queue.
    pub(crate) fn leave_queue(&self, waiter: u64) -> Effects {
        self.slots.leave(waiter);
        Effects::Reclaim
    }

    /// Takes back a slot.
    #[inline(always)]
    pub(crate) fn release(&self, slot: SessionSlot, fate: Fate, reason: CloseReason) -> Effects {
        let is_surplus = || self.services.capacity.sessions.has_surplus();
        match self.slots.release(slot, fate, is_surplus) {
            // The session is idle before the flag of those who wait for capacity is read.
            ReleaseOutcome::Ready => Effects::Reclaim,
            released => after_release(released, reason),
        }
    }

    /// Reserves a connect, if a waiter needs one and the limit allows it. Returns the waiter that it
    /// is for. Every `Some` is followed by [`admit`](Self::admit) or [`abandon`](Self::abandon).
    pub(crate) fn reserve_connect(&self) -> Option<(u64, Arc<Waiter>)> {
        self.slots.begin_connect()
    }

    /// Adds an opened session and serves the queue with it.
    pub(crate) fn admit(&self, session: Arc<PooledSession>) -> Effects {
        let sweep_by = Some(session.ends_at);
        let now = self.services.context.clock.now();
        let mut effects = EffectList::default();
        match self.slots.admit(session, now) {
            Err(late) => {
                effects.close.push((late, CloseReason::Superseded));
                effects.reclaim = true;
            }
            Ok(served) => {
                effects.reclaim = served.is_empty();
                effects.grants = served
                    .into_iter()
                    .map(|(waiter, slot)| (waiter, Ok(slot)))
                    .collect();
                effects.sweep_by = sweep_by;
            }
        }
        effects.into()
    }

    /// Ends a reserved connect without a session. `error` goes to the waiters that `blame` concerns.
    pub(crate) fn abandon(
        &self,
        requester: u64,
        blame: Blame,
        error: Option<&AcquireError>,
    ) -> Effects {
        let failed = self.slots.abandon(requester, blame);
        let closed = AcquireError::Closed;
        let error = error.unwrap_or(&closed);
        EffectList {
            grants: failed
                .into_iter()
                .map(|waiter| (waiter, Err(error.clone())))
                .collect(),
            reclaim: true,
            ..EffectList::default()
        }
        .into()
    }

    /// Remembers the credential of a request. It costs one comparison of addresses when the
    /// credential is the latest already.
    #[inline]
    pub(crate) fn note_credential(
        &self,
        headers: &Arc<HeaderMap>,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Effects {
        if !self.credentials.are_latest(headers) && self.credentials.note(headers, ends_at, now) {
            return self.sweep_before_credential_ends();
        }
        Effects::None
    }

    /// Sweeps the key when its last credential is about to end.
    pub(crate) fn sweep_before_credential_ends(&self) -> Effects {
        let [retire_at, _] = self.credentials.retirements();
        match retire_at == Timestamp::NEVER {
            true => Effects::None,
            false => Effects::sweep_by(retire_at),
        }
    }
}

/// What became of a request to wait.
pub(crate) enum Admission {
    /// The caller waits.
    Queued(Effects),
    /// The key was removed: its successor is needed.
    Removed,
    /// A slot was free.
    Slot(SessionSlot),
}

#[inline(never)]
fn after_release(
    released: ReleaseOutcome<Arc<PooledSession>, Arc<Waiter>, Timestamp>,
    reason: CloseReason,
) -> Effects {
    match released {
        ReleaseOutcome::Ready => Effects::Reclaim,
        ReleaseOutcome::Draining => Effects::None,
        ReleaseOutcome::Close {
            member,
            wanted,
            is_surplus,
        } => EffectList {
            close: vec![(member, close_reason(reason, is_surplus))],
            connect: wanted,
            reclaim: true,
            ..EffectList::default()
        }
        .into(),
        ReleaseOutcome::Handover(waiter, slot) => Effects::Handover(waiter, slot),
    }
}

/// Why a session is closed with the release of its last slot.
fn close_reason(reason: CloseReason, is_surplus: bool) -> CloseReason {
    match is_surplus {
        true => CloseReason::Resized,
        false => reason,
    }
}

/// How many calls a session of this key serves at the same time. Without pooling each session serves
/// one lease, so that it has one slot.
pub(crate) fn slots_by_era(key: &PoolKey, config: &PoolConfig) -> SlotsByEra {
    if !config.enabled {
        return SlotsByEra::ONE;
    }
    let limits = &config.limits;
    let legacy = match key.scope() {
        Scope::Conversation(_) => limits.max_concurrent_per_conversation,
        Scope::Identity | Scope::Shared => limits.max_concurrent_per_session,
    };
    let own = key.endpoint().max_concurrent_per_session();
    let stateless = own.unwrap_or(limits.max_concurrent_per_stateless_session);
    SlotsByEra {
        legacy: own.unwrap_or(legacy).get(),
        stateless: stateless.get(),
    }
}

/// True when one session may serve all calls of a new key, so that a crowd of callers begins with
/// one connect: a session of a stateless server does, where sessions are reused.
fn may_suffice(key: &PoolKey, upstream: &Upstream, context: &Context) -> bool {
    if !context.config.enabled {
        return false;
    }
    let connector = context.connectors.get(key.transport());
    match key.endpoint().lifecycle() {
        Lifecycle::Legacy => false,
        Lifecycle::Stateless => true,
        Lifecycle::Auto if connector.is_none_or(|connector| !connector.speaks_stateless()) => false,
        Lifecycle::Auto => upstream.era() != Some(Era::Legacy),
    }
}
