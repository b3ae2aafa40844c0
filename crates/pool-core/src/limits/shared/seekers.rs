//! A line of seekers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    super::{
        deadlines::Deadlines,
        line::{Line, Place},
    },
    account::{Account, LimitKind, Standing},
    seeker::Seeker,
};

/// The seekers that wait for a permit: the poorest account first, and of equally poor ones that which
/// was served the longest ago. Those of one account are served in turn.
///
/// Every method takes time that grows with the logarithm of the number of accounts at most.
pub(crate) struct Seekers<K> {
    kind: LimitKind,
    pub(super) accounts: HashMap<usize, AccountLine<K>>,
    order: BTreeSet<Rank>,
    /// The place of each seeker, by its number.
    pub(super) places: HashMap<usize, Spot>,
    /// The deadlines of seekers without a permit, by their numbers.
    pub(super) deadlines: Deadlines<u64, usize>,
    without_any: usize,
    /// How many have joined.
    pub(super) joined: u64,
}

/// Where a seeker waits.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) account: usize,
    pub(super) place: Place,
}

/// The seekers of one account.
pub(super) struct AccountLine<K> {
    account: Arc<Account>,
    pub(super) line: Line<Waiting<K>>,
    rank: Rank,
}

pub(super) struct Waiting<K> {
    pub(super) seeker: K,
    /// Whether it had no permit at all when it joined the line.
    pub(super) has_none: bool,
    /// How many had joined before.
    pub(super) number: u64,
    /// Its deadline in the order of deadlines, or [`NO_DEADLINE`].
    pub(super) due: u64,
}

/// The rank of an account in the order of service: the lowest is served first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    ratio: u64,
    turn: u64,
    account: usize,
}

impl<K: Seeker> Seekers<K> {
    pub(crate) fn new(kind: LimitKind) -> Self {
        Self {
            kind,
            accounts: HashMap::new(),
            order: BTreeSet::new(),
            places: HashMap::new(),
            deadlines: Deadlines::default(),
            without_any: 0,
            joined: 0,
        }
    }

    /// How many seekers wait.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many are served before one that is added now for the holder of this account: each other account
    /// has a turn for each of its own.
    pub(crate) fn ahead_of(&self, holder: &Arc<Account>) -> usize {
        let own = self.accounts.get(&number(holder));
        let own = own.map_or(0, |line| line.line.len());
        let others = self.accounts.len() - usize::from(own > 0);
        (own + others.saturating_mul(own + 1)).min(self.len())
    }

    /// How many of them had no permit at all when they joined the line.
    pub(crate) fn without_any(&self) -> usize {
        self.without_any
    }

    /// True while the seeker waits.
    pub(crate) fn has(&self, seeker: &K) -> bool {
        self.places.contains_key(&seeker.number())
    }

    /// The standing of the account that is served next.
    pub(crate) fn poorest(&self) -> Option<Standing> {
        let first = self.order.first()?;
        Some(self.standing(&self.accounts[&first.account].account))
    }

    /// Adds a seeker at the end of its lane, for the holder of this account.
    pub(crate) fn add(&mut self, seeker: &K, holder: &Arc<Account>) {
        let waiting = Waiting {
            seeker: seeker.clone(),
            has_none: seeker.has_none(),
            number: self.joined,
            due: NO_DEADLINE,
        };
        self.joined += 1;
        self.without_any += usize::from(waiting.has_none);
        let account = number(holder);
        if !self.accounts.contains_key(&account) {
            self.open(holder);
        }
        if let Some(line) = self.accounts.get_mut(&account) {
            let place = line.line.push_back(seeker.member().lane, waiting);
            let spot = Spot { account, place };
            self.places.insert(seeker.number(), spot);
        }
        self.note_deadline(seeker);
    }

    /// Takes out the seeker that is served next.
    pub(crate) fn pop(&mut self) -> Option<K> {
        let first = *self.order.first()?;
        let turn = next_turn();
        let line = self.accounts.get_mut(&first.account)?;
        let waiting = line.line.pop()?;
        line.account.note_served(self.kind, turn);
        self.places.remove(&waiting.seeker.number());
        self.took_out(first.account, &waiting);
        // The next turn is that of another account which is as poor.
        self.set_turn(first.account, turn);
        Some(waiting.seeker)
    }

    /// Takes a seeker out of the line, where it is for the holder of this account. Returns whether it
    /// was there.
    pub(crate) fn remove(&mut self, seeker: &K, holder: &Arc<Account>) -> bool {
        let Some(Spot { place, .. }) = self.places.remove(&seeker.number()) else {
            return false;
        };
        let account = number(holder);
        let line = self.accounts.get_mut(&account);
        if let Some(waiting) = line.and_then(|line| line.line.remove(place)) {
            self.took_out(account, &waiting);
        }
        true
    }

    /// Ranks an account by what it has now.
    pub(crate) fn reorder(&mut self, account: &Arc<Account>) {
        let ratio = self.standing(account).ratio();
        if let Some(line) = self.accounts.get_mut(&number(account)) {
            self.order.remove(&line.rank);
            line.rank.ratio = ratio;
            self.order.insert(line.rank);
        }
    }

    fn open(&mut self, account: &Arc<Account>) {
        let rank = Rank {
            ratio: self.standing(account).ratio(),
            // One that comes anew has the last turn, and one that comes back that of its last service.
            turn: account.served(self.kind).unwrap_or_else(next_turn),
            account: number(account),
        };
        self.order.insert(rank);
        let line = AccountLine {
            account: Arc::clone(account),
            line: Line::default(),
            rank,
        };
        self.accounts.insert(rank.account, line);
    }

    /// Gives an account a turn among those which are as poor.
    fn set_turn(&mut self, account: usize, turn: u64) {
        if let Some(line) = self.accounts.get_mut(&account) {
            self.order.remove(&line.rank);
            line.rank.turn = turn;
            self.order.insert(line.rank);
        }
    }

    fn took_out(&mut self, account: usize, waiting: &Waiting<K>) {
        self.without_any -= usize::from(waiting.has_none);
        if self.places.is_empty() {
            self.deadlines = Deadlines::default();
        }
        if let Some(line) = self.accounts.get(&account)
            && line.line.is_empty()
        {
            self.order.remove(&line.rank);
            self.accounts.remove(&account);
        }
    }

    fn standing(&self, account: &Account) -> Standing {
        Standing {
            held: account.held(self.kind),
            weight: account.weight,
        }
    }
}

/// A turn after all others. Lines come and go, and an account keeps the turn of its last service: so all
/// lines count together.
fn next_turn() -> u64 {
    static TURNS: AtomicU64 = AtomicU64::new(1);
    TURNS.fetch_add(1, Ordering::Relaxed)
}

fn number(account: &Arc<Account>) -> usize {
    Arc::as_ptr(account).addr()
}

/// The deadline of a seeker that has none.
pub(super) const NO_DEADLINE: u64 = u64::MAX;
