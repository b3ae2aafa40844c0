//! The lines of the quotas under one limit.

use std::{collections::HashMap, sync::Arc};

use super::{
    account::LimitKind,
    notice::Published,
    quota::{Quota, Seat},
    seeker::Seeker,
    seekers::Seekers,
};

/// The seekers that wait for a quota to have a permit for them, and not for the limit.
pub(super) struct QuotaLines<K> {
    kind: LimitKind,
    /// The lines that are not empty, and those of quotas that are exceeded, by the quota's number.
    lines: HashMap<usize, QuotaLine<K>>,
    /// Where each seeker waits, by its number.
    waits: HashMap<usize, Wait>,
    /// How many permits are wanted back by all of them.
    wanted: usize,
    /// How many lines there were so far.
    begun: u64,
}

/// Where a seeker waits.
struct Wait {
    /// The number of the quota.
    quota: usize,
    turn: Turn,
}

/// How far a seeker has come with its quotas.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// The place under the quota whose turn it is; `None` for a seeker that comes anew.
    pub(super) at: Option<usize>,
    /// How many turns it has lost, since another quota was full.
    lost: u32,
    /// The places under quotas of which it has claimed a permit, one bit each.
    claims: u8,
}

/// A seeker of several quotas claims a permit after so many turns that were lost.
const PATIENCE: u32 = 4;

impl Turn {
    /// Whether the seeker has claimed a permit at this place.
    pub(super) fn has_claimed(self, place: usize) -> bool {
        self.claims & (1 << place) != 0
    }

    pub(super) fn set_claimed(&mut self, place: usize, claimed: bool) {
        self.claims &= !(1 << place);
        self.claims |= u8::from(claimed) << place;
    }

    /// Counts a turn that is lost. Returns the place under the quota whose turn it was, where it is time to
    /// claim a permit of it.
    pub(super) fn lose(&mut self) -> Option<usize> {
        let at = self.at.take()?;
        self.lost += 1;
        (self.lost >= PATIENCE).then_some(at)
    }
}

struct QuotaLine<K> {
    quota: Arc<Quota>,
    seekers: Seekers<K>,
    wanted: usize,
    /// The place among all lines in the order of their beginning.
    order: u64,
}

impl<K: Seeker> QuotaLines<K> {
    pub(super) fn new(kind: LimitKind) -> Self {
        Self {
            kind,
            lines: HashMap::new(),
            waits: HashMap::new(),
            wanted: 0,
            begun: 0,
        }
    }

    /// How many seekers wait.
    pub(super) fn len(&self) -> usize {
        self.waits.len()
    }

    /// How many permits are wanted back.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// True while the seeker waits.
    pub(super) fn has(&self, seeker: &K) -> bool {
        self.waits.contains_key(&seeker.number())
    }

    /// The quota that a seeker waits for.
    pub(super) fn quota_of(&self, seeker: &K) -> Option<&Arc<Quota>> {
        let wait = self.waits.get(&seeker.number())?;
        Some(&self.lines.get(&wait.quota)?.quota)
    }

    /// The quotas of which permits are wanted back.
    pub(super) fn in_want(&self) -> Vec<Arc<Quota>> {
        self.quotas(|line| line.wanted > 0)
    }

    /// The quotas whose lines are like this, in the order in which their lines began.
    fn quotas(&self, is_meant: impl Fn(&QuotaLine<K>) -> bool) -> Vec<Arc<Quota>> {
        let mut lines: Vec<_> = self.lines.values().filter(|line| is_meant(line)).collect();
        lines.sort_unstable_by_key(|line| line.order);
        lines.iter().map(|line| Arc::clone(&line.quota)).collect()
    }

    /// Adds a seeker to the line of one of its quotas.
    pub(super) fn add(&mut self, seeker: &K, seat: &Seat, turn: Turn) {
        let line = self.line(&seat.quota);
        line.seekers.add(seeker, &seat.account);
        let quota = number(&seat.quota);
        self.waits.insert(seeker.number(), Wait { quota, turn });
        self.publish(&seat.quota);
    }

