//! When to sweep which key.

use std::collections::BTreeMap;

use crate::{time::Timestamp, types::PoolKey};

/// The planned sweeps by their time and the number of the key, earliest first.
///
/// A tree, which grows by small pieces: among a million keys, a heap in one piece of memory took three
/// milliseconds to grow.
#[derive(Default)]
pub(crate) struct Schedule(BTreeMap<(Timestamp, u64), PoolKey>);

/// A planned sweep.
pub(crate) struct PlannedSweep {
    pub(crate) at: Timestamp,
    pub(crate) key: PoolKey,
}

impl Schedule {
    /// Adds a sweep in place of an earlier plan, if there is any.
    pub(crate) fn add(&mut self, at: Timestamp, key: PoolKey, replaced: Timestamp) {
        let number = key.fingerprint().number();
        self.0.remove(&(replaced, number));
        self.0.insert((at, number), key);
    }

    /// When the next sweep is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next sweep, if it is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<PlannedSweep> {
        let first = self.0.first_entry()?;
        let (at, _) = *first.key();
        (at <= now).then(|| PlannedSweep {
            at,
            key: first.remove(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DigestKey, Endpoint, Identity, KeyParts, Principal, Scope, TransportKind};

    fn key(user: &str) -> PoolKey {
        let transport = TransportKind::new("test");
        let endpoint = Endpoint::new("http://localhost/mcp", transport).unwrap();
        let parts = KeyParts {
            principal: &Principal::user(user),
            endpoint: &endpoint,
            identity: &Identity::anonymous(),
            scope: &Scope::Identity,
            profile: "",
            declared: b"",
        };
        PoolKey::new(DigestKey::portable(), &parts)
    }

    #[test]
    fn a_plan_leaves_nothing_behind_once_an_earlier_one_replaces_it() {
        let [alice, bob] = ["alice", "bob"].map(key);
        let [early, middle, late] = [10, 20, 30].map(Timestamp::of_nanos);
        let mut schedule = Schedule::default();
        schedule.add(late, alice.clone(), Timestamp::NEVER);
        schedule.add(late, bob.clone(), Timestamp::NEVER);
        schedule.add(middle, alice.clone(), late);
        schedule.add(early, alice.clone(), middle);
        assert_eq!(schedule.0.len(), 2);
        let mut due = || schedule.pop_due(late).map(|sweep| (sweep.at, sweep.key));
        assert_eq!(due(), Some((early, alice)));
        assert_eq!(due(), Some((late, bob)));
        assert_eq!(due(), None);
    }
}
