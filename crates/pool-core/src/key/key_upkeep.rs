//! How sessions and waiters leave a key other than by use.

use std::{
    cell::Cell,
    sync::{Arc, atomic::Ordering},
};

use tokio::time::Instant;

use super::key_pool::KeyPool;
use crate::{
    error::AcquireError,
    extend::CloseReason,
    key::{
        effects::{EffectList, Effects},
        job::Job,
        runner::run,
        seeking::{KeyQuotas, Lack, SessionSeeker, Waiter},
        session::PooledSession,
        slots::HitCounts,
    },
    time::Timestamp,
    types::{Endpoint, Scope},
};

impl KeyPool {
    /// Releases the permit of a key that was removed.
    pub(crate) fn release_permit(&self) {
        if self.has_permit.swap(false, Ordering::AcqRel) {
            self.services.capacity.keys.give_back(&self.member.account);
        }
    }

    /// Closes the unused sessions that `is_due` selects.
    pub(crate) fn close_unused(
        &self,
        reason: CloseReason,
        mut is_due: impl FnMut(&PooledSession) -> bool,
    ) -> Effects {
        let due = self.slots.evict_unused(|session, _| is_due(session));
        Effects::close(due, reason)
    }

    /// Applies the limit of sessions that is in force. A conversation keeps its one session.
    pub(crate) fn apply_limit(&self) -> Effects {
        if matches!(self.key.scope(), Scope::Conversation(_)) {
            return Effects::None;
        }
        // Held while the limit is applied: of two changes, the later one is applied last.
        let limits = self.services.capacity.limits();
        let resized = self.slots.resize(limits.max_sessions_per_key);
        drop(limits);
        EffectList {
            close: resized
                .close
                .into_iter()
                .map(|session| (session, CloseReason::Resized))
                .collect(),
            connect: resized.wanted,
            ..EffectList::default()
        }
        .into()
    }

    /// Gives the key its places under quotas that were set after it was created.
    pub(crate) fn join_quotas(self: &Arc<Self>, endpoint: &Endpoint) {
        let services = &self.services;
        // Held until it has its places: a change of the limits comes before or finds them.
        let limits = services.capacity.limits();
        let name = self.key.fingerprint().number();
        let quotas = || self.quotas.get_or_init(|| Box::new(KeyQuotas::new(name)));
        if self.session_seats().is_none()
            && let Some(seats) = services.session_seats(&self.key, endpoint, &limits)
        {
            let seeker: SessionSeeker = Arc::<Self>::clone(self);
            let sessions = &services.capacity.sessions;
            sessions.seat(&seeker, || quotas().set_sessions(seats));
        }
        if self.call_seats().is_none()
            && let Some(seats) = services.call_seats(&self.key, endpoint, &limits)
        {
            quotas().set_calls(seats);
        }
    }

    /// Ends the waiting of those whose deadline has passed, some at a time. Returns the next deadline
    /// as well, which has passed where some are left.
    pub(crate) fn expire_waiters(self: &Arc<Self>, now: Timestamp) -> (Effects, Option<Timestamp>) {
        let lack = self.lack();
        let timeout = |waiter: &Waiter| {
            let began = self.services.context.clock.instant(waiter.began);
            let cause = self.history.last_connect_error(began);
            waiter.timeout(now, lack, cause)
        };
        let expired = self.slots.expire(now, EXPIRED_AT_ONCE, timeout);
        if expired.left.wakers.is_empty() {
            return (Effects::None, expired.next);
        }
        let effects = EffectList {
            reclaim: true,
            ..expired.left.into()
        };
        (effects.into(), expired.next)
    }

    /// What the key lacks for one more session.
    fn lack(self: &Arc<Self>) -> Lack {
        if !self.is_in_line() {
            return Lack::Nothing;
        }
        let seeker: SessionSeeker = Arc::<Self>::clone(self);
        match self.services.capacity.sessions.quota_of(&seeker) {
            Some(quota) => Lack::Quota(quota.kind),
            None => Lack::Capacity,
        }
    }

    /// Evicts one session after its transport reported its end.
    pub(crate) fn evict_session(&self, id: u64) -> Effects {
        let Some(session) = self.slots.evict_one(id) else {
            return Effects::None;
        };
        EffectList {
            close: vec![(session, CloseReason::Lost)],
            connect: true,
            ..EffectList::default()
        }
        .into()
    }

