//! The indexes over the keys of a pool.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::types::{Endpoint, PoolKey, Scope, Selector};

/// The keys of a pool by the parts that callers evict by. Written when a key is created or removed,
/// never on the path of a hit.
#[derive(Default)]
pub(crate) struct KeyIndex(Mutex<Indexes>);

#[derive(Default)]
struct Indexes {
    /// By the number of the fingerprint.
    by_name: BTreeMap<u64, PoolKey>,
    /// The hash of each part of each key, and the name of the key: one set for all kinds of parts, which
    /// takes some 20 bytes for a part where a map of sets takes hundreds.
    by_part: BTreeSet<(u64, u64)>,
    /// How many keys each endpoint has, without its settings. Endpoints are few beside keys.
    endpoints: HashMap<Endpoint, usize>,
    hasher: foldhash::quality::RandomState,
}

/// A part of a key that selects it.
#[derive(Clone, Copy)]
enum Part {
    Conversation,
    Endpoint,
    Gateway,
    Identity,
    Principal,
}

impl KeyIndex {
    pub(crate) fn add(&self, key: &PoolKey) {
        let mut indexes = self.lock();
        let name = key.fingerprint().number();
        // A key that was removed is still there where its successor comes first.
        if indexes.by_name.insert(name, key.clone()).is_some() {
            return;
        }
        for hash in indexes.parts(key) {
            indexes.by_part.insert((hash, name));
        }
        *indexes.endpoints.entry(key.endpoint().plain()).or_default() += 1;
    }

    pub(crate) fn remove(&self, key: &PoolKey) {
        let mut indexes = self.lock();
        let name = key.fingerprint().number();
        if indexes.by_name.remove(&name).is_none() {
            return;
        }
        for hash in indexes.parts(key) {
            indexes.by_part.remove(&(hash, name));
        }
        let endpoint = key.endpoint().plain();
        if let Some(count) = indexes.endpoints.get_mut(&endpoint) {
            *count -= 1;
            if *count == 0 {
                indexes.endpoints.remove(&endpoint);
            }
        }
    }

    /// The key of this name.
    pub(crate) fn named(&self, name: u64) -> Option<PoolKey> {
        self.lock().by_name.get(&name).cloned()
    }

    /// So many keys, in the order of their names.
    pub(crate) fn first(&self, most: usize) -> Vec<PoolKey> {
        self.lock().by_name.values().take(most).cloned().collect()
    }

