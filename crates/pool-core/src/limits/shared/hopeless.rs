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
        Some(line.get_mut(spot.place)?.0)
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

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroU32,
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering},
        },
    };

    use proptest::prelude::*;

    use super::{
        super::{
            account::{Account, LimitKind, Member},
            quota::Seats,
        },
        *,
    };

    /// A key whose callers have these deadlines.
    #[derive(Clone)]
    struct Key(Arc<Inner>);

    struct Inner {
        member: Member,
        deadlines: Mutex<Vec<u64>>,
        has_session: AtomicBool,
        is_in_line: AtomicBool,
    }

    impl Seeker for Key {
        type Need = ();

        fn number(&self) -> usize {
            Arc::as_ptr(&self.0).addr()
        }

        fn member(&self) -> &Member {
            &self.0.member
        }

        fn seats(&self) -> Option<&Seats> {
            None
        }

        fn reserve(&self) -> Option<()> {
            None
        }

        fn seeks(&self) -> bool {
            self.next_deadline().is_some()
        }

        fn has_none(&self) -> bool {
            !self.0.has_session.load(Ordering::SeqCst)
        }

        fn next_deadline(&self) -> Option<u64> {
            self.0.deadlines.lock().unwrap().iter().min().copied()
        }

        fn is_in_line(&self) -> &AtomicBool {
            &self.0.is_in_line
        }
    }

    impl Key {
        fn new(account: &Arc<Account>, deadlines: &[u64]) -> Self {
            Self(Arc::new(Inner {
                member: Member {
                    account: Arc::clone(account),
                    lane: 0,
                },
                deadlines: Mutex::new(deadlines.to_vec()),
                has_session: AtomicBool::new(false),
                is_in_line: AtomicBool::new(false),
            }))
        }

        fn shed(&self, due: u64) {
            self.0.deadlines.lock().unwrap().retain(|at| *at > due);
        }

        fn leave(&self, seekers: &mut Seekers<Self>) {
            seekers.remove(self, &self.0.member.account);
        }
    }

    fn account() -> Arc<Account> {
        Account::new(NonZeroU32::MIN, true)
    }

    /// Sheds who cannot be served in time at one each nanosecond. Returns their deadlines.
    fn shed(seekers: &mut Seekers<Key>, now: u64) -> Vec<u64> {
        let mut shed = Vec::new();
        while let Some(one) = seekers.hopeless(now, |ahead| Some(ahead as u64)) {
            shed.push(one.due);
            one.seeker.shed(one.due);
            if !one.seeker.seeks() {
                one.seeker.leave(seekers);
            }
        }
        shed
    }

    #[test]
    fn a_caller_is_shed_by_its_own_deadline_and_its_key_stays_for_the_others() {
        let mut seekers = Seekers::new(LimitKind::Sessions);
        let account = account();
        let keys = [&[100][..], &[50, 3], &[0]].map(|due| Key::new(&account, due));
        for key in &keys[..2] {
            seekers.add(key, &account);
        }
        assert!(shed(&mut seekers, 2).is_empty(), "in time");
        assert_eq!(shed(&mut seekers, 3), [3]);
        assert_eq!(seekers.len(), 2);
        // A caller that comes later, with an earlier deadline.
        keys[1].0.deadlines.lock().unwrap().push(3);
        seekers.note_deadline(&keys[1]);
        assert_eq!(shed(&mut seekers, 3), [3]);
        // One of a key that has a session does not wait for its turn.
        keys[2].0.has_session.store(true, Ordering::SeqCst);
        seekers.add(&keys[2], &account);
        assert!(shed(&mut seekers, 40).is_empty());
        assert_eq!(shed(&mut seekers, 50), [50]);
        assert_eq!(seekers.len(), 2);
    }

    #[test]
    fn a_user_with_one_key_is_not_shed_for_the_many_of_another() {
        let mut seekers = Seekers::new(LimitKind::Sessions);
        let [crowd, user] = [account(), account()];
        for _ in 0..1_000 {
            seekers.add(&Key::new(&crowd, &[500]), &crowd);
        }
        let key = Key::new(&user, &[5]);
        seekers.add(&key, &user);
        assert!(shed(&mut seekers, 0).is_empty(), "its turn comes next");
        assert!(key.seeks());
        key.leave(&mut seekers);
        assert!(shed(&mut seekers, 0).len() > 400, "those of the crowd");
    }

    proptest! {
        /// In a line that is served in the order of arrival, whether of one account or of many.
        #[test]
        fn who_is_shed_has_the_earliest_deadline_and_would_not_have_been_served_in_time(
            deadlines in proptest::collection::vec(0_u64..80, 1..60),
            is_of_one in any::<bool>(),
            leaves in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let mut seekers = Seekers::new(LimitKind::Sessions);
            let shared = account();
            let mut line = Vec::new();
            for due in deadlines {
                let own = if is_of_one { Arc::clone(&shared) } else { account() };
                let key = Key::new(&own, &[due]);
                seekers.add(&key, &own);
                line.push((key, due));
            }
            for at in leaves {
                if line.len() > 1 {
                    let (key, _) = line.remove(at.index(line.len()));
                    key.leave(&mut seekers);
                }
            }
            let mut now = 0;
            while !line.is_empty() {
                while let Some(one) = seekers.hopeless(now, |ahead| Some(ahead as u64)) {
                    let at = line.iter().position(|(key, _)| key.number() == one.seeker.number());
                    let at = at.expect("in line");
                    prop_assert!(line.iter().all(|(_, due)| one.due <= *due), "the earliest");
                    prop_assert!(now + at as u64 > one.due, "{at} ahead at {now}, due {}", one.due);
                    let (key, _) = line.remove(at);
                    key.leave(&mut seekers);
                }
                if line.is_empty() {
                    break;
                }
                let (key, _) = line.remove(0);
                prop_assert_eq!(seekers.pop().map(|key| key.number()), Some(key.number()));
                now += 1;
            }
            let left = seekers.hopeless(now, |_| Some(u64::MAX));
            prop_assert!(left.is_none(), "no one waits");
        }
    }
}
