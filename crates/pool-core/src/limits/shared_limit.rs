//! A limit that is shared, and the line of those who seek a permit under it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    account::{Account, LimitKind, Member},
    notice::{Notice, Published},
    seeker::Seeker,
    seekers::Seekers,
    standing::Standing,
};

/// A seeker that begins what a permit was granted for.
pub(crate) trait Grantee: Seeker {
    /// Begins what a permit was granted for.
    ///
    /// # Errors
    /// The grant, when nothing can begin any more: the limit closes.
    fn begin(grant: Grant<Self>) -> Result<(), Grant<Self>>;
}

/// A permit for a seeker, and what it needs it for.
pub(crate) struct Grant<K: Grantee> {
    pub(crate) seeker: K,
    pub(crate) need: K::Need,
    pub(crate) permit: Permit<K>,
}

/// The answer to a seeker.
pub(crate) enum Requested<K: Grantee> {
    /// A permit was free.
    Granted(Grant<K>),
    /// The seeker is in the line.
    InLine,
    /// The seeker needs none, or the limit is closed.
    Nothing,
}

/// A limit that is shared. A released permit goes to the poorest of those who wait; it is free only
/// while no one waits, or while more permits are taken than the limit allows.
pub(crate) struct SharedLimit<K: Grantee> {
    kind: LimitKind,
    state: Mutex<State<K>>,
    /// What is read without the lock.
    notice: Notice,
}

struct State<K> {
    max: usize,
    taken: usize,
    line: Seekers<K>,
    closed: bool,
}

/// A permit under a limit. Dropped, it goes to the poorest of those who wait.
pub(crate) struct Permit<K: Grantee> {
    limit: Arc<SharedLimit<K>>,
    account: Arc<Account>,
}

impl<K: Grantee> SharedLimit<K> {
    /// `max` 0 means no limit.
    pub(crate) fn new(kind: LimitKind, max: usize) -> Arc<Self> {
        Arc::new(Self {
            kind,
            state: Mutex::new(State {
                max: limit(max),
                taken: 0,
                line: Seekers::new(kind),
                closed: false,
            }),
            notice: Notice::default(),
        })
    }

    /// Changes the limit; 0 means none. A higher one gives permits to those who wait. Under a lower
    /// one no holder loses its permit: released permits are free until the limit is kept.
    pub(crate) fn resize(self: &Arc<Self>, max: usize) {
        let mut state = self.lock();
        state.max = limit(max);
        self.serve_all(state);
    }

    /// A permit, if one is free that no one waits for.
    pub(crate) fn take(self: &Arc<Self>, member: &Member) -> Option<Permit<K>> {
        let mut state = self.lock();
        let is_free = state.taken < state.max && state.line.len() == 0 && !state.closed;
        is_free.then(|| self.permit(&mut state, &member.account))
    }

    /// A permit for a seeker, or a place in the line. A seeker that needs none leaves the line.
    pub(crate) fn request(self: &Arc<Self>, seeker: &K) -> Requested<K> {
        let mut state = self.lock();
        state.line.announce(seeker);
        if state.closed || !seeker.seeks() {
            state.line.remove(seeker);
            self.publish(&state);
            return Requested::Nothing;
        }
        if state.taken < state.max
            && let Some(need) = seeker.reserve()
        {
            let permit = self.permit(&mut state, &seeker.member().account);
            match seeker.seeks() && state.line.has(seeker) {
                true => state.line.reorder(&seeker.member().account),
                false => state.line.remove(seeker),
            }
            self.publish(&state);
            let seeker = seeker.clone();
            return Requested::Granted(Grant {
                seeker,
                need,
                permit,
            });
        }
        state.line.add(seeker);
        self.publish(&state);
        Requested::InLine
    }

    /// Has a seeker leave the line, if it is in it and needs no permit any more.
    pub(crate) fn settle(&self, seeker: &K) {
        let mut state = self.lock();
        if state.line.has(seeker) && !seeker.seeks() {
            state.line.remove(seeker);
            self.publish(&state);
        }
    }