    /// Takes out the seeker that is next under a quota, whose turn it is there.
    pub(super) fn pop(&mut self, quota: &Arc<Quota>) -> Option<(K, Turn)> {
        let line = self.lines.get_mut(&number(quota))?;
        let seeker = line.seekers.pop()?;
        let wait = self.waits.remove(&seeker.number());
        let mut turn = wait.map_or_else(Turn::default, |wait| wait.turn);
        let mut places = seeker.places().iter();
        turn.at = places.position(|seat| Arc::ptr_eq(&seat.quota, quota));
        self.publish(quota);
        Some((seeker, turn))
    }

    /// Takes out a seeker, if it waits.
    pub(super) fn remove(&mut self, seeker: &K) -> Option<Turn> {
        let wait = self.waits.remove(&seeker.number())?;
        let mut seats = seeker.places().iter();
        let seat = seats.find(|seat| number(&seat.quota) == wait.quota);
        if let (Some(seat), Some(line)) = (seat, self.lines.get_mut(&wait.quota)) {
            line.seekers.remove(seeker, &seat.account);
            self.publish(&seat.quota);
        }
        Some(wait.turn)
    }

    /// Ranks the holder of a place by what it has now, and writes what is read without the lock.
    pub(super) fn changed(&mut self, seat: &Seat) {
        if let Some(line) = self.lines.get_mut(&number(&seat.quota)) {
            line.seekers.reorder(&seat.account);
        }
        self.publish(&seat.quota);
    }

    /// Writes what is read of a quota without the lock.
    pub(super) fn publish(&mut self, quota: &Arc<Quota>) {
        let surplus = quota.surplus();
        let number = number(quota);
        if surplus > 0 {
            self.line(quota);
        }
        let Some(line) = self.lines.get_mut(&number) else {
            return;
        };
        // Where the quota has permits left, its seekers wait for the limit like all others.
        let is_full = quota.room() == 0;
        let waiting = if is_full { line.seekers.len() } else { 0 };
        let before = std::mem::replace(&mut line.wanted, waiting + surplus);
        self.wanted = self.wanted - before + line.wanted;
        quota.set_waiting(line.seekers.len());
        quota.notice.publish(Published {
            wanted: line.wanted,
            wanted_by_quotas: 0,
            has_surplus: surplus > 0,
            poorest: is_full.then(|| line.seekers.poorest()).flatten(),
            without_any: if is_full {
                line.seekers.without_any()
            } else {
                0
            },
        });
        if line.seekers.len() == 0 && surplus == 0 {
            self.lines.remove(&number);
        }
    }

    /// Ends all lines. Returns those who waited.
    pub(super) fn end(&mut self) -> Vec<K> {
        let mut seekers = Vec::with_capacity(self.len());
        for quota in self.quotas(|_| true) {
            while let Some((seeker, _)) = self.pop(&quota) {
                seekers.push(seeker);
            }
        }
        seekers
    }

    fn line(&mut self, quota: &Arc<Quota>) -> &mut QuotaLine<K> {
        let kind = self.kind;
        let begun = &mut self.begun;
        let line = self.lines.entry(number(quota));
        line.or_insert_with(|| {
            *begun += 1;
            QuotaLine {
                quota: Arc::clone(quota),
                seekers: Seekers::new(kind),
                wanted: 0,
                order: *begun,
            }
        })
    }
}

fn number(quota: &Arc<Quota>) -> usize {
    Arc::as_ptr(quota).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_made_and_given_up_at_its_own_place_alone() {
        let claims = |turn: Turn| [0, 1, 2].map(|place| turn.has_claimed(place));
        let mut turn = Turn::default();
        turn.set_claimed(0, true);
        turn.set_claimed(2, true);
        assert_eq!(claims(turn), [true, false, true]);
        turn.set_claimed(0, false);
        assert_eq!(claims(turn), [false, false, true]);
        turn.set_claimed(2, false);
        assert_eq!(claims(turn), [false; 3]);
    }

    #[test]
    fn a_seeker_claims_a_permit_from_the_fourth_turn_on_that_it_loses() {
        let mut turn = Turn::default();
        assert_eq!(turn.lose(), None, "it has had no turn");
        let lost = [(); 5].map(|()| {
            turn.at = Some(1);
            turn.lose()
        });
        assert_eq!(lost, [None, None, None, Some(1), Some(1)]);
        assert_eq!(turn.at, None, "a turn is lost once");
    }
}