    /// The keys that a selector selects; `None` for all of them.
    pub(crate) fn select(&self, selector: &Selector) -> Option<Vec<PoolKey>> {
        let indexes = self.lock();
        Some(match selector {
            Selector::All => return None,
            Selector::Conversation(id) => {
                let is_it =
                    |key: &PoolKey| matches!(key.scope(), Scope::Conversation(of) if of == id);
                indexes.with(Part::Conversation, id, is_it)
            }
            Selector::Endpoint(endpoint) if endpoint.is_auto() => {
                let endpoint = endpoint.plain();
                let all = indexes.over_any_transport(&endpoint);
                all.flat_map(|endpoint| indexes.of_endpoint(endpoint))
                    .collect()
            }
            Selector::Endpoint(endpoint) => indexes.of_endpoint(&endpoint.plain()),
            Selector::Gateway(gateway) => {
                let gateway = gateway.as_str();
                let is_it = |key: &PoolKey| key.endpoint().gateway() == Some(gateway);
                indexes.with(Part::Gateway, gateway, is_it)
            }
            Selector::Identity(identity) => indexes.with(Part::Identity, identity, |key| {
                has_owner(key) && key.identity() == identity
            }),
            Selector::Principal(principal) => indexes.with(Part::Principal, principal, |key| {
                has_owner(key) && key.principal() == principal
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Indexes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Indexes {
    /// The hashes of the parts of a key.
    fn parts(&self, key: &PoolKey) -> Vec<u64> {
        let endpoint = key.endpoint();
        let mut parts = vec![self.hash(Part::Endpoint, &endpoint.plain())];
        if let Scope::Conversation(id) = key.scope() {
            parts.push(self.hash(Part::Conversation, id));
        }
        if let Some(gateway) = endpoint.gateway() {
            parts.push(self.hash(Part::Gateway, gateway));
        }
        if has_owner(key) {
            parts.push(self.hash(Part::Identity, key.identity()));
            parts.push(self.hash(Part::Principal, key.principal()));
        }
        parts
    }

    /// The keys with this part. Two parts may have one hash, so that each key is compared.
    fn with<P: Hash + ?Sized>(
        &self,
        kind: Part,
        part: &P,
        has_part: impl Fn(&PoolKey) -> bool,
    ) -> Vec<PoolKey> {
        let hash = self.hash(kind, part);
        let names = self.by_part.range((hash, 0)..=(hash, u64::MAX));
        let keys = names.filter_map(|(_, name)| self.by_name.get(name));
        keys.filter(|key| has_part(key)).cloned().collect()
    }

    fn of_endpoint(&self, endpoint: &Endpoint) -> Vec<PoolKey> {
        self.with(Part::Endpoint, endpoint, |key| {
            key.endpoint().plain() == *endpoint
        })
    }

    /// The same endpoint over each transport that the pool detected.
    fn over_any_transport(&self, endpoint: &Endpoint) -> impl Iterator<Item = &Endpoint> {
        let is_same = |other: &&Endpoint| (*other).clone().over(endpoint.transport()) == *endpoint;
        self.endpoints.keys().filter(is_same)
    }

    fn hash<P: Hash + ?Sized>(&self, kind: Part, part: &P) -> u64 {
        self.hasher.hash_one((kind as u8, part))
    }
}

/// A shared session has no owner.
fn has_owner(key: &PoolKey) -> bool {
    *key.scope() != Scope::Shared
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::types::{DigestKey, Identity, KeyParts, Principal};

    fn key(user: &str, endpoint: &Endpoint, scope: &Scope) -> PoolKey {
        let parts = KeyParts {
            principal: &Principal::user(user.to_owned()),
            endpoint,
            identity: &Identity::from_parts("test", [user]),
            scope,
            profile: "",
            declared: &[],
        };
        PoolKey::new(DigestKey::of_process(), &parts)
    }

    #[test]
    fn a_selector_finds_the_keys_that_have_its_part_until_they_are_removed() {
        let index = KeyIndex::default();
        let endpoint = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        let sse = Endpoint::sse("https://example.com/mcp").unwrap();
        let gateway = endpoint.clone().with_gateway("g");
        let alice = key("alice", &endpoint, &Scope::Identity);
        let bob = key("bob", &gateway, &Scope::conversation("c"));
        let shared = key("carol", &sse, &Scope::Shared);
        for key in [&alice, &bob, &shared] {
            index.add(key);
        }
        let auto = Endpoint::auto("https://example.com/mcp").unwrap();
        for (selector, expected) in [
            (Selector::principal(&Principal::user("alice")), vec![&alice]),
            (Selector::principal(&Principal::user("carol")), vec![]),
            (Selector::principal(&Principal::anonymous()), vec![]),
            (Selector::identity(bob.identity()), vec![&bob]),
            (Selector::conversation("c"), vec![&bob]),
            (Selector::gateway("g"), vec![&bob]),
            (Selector::endpoint(&endpoint), vec![&alice]),
            (
                Selector::endpoint(&endpoint.clone().with_min_idle(9)),
                vec![&alice],
            ),
            (
                Selector::endpoint(&endpoint.clone().with_client("c")),
                vec![],
            ),
            (Selector::endpoint(&sse), vec![&shared]),
            (Selector::endpoint(&auto), vec![&alice, &shared]),
        ] {
            let found: HashSet<_> = index.select(&selector).unwrap().into_iter().collect();
            let expected: HashSet<_> = expected.into_iter().cloned().collect();
            assert_eq!(found, expected, "{selector:?}");
        }
        assert!(index.select(&Selector::All).is_none());
        for key in [&alice, &bob, &shared] {
            index.remove(key);
        }
        let indexes = index.lock();
        assert!(indexes.by_part.is_empty() && indexes.by_name.is_empty());
        assert!(indexes.endpoints.is_empty());
    }
}