    /// Takes a session out under its users, whose slots are the key's again. `None` when it is unused or has
    /// left the key.
    pub(crate) fn forfeit(&self, session: &Arc<PooledSession>) -> Option<Effects> {
        let connect = self.slots.forfeit(session)?;
        let effects = EffectList {
            close: vec![(Arc::clone(session), CloseReason::LeaseEnded)],
            connect,
            reclaim: true,
            ..EffectList::default()
        };
        Some(effects.into())
    }

    /// Begins a new generation: no session opened before is handed out again. Returns the number of
    /// unused sessions as well, which are closed now.
    pub(crate) fn evict_all(&self, reason: CloseReason) -> (Effects, usize) {
        let (unused, connect) = self.slots.begin_generation();
        let count = unused.len();
        let effects = EffectList {
            close: unused
                .into_iter()
                .map(|session| (session, reason))
                .collect(),
            connect,
            ..EffectList::default()
        };
        (effects.into(), count)
    }

    /// Takes out the unused session that proved alive the longest ago, for another key. One that is kept
    /// for the rest of its turn is looked at again when that is over.
    pub(crate) fn take_oldest(&self) -> Option<Arc<PooledSession>> {
        let now = Instant::now();
        let clock = &self.services.context.clock;
        let kept = Cell::new(None);
        let may_go = |session: &Arc<PooledSession>| match session.kept_until(now) {
            Some(until) if self.returns.is_soon() => {
                kept.set(Some(
                    kept.get().map_or(until, |other: Instant| other.min(until)),
                ));
                false
            }
            _ => true,
        };
        let Some(session) = self.slots.take_oldest(may_go) else {
            if let Some(until) = kept.get() {
                let until = clock.timestamp(until);
                self.services.jobs.send(Job::Sweep(self.key.clone(), until));
            }
            return None;
        };
        self.returns
            .note_left(clock.timestamp(now), session.opening());
        Some(session)
    }

    /// Has an idle session that was kept for the rest of its turn serve those who wait.
    pub(crate) fn end_turn(&self) -> Effects {
        match self.returns.is_soon() {
            true => Effects::Reclaim,
            false => Effects::None,
        }
    }

    /// Removes the key if no caller uses it, and has the maintenance task take it out of the map. Its
    /// permit is free at once.
    pub(crate) fn give_up(self: &Arc<Self>, reason: CloseReason) {
        let Some((effects, counts)) = self.remove(None, reason) else {
            return;
        };
        let services = &self.services;
        services.context.counters.keep(counts.hits, counts.misses);
        run(self, effects);
        self.release_permit();
        services.jobs.send(Job::Forget(self.key.clone(), reason));
    }

    /// Removes the key if no caller uses it and it was not used after `unless_used_since`. Returns
    /// the counts of the key as well.
    pub(crate) fn remove(
        &self,
        unless_used_since: Option<Timestamp>,
        reason: CloseReason,
    ) -> Option<(Effects, HitCounts)> {
        let (sessions, counts) = self.slots.remove(unless_used_since)?;
        Some((Effects::close(sessions, reason), counts))
    }

    /// Closes the key, also while it is in use. `None` when it was removed or closed before.
    pub(crate) fn close(&self) -> Option<ClosedKeyPool> {
        let closed = self.slots.close(|_| AcquireError::Closed)?;
        let turned_away = closed.wakers.len() as u64;
        let effects = EffectList {
            close: closed
                .unused
                .into_iter()
                .map(|session| (session, CloseReason::Shutdown))
                .collect(),
            settled: true,
            wakers: closed.wakers,
            ..EffectList::default()
        };
        Some(ClosedKeyPool {
            effects: effects.into(),
            turned_away,
            hit_counts: closed.hit_counts,
        })
    }
}

impl Drop for KeyPool {
    fn drop(&mut self) {
        self.release_permit();
    }
}

/// A key that was closed.
pub(crate) struct ClosedKeyPool {
    pub(crate) effects: Effects,
    /// Callers that waited.
    pub(crate) turned_away: u64,
    pub(crate) hit_counts: HitCounts,
}

/// Ending the wait of one takes well under a microsecond; the lock of the key is held for all.
const EXPIRED_AT_ONCE: usize = 256;
