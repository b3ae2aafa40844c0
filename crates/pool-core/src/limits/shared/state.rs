//! What is under the lock of a limit.

use std::sync::{Arc, atomic::Ordering};

use super::{
    account::{Account, LimitKind},
    quota::{Quota, Seat},
    quota_lines::{QuotaLines, Turn},
    seeker::Seeker,
    seekers::Seekers,
};

/// What is under the lock of a limit.
///
/// Each quota has no more seekers in the line of the limit than permits left, and none in its own line
/// while it could have one more there, but for a permit that is claimed. So the line of the limit serves the first one, and no seeker
/// waits for a quota that could serve it.
pub(super) struct State<K> {
    pub(super) max: usize,
    pub(super) taken: usize,
    pub(super) closed: bool,
    /// Those who wait for the limit.
    pub(super) line: Seekers<K>,
    /// Those who wait for a quota.
    pub(super) quotas: QuotaLines<K>,
    kind: LimitKind,
}

impl<K: Seeker> State<K> {
    pub(super) fn new(kind: LimitKind, max: usize) -> Self {
        Self {
            max,
            taken: 0,
            closed: false,
            line: Seekers::new(kind),
            quotas: QuotaLines::new(kind),
            kind,
        }
    }

    /// How many permits are taken above the limit.
    pub(super) fn surplus(&self) -> usize {
        self.taken.saturating_sub(self.max)
    }

    /// How many permits are wanted back, of whichever holder.
    pub(super) fn wanted(&self) -> usize {
        self.line.len() + self.surplus()
    }

    /// True while a permit is free that no seeker waits for, under the limit and under these quotas.
    pub(super) fn is_free(&self, seats: &[Seat]) -> bool {
        self.taken < self.max && self.line.len() == 0 && !self.closed && has_room(seats)
    }

    /// True while the seeker may be served before all others.
    pub(super) fn may_serve(&self, seeker: &K) -> bool {
        self.taken < self.max && (self.line.has(seeker) || has_room(seeker.places()))
    }

    /// True while the seeker waits.
    pub(super) fn has(&self, seeker: &K) -> bool {
        self.line.has(seeker) || self.quotas.has(seeker)
    }

    /// Marks a seeker as one that waits, before it is looked at: a change of it from then on finds the
    /// mark, and has the seeker leave its line if need be.
    pub(super) fn announce(&self, seeker: &K) {
        seeker.is_in_line().store(true, Ordering::SeqCst);
    }

    /// Has a seeker that was announced wait, unless it does so already: for the limit, or for the first
    /// of its quotas that has no permit for it.
    pub(super) fn add(&mut self, seeker: &K) {
        match self.has(seeker) {
            true => self.line.note_deadline(seeker),
            false => self.place(seeker, Turn::default()),
        }
    }

    /// Takes a seeker out of whichever line it is in.
    pub(super) fn remove(&mut self, seeker: &K) {
        seeker.is_in_line().store(false, Ordering::SeqCst);
        if let Some(turn) = self.quotas.remove(seeker) {
            self.end_claims(seeker, turn);
            self.refill(seeker.places());
        }
        if self.line.remove(seeker, &seeker.member().account) {
            self.left_line(seeker);
            self.refill(seeker.places());
        }
    }

    /// Takes out the seeker that is served next. What its quotas have left then is either taken by it, or
    /// [given to others](Self::refill).
    pub(super) fn pop(&mut self) -> Option<K> {
        let seeker = self.line.pop()?;
        self.left_line(&seeker);
        Some(seeker)
    }

    /// Moves seekers from the lines of quotas that have a permit for them to the line of the limit.
    pub(super) fn refill(&mut self, seats: &[Seat]) {
        for seat in seats {
            self.refill_one(&seat.quota);
        }
    }

    /// Counts a permit of these holders.
    pub(super) fn take(&mut self, account: &Arc<Account>, seats: &[Seat]) {
        self.taken += 1;
        account.take(self.kind);
        self.line.reorder(account);
        self.join(seats);
    }

    /// Counts a permit that is taken already under quotas.
    pub(super) fn join(&mut self, seats: &[Seat]) {
        for seat in seats {
            seat.quota.take();
            seat.account.take(self.kind);
            self.quotas.changed(seat);
        }
    }

    /// Counts a permit of these holders that is released.
    pub(super) fn give_back(&mut self, account: &Arc<Account>, seats: &[Seat]) {
        self.taken -= 1;
        account.give_back(self.kind);
        self.line.reorder(account);
        for seat in seats {
            seat.quota.give_back();
            seat.account.give_back(self.kind);
            self.quotas.changed(seat);
        }
        self.refill(seats);
    }

    /// Changes a quota.
    pub(super) fn set_quota(&mut self, quota: &Arc<Quota>, max: usize) {
        quota.set_max(max);
        self.quotas.publish(quota);
        self.make_way(quota);
        self.refill_one(quota);
    }

    /// Has the seekers of a quota that has become too small for them wait in its own line.
    pub(super) fn make_way(&mut self, quota: &Quota) {
        if !quota.is_crowded() {
            return;
        }
        // In the order in which they are served, which stays that of those who keep their place.
        let seekers: Vec<K> = std::iter::from_fn(|| self.pop()).collect();
        for seeker in &seekers {
            self.add(seeker);
        }
        // Some wait for this quota now, and leave what they would have had of others.
        for seeker in &seekers {
            self.refill(seeker.places());
        }
    }

    fn refill_one(&mut self, quota: &Arc<Quota>) {
        while !quota.is_spoken_for()
            && let Some((seeker, turn)) = self.quotas.pop(quota)
        {
            self.place(&seeker, turn);
        }
    }

    /// Has a seeker wait for the first of its quotas that has no permit for it or that others wait for; for
    /// the limit where there is none.
    fn place(&mut self, seeker: &K, mut turn: Turn) {
        for (place, seat) in seeker.places().iter().enumerate() {
            if turn.has_claimed(place) && seat.quota.is_crowded() {
                // It has become smaller.
                turn.set_claimed(place, false);
                seat.quota.end_claim();
            }
            if turn.has_claimed(place) || turn.at == Some(place) || seat.quota.is_open() {
                continue;
            }
            if let Some(at) = turn.lose()
                && at < place
            {
                turn.set_claimed(at, seeker.places()[at].quota.claim());
            }
            return self.quotas.add(seeker, seat, turn);
        }
        self.line.add(seeker, &seeker.member().account);
        for (place, seat) in seeker.places().iter().enumerate() {
            match turn.has_claimed(place) {
                true => seat.quota.settle_claim(),
                false => seat.quota.joined_line(),
            }
        }
    }

    fn end_claims(&self, seeker: &K, turn: Turn) {
        for (place, seat) in seeker.places().iter().enumerate() {
            if turn.has_claimed(place) {
                seat.quota.end_claim();
            }
        }
    }

    fn left_line(&self, seeker: &K) {
        for seat in seeker.places() {
            seat.quota.left_line();
        }
    }
}

/// True while each quota has a permit that no seeker waits for.
fn has_room(seats: &[Seat]) -> bool {
    seats.iter().all(|seat| !seat.quota.is_spoken_for())
}
