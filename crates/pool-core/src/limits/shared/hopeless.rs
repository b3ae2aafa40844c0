//! The seekers that cannot be served in time.

use std::{collections::HashMap, time::Duration};

use super::{
    seeker::Seeker,
    seekers::{AccountLine, NO_DEADLINE, Seekers, Spot, Waiting},
};

/// A seeker whose turn comes after its deadline.
pub(crate) struct Hopeless<K> {
    pub(crate) seeker: K,
    /// The deadline, in nanoseconds.
    pub(crate) due: u64,
    /// How long it would wait.
    pub(crate) wait: Duration,
}

impl<K: Seeker> Seekers<K> {
    /// Takes note of the deadline of a seeker, where it is earlier than it was. Only those without a permit
    /// wait for their turn alone.
    pub(crate) fn note_deadline(&mut self, seeker: &K) {
        let number = seeker.number();
        let Some(due) = seeker.next_deadline() else {
            return;
        };
        match self.waiting(number) {
            Some(waiting) if waiting.has_none && due < waiting.due => waiting.due = due,
            _ => return,
        }
        self.deadlines.add(due, number);
        let (places, accounts) = (&self.places, &self.accounts);
        let is_valid = |due, number| due_of(places, accounts, number) == Some(due);
        self.deadlines.forget(places.len(), is_valid);
    }

    /// The seeker with the next deadline, where that passes before its turn comes. `wait` is how long one
    /// waits with so many ahead of it.
    pub(crate) fn hopeless(
        &mut self,
        now: u64,
        wait: impl Fn(usize) -> Option<u64>,
    ) -> Option<Hopeless<K>> {
        loop {
            let (places, accounts) = (&self.places, &self.accounts);
            let is_valid = |due, number| due_of(places, accounts, number) == Some(due);
            let (due, number) = self.deadlines.first(is_valid)?;
            let ahead = self.ahead(number)?;
            let waiting = self.waiting(number)?;
            let seeker = waiting.seeker.clone();
            let is_true = seeker.has_none() && seeker.next_deadline() == Some(due);
            if is_true {
                let wait = wait(ahead)?;
                let left = due.saturating_sub(now);
                let wait = (wait > left).then(|| Duration::from_nanos(wait))?;
                return Some(Hopeless { seeker, due, wait });
            }
            // Whose deadline it was has left, or it has a permit by now.
            waiting.due = NO_DEADLINE;
            if seeker.has_none() {
                self.note_deadline(&seeker);
            }
        }
    }

    /// How many are served before this one: each other account has a turn for each of its own, but for
    /// those that come later where the accounts are as short.
    fn ahead(&self, number: usize) -> Option<usize> {
        let spot = self.places.get(&number)?;
        let line = &self.accounts.get(&spot.account)?.line;
        let own = line.ahead(spot.place)?;
        let by_accounts = own + (self.accounts.len() - 1).saturating_mul(own + 1);
        let oldest = self.joined - self.len() as u64;
        let by_order = line.get(spot.place)?.number.saturating_sub(oldest);
        Some(by_accounts.min(usize::try_from(by_order).ok()?))
    }

    fn waiting(&mut self, number: usize) -> Option<&mut Waiting<K>> {
        let spot = self.places.get(&number)?;
        let line = &mut self.accounts.get_mut(&spot.account)?.line;
        line.get_mut(spot.place)
    }
}

/// The deadline of a seeker in the order of deadlines.
fn due_of<K>(
    places: &HashMap<usize, Spot>,
    accounts: &HashMap<usize, AccountLine<K>>,
    number: usize,
) -> Option<u64> {
    let spot = places.get(&number)?;
    let waiting = accounts.get(&spot.account)?.line.get(spot.place)?;
    Some(waiting.due)
}
