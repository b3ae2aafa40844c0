//! A limit that is shared, and the line of those who seek a permit under it.

use std::sync::Arc;

use super::{
    super::sync::{Mutex, MutexGuard, lock},
    account::{Account, LimitKind, Member},
    notice::{Notice, Published},
    quota::{Quota, Seat, Seats},
    seeker::Seeker,
    state::State,
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
    /// The seeker waits for a quota, and others are served meanwhile.
    AtQuota {
        quota: Arc<Quota>,
        /// Whether it did not wait before.
        is_new: bool,
    },
    /// The seeker needs none, or the limit is closed.
    Nothing,
}

/// A limit that is shared. A released permit goes to the poorest of those who wait; it is free only
/// while no one waits, or while more permits are taken than the limit allows.
pub(crate) struct SharedLimit<K: Grantee> {
    pub(super) kind: LimitKind,
    state: Mutex<State<K>>,
    /// What is read without the lock.
    pub(super) notice: Notice,
}

/// A permit under a limit, and under the quotas of its holder. Dropped, it goes to the poorest of those
/// who wait.
pub(crate) struct Permit<K: Grantee> {
    /// `None` once it is kept by its account alone.
    limit: Option<Arc<SharedLimit<K>>>,
    account: Arc<Account>,
    /// The places under the quotas that it counts for.
    pub(super) seats: Option<Seats>,
}

impl<K: Grantee> SharedLimit<K> {
    /// `max` 0 means no limit.
    pub(crate) fn new(kind: LimitKind, max: usize) -> Arc<Self> {
        Arc::new(Self {
            kind,
            state: Mutex::new(State::new(kind, limit(max))),
            notice: Notice::default(),
        })
    }

    pub(crate) fn kind(&self) -> LimitKind {
        self.kind
    }

    /// Changes the limit; 0 means none. A higher one gives permits to those who wait. Under a lower
    /// one no holder loses its permit: released permits are free until the limit is kept.
    pub(crate) fn resize(self: &Arc<Self>, max: usize) {
        let mut state = self.lock();
        state.max = limit(max);
        self.serve_all(state);
    }

    /// A permit, if one is free that no one waits for.
    pub(crate) fn take(
        self: &Arc<Self>,
        member: &Member,
        seats: Option<&Seats>,
    ) -> Option<Permit<K>> {
        let mut state = self.lock();
        let places = seats.map_or(&[][..], |seats| seats);
        if !state.is_free(places) {
            return None;
        }
        let permit = self.permit(&mut state, &member.account, seats);
        self.publish(&state);
        Some(permit)
    }

    /// A permit for a seeker, or a place in a line. A seeker that needs none leaves its line.
    pub(crate) fn request(self: &Arc<Self>, seeker: &K) -> Requested<K> {
        let mut state = self.lock();
        state.announce(seeker);
        if state.closed || !seeker.seeks() {
            state.remove(seeker);
            // A claim that it held on a quota may be what another seeker waits for.
            self.serve_all(state);
            return Requested::Nothing;
        }
        let waited = state.has(seeker);
        if state.may_serve(seeker)
            && let Some(need) = seeker.reserve()
        {
            let permit = self.permit_for(&mut state, seeker);
            state.remove(seeker);
            if waited {
                self.add_if_needed(&mut state, seeker);
            }
            self.publish(&state);
            let seeker = seeker.clone();
            return Requested::Granted(Grant {
                seeker,
                need,
                permit,
            });
        }
        state.add(seeker);
        self.publish(&state);
        let quota = state.quotas.quota_of(seeker);
        match quota.filter(|quota| quota.room() == 0) {
            Some(quota) => Requested::AtQuota {
                quota: Arc::clone(quota),
                is_new: !waited,
            },
            None => Requested::InLine,
        }
    }

    /// Has a seeker leave its line, if it is in one and needs no permit any more.
    pub(crate) fn settle(self: &Arc<Self>, seeker: &K) {
        let mut state = self.lock();
        if state.has(seeker) && !seeker.seeks() {
            state.remove(seeker);
            self.serve_all(state);
        }
    }

    /// How many permits are taken, or on their way to a seeker.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Closes the limit: no permit is granted any more, and all lines are empty. Returns those who
    /// waited.
    pub(crate) fn close(&self) -> Vec<K> {
        let mut state = self.lock();
        state.closed = true;
        let mut waited = state.quotas.end();
        waited.extend(std::iter::from_fn(|| state.pop()));
        self.publish(&state);
        waited
    }

    /// One of the permits that are free.
    fn permit(
        self: &Arc<Self>,
        state: &mut State<K>,
        account: &Arc<Account>,
        seats: Option<&Seats>,
    ) -> Permit<K> {
        let permit = Permit {
            limit: Some(Arc::clone(self)),
            account: Arc::clone(account),
            seats: seats.cloned(),
        };
        state.take(account, permit.seats());
        permit
    }

    fn permit_for(self: &Arc<Self>, state: &mut State<K>, seeker: &K) -> Permit<K> {
        let account = &seeker.member().account;
        self.permit(state, account, seeker.seats())
    }

    /// Takes back a permit that an account [keeps](Permit::keep). It goes to the poorest of those who wait.
    pub(crate) fn give_back(self: &Arc<Self>, account: &Arc<Account>) {
        self.release(account, &[]);
    }

    fn release(self: &Arc<Self>, account: &Arc<Account>, seats: &[Seat]) {
        let mut state = self.lock();
        state.give_back(account, seats);
        self.serve_all(state);
    }

    /// Gives what is free to those who wait.
    pub(super) fn serve_all(self: &Arc<Self>, mut state: MutexGuard<'_, State<K>>) {
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
            let seeker = state.pop()?;
            state.announce(&seeker);
            let need = seeker.reserve();
            let permit = need.is_some().then(|| self.permit_for(state, &seeker));
            self.add_if_needed(state, &seeker);
            state.refill(seeker.places());
            if let (Some(need), Some(permit)) = (need, permit) {
                return Some(Grant {
                    seeker,
                    need,
                    permit,
                });
            }
        }
        None
    }

    /// Has a seeker wait for one more permit, if it needs one.
    fn add_if_needed(&self, state: &mut State<K>, seeker: &K) {
        state.announce(seeker);
        match seeker.seeks() {
            true => state.add(seeker),
            false => state.remove(seeker),
        }
    }

    /// Writes what is read without the lock.
    pub(super) fn publish(&self, state: &State<K>) {
        self.notice.publish(Published {
            wanted: state.wanted(),
            wanted_by_quotas: state.quotas.wanted(),
            has_surplus: state.surplus() > 0,
            poorest: state.line.poorest(),
            without_any: state.line.without_any(),
        });
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<K>> {
        lock(&self.state)
    }
}

impl<K: Grantee> Permit<K> {
    /// The account that it counts for.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Keeps it for as long as its holder likes, who gives it back by [`SharedLimit::give_back`]. For one
    /// without places under quotas.
    pub(crate) fn keep(mut self) {
        self.limit = None;
    }

    fn seats(&self) -> &[Seat] {
        self.seats.as_deref().unwrap_or_default()
    }
}

impl<K: Grantee> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some(limit) = &self.limit {
            limit.release(&self.account, self.seats());
        }
    }
}

fn limit(max: usize) -> usize {
    if max == 0 { usize::MAX } else { max }
}
