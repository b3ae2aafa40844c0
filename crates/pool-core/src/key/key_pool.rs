//! The sessions and waiters of one key.

use std::sync::{Arc, atomic::AtomicBool};

use http::HeaderMap;
use once_cell::race::OnceBox;

use crate::{
    config::PoolConfig,
    context::Context,
    extend::{
        CloseReason, Credential, KeyCredentials, LatestCredentials, SessionInfo, SlotsByEra,
        SlotsCell,
    },
    handler::{ListVersions, LogLevelCell, Profile},
    key::{
        effects::{EffectList, Effects},
        seeking::{KeyQuotas, Waiter},
        services::KeyServices,
        session::{HasHistory, History, PooledSession, SessionSlot, Sharing, Spares},
        slots::{Claim, Fate, Likely, ReleaseOutcome, Retired, Slots},
    },
    limits::{KeyPermit, Member, Return},
    time::{NextSweep, Timestamp},
    types::{Endpoint, Era, Lifecycle, PoolKey, Scope},
    upstream::Upstream,
};

/// The sessions and waiters of one key. A method that changes the key returns the [`Effects`] of the
/// change; [`run`](super::runner::run) is the only function that runs them.
///
/// What a hit needs comes first, side by side in memory.
#[repr(C)]
pub(crate) struct KeyPool {
    pub(crate) services: Arc<KeyServices>,
    /// The sessions that the key keeps ready; `None` where it keeps none.
    pub(super) spares: OnceBox<Spares>,
    /// The key's places under quotas; `None` where none is set.
    pub(super) quotas: OnceBox<KeyQuotas>,
    pub(crate) credentials: KeyCredentials,
    pub(super) slots: Slots<Arc<PooledSession>, Waiter, Timestamp>,
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) upstream: Arc<Upstream>,
    /// The concurrent calls on a session of this key.
    slots_by_era: SlotsCell,
    /// The versions of the server's lists.
    pub(crate) lists: ListVersions,
    pub(crate) history: History,
    /// When the maintenance task sweeps the key next.
    pub(crate) next_sweep: NextSweep,
    /// The key's place among those who share the sessions.
    pub(super) member: Member,
    /// Whether its callers come back soon after its session was given up.
    pub(crate) returns: Return,
    /// True while the key's account keeps a permit under `max_total_keys` for it: until the key is removed.
    pub(super) has_permit: AtomicBool,
    /// True while the key seeks a session under `max_total_sessions`.
    pub(super) in_line: AtomicBool,
    /// The level of the log that the callers of the key want.
    pub(crate) log_level: LogLevelCell,
}

/// What a new key pool is made of.
pub(crate) struct NewKey<'a> {
    pub(crate) key: &'a PoolKey,
    pub(crate) profile: &'a Profile,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credential: Credential,
    /// The limit of sessions.
    pub(crate) max_sessions: usize,
    pub(crate) permit: KeyPermit,
    pub(crate) member: Member,
    pub(crate) quotas: Option<Box<KeyQuotas>>,
}

impl KeyPool {
    pub(crate) fn new(new: NewKey<'_>, services: Arc<KeyServices>) -> Self {
        let context = &services.context;
        let max = match new.key.scope() {
            Scope::Conversation(_) => 1,
            Scope::Identity | Scope::Shared => new.max_sessions,
        };
        let slots = slots_by_era(new.key, new.key.endpoint(), &context.config);
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
        let member = Member {
            account: Arc::clone(new.permit.account()),
            lane: new.member.lane,
        };
        new.permit.keep();
        let spares = Spares::of(new.key, &context.config);
        let name = new.key.fingerprint().number();
        let tally = new.upstream.tallies.open(name, now.nanos());
        Self {
            slots: Slots::new(max, likely, tally, now),
            key: new.key.clone(),
            profile: new.profile.clone(),
            upstream: new.upstream,
            credentials: KeyCredentials::new(credentials),
            slots_by_era: SlotsCell::new(slots),
            lists: ListVersions::new(context.new_id()),
            history: History::default(),
            log_level: LogLevelCell::default(),
            next_sweep: NextSweep::default(),
            has_permit: AtomicBool::new(true),
            member,
            quotas: new.quotas.map_or_else(OnceBox::new, OnceBox::with_value),
            returns: Return::default(),
            in_line: AtomicBool::new(false),
            spares: spares.map_or_else(OnceBox::new, OnceBox::with_value),
            services,
        }
    }

    /// How the calls of this key share a session that turned out so.
    pub(crate) fn sharing(&self, info: &SessionInfo) -> Sharing {
        match self.services.context.config.enabled {
            true => Sharing::of(info, self.slots_by_era()),
            false => Sharing::NONE,
        }
    }