    /// True while a permit is wanted back: for a seeker that has none on its way, or since more are
    /// taken than the limit allows.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.notice.is_wanted()
    }

    /// True while more permits are taken than the limit allows.
    #[inline]
    pub(crate) fn has_surplus(&self) -> bool {
        self.notice.has_surplus()
    }

    /// True while the line is not empty.
    pub(crate) fn has_waiters(&self) -> bool {
        self.lock().line.len() > 0
    }

    /// True when a holder gives a permit that it could use itself to another one that waits.
    pub(crate) fn is_yielded_by(
        &self,
        account: &Account,
        is_turn_over: impl FnOnce() -> bool,
    ) -> bool {
        if !account.rotates {
            return false;
        }
        let Some(rival) = self.notice.rival() else {
            return false;
        };
        let own = Standing {
            held: account.held(self.kind),
            weight: account.weight,
        };
        own.yields_to(rival, is_turn_over)
    }

    /// True while a permit is wanted and no key has an idle session: the next released session gives
    /// its permit back.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.notice.is_exhausted()
    }

    /// Sets the exhausted flag while a permit is wanted. The caller looks at the keys once more
    /// afterwards.
    pub(crate) fn set_exhausted(&self) {
        let state = self.lock();
        self.notice.set_exhausted(state.wanted() > 0);
    }

    /// How many permits are taken, or on their way to a seeker.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Closes the limit: no permit is granted any more, and the line is empty. Returns its length
    /// before.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let line = std::mem::replace(&mut state.line, Seekers::new(self.kind));
        self.publish(&state);
        drop(state);
        line.len()
    }

    /// One of the permits that are free.
    fn permit(self: &Arc<Self>, state: &mut State<K>, account: &Arc<Account>) -> Permit<K> {
        let account = Arc::clone(account);
        state.taken += 1;
        account.take(self.kind);
        Permit {
            limit: Arc::clone(self),
            account,
        }
    }

    fn release(self: &Arc<Self>, account: &Arc<Account>) {
        let mut state = self.lock();
        state.taken -= 1;
        account.give_back(self.kind);
        state.line.reorder(account);
        self.serve_all(state);
    }

    /// Gives what is free to those who wait.
    fn serve_all(self: &Arc<Self>, mut state: MutexGuard<'_, State<K>>) {
        let mut grants = Vec::new();
        while let Some(grant) = self.serve_next(&mut state) {
            grants.push(grant);
        }
        self.publish(&state);
        drop(state);
        for grant in grants {
            if let Err(grant) = K::begin(grant) {
                // Before the permit is released, which would be granted to the next one.
                self.close();
                drop(grant);
            }
        }
    }

    fn serve_next(self: &Arc<Self>, state: &mut State<K>) -> Option<Grant<K>> {
        while state.taken < state.max && !state.closed {
            let seeker = state.line.pop()?;
            state.line.announce(&seeker);
            let need = seeker.reserve();
            match seeker.seeks() {
                true => state.line.add(&seeker),
                false => state.line.remove(&seeker),
            }
            if let Some(need) = need {
                let permit = self.permit(state, &seeker.member().account);
                state.line.reorder(&permit.account);
                return Some(Grant {
                    seeker,
                    need,
                    permit,
                });
            }
        }
        None
    }

    /// Writes what is read without the lock.
    fn publish(&self, state: &State<K>) {
        self.notice.publish(Published {
            wanted: state.wanted(),
            has_surplus: state.surplus() > 0,
            poorest: state.line.poorest(),
            without_any: state.line.without_any(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Seeker> State<K> {
    /// How many permits are taken above the limit.
    fn surplus(&self) -> usize {
        self.taken.saturating_sub(self.max)
    }

    fn wanted(&self) -> usize {
        self.line.len() + self.surplus()
    }
}

impl<K: Grantee> Drop for Permit<K> {
    fn drop(&mut self) {
        self.limit.release(&self.account);
    }
}

fn limit(max: usize) -> usize {
    if max == 0 { usize::MAX } else { max }
}
