//! Who is shed of those that wait for a limit.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use proptest::prelude::*;

use super::shared::{Account, LimitKind, Member, Seats, Seeker, Seekers};

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