    /// The concurrent calls on a session that is opened now.
    pub(crate) fn slots_by_era(&self) -> SlotsByEra {
        self.slots_by_era.get()
    }

    /// Applies the settings of its endpoint to what is opened from now on.
    pub(crate) fn update(&self, endpoint: &Endpoint) {
        let config = &self.services.context.config;
        self.slots_by_era
            .set(slots_by_era(&self.key, endpoint, config));
        let least = Spares::least(&self.key, endpoint, config);
        match self.spares.get() {
            Some(spares) => spares.set_least(least),
            None if least == 0 => {}
            None => drop(self.spares.set(Spares::new(least))),
        }
    }

    /// The session that is used next: the key's part of a hit. A late slot is to be given back.
    #[inline(always)]
    pub(crate) fn take_around(&self) -> Option<SessionSlot> {
        self.slots.take_around()
    }

    /// Takes back a slot.
    #[inline(always)]
    pub(crate) fn release(&self, slot: SessionSlot, fate: Fate, reason: CloseReason) -> Effects {
        match self
            .slots
            .release(slot, fate, |session| self.claim(session))
        {
            // The session is idle before the flag of those who wait for capacity is read.
            ReleaseOutcome::Ready => Effects::Reclaim,
            released => after_release(released, reason),
        }
    }

    /// Whether a session whose slot comes back serves the waiters of this key. The state of a
    /// conversation is not lost for another key's sake.
    #[inline(never)]
    fn claim(&self, session: &PooledSession) -> Claim {
        let sessions = &self.services.capacity.sessions;
        if sessions.has_surplus() {
            return Claim::Surplus;
        }
        if !sessions.is_wanted() {
            return Claim::Own;
        }
        let seats = || {
            self.session_seats()
                .into_iter()
                .flat_map(|seats| seats.iter())
        };
        if seats().any(|seat| seat.quota.has_surplus()) {
            return Claim::Surplus;
        }
        if session.has_state_of_conversation() {
            return Claim::Own;
        }
        let is_turn_over = || session.is_turn_over();
        let kind = sessions.kind();
        match sessions.is_yielded_by(&self.member.account, is_turn_over)
            || seats().any(|seat| seat.is_yielded(kind, is_turn_over))
        {
            true => Claim::Rival,
            false => Claim::Own,
        }
    }

    /// Remembers the credential of a request. It costs one comparison of addresses when the
    /// credential is the latest already.
    #[inline]
    pub(crate) fn note_credential(
        &self,
        headers: &Arc<HeaderMap>,
        ends_at: impl FnOnce() -> Timestamp,
        now: Timestamp,
    ) -> Effects {
        if !self.credentials.are_latest(headers) && self.credentials.note(headers, ends_at(), now) {
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

impl HasHistory for KeyPool {
    fn history(&self) -> &History {
        &self.history
    }
}

#[inline(never)]
fn after_release(released: ReleaseOutcome<Arc<PooledSession>>, reason: CloseReason) -> Effects {
    match released {
        ReleaseOutcome::Ready => Effects::Reclaim,
        ReleaseOutcome::Draining { wanted: false } => Effects::None,
        ReleaseOutcome::Draining { wanted: true } => EffectList {
            connect: true,
            ..EffectList::default()
        }
        .into(),
        ReleaseOutcome::Close {
            member,
            wanted,
            retired,
        } => EffectList {
            close: vec![(member, close_reason(reason, retired))],
            connect: wanted,
            reclaim: true,
            ..EffectList::default()
        }
        .into(),
        ReleaseOutcome::Handover(served) => Effects::Handover(served),
    }
}

/// Why a session is closed with the release of its last slot.
fn close_reason(reason: CloseReason, retired: Retired) -> CloseReason {
    match retired {
        Retired::AsUsed => reason,
        Retired::Surplus => CloseReason::Resized,
        Retired::Yielded => CloseReason::Reclaimed,
    }
}

/// How many calls a session of this key serves at the same time. Without pooling each session serves
/// one lease, so that it has one slot.
pub(crate) fn slots_by_era(key: &PoolKey, endpoint: &Endpoint, config: &PoolConfig) -> SlotsByEra {
    if !config.enabled {
        return SlotsByEra::ONE;
    }
    let limits = &config.limits;
    let legacy = match key.scope() {
        Scope::Conversation(_) => limits.max_concurrent_per_conversation,
        Scope::Identity | Scope::Shared => limits.max_concurrent_per_session,
    };
    let own = endpoint.max_concurrent_per_session();
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
