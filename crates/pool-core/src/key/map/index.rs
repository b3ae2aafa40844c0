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

/// A place among the keys of a selector, which the keys that come and go do not move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    /// The hash of a part; 0 where every key is selected.
    part: u64,
    name: u64,
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
        let (indexes, selector) = (self.lock(), &plain(selector));
        let hashes = indexes.hashes(selector)?;
        let keys = indexes.places(&hashes, KeyPlace::default());
        let keys = keys.filter_map(|place| indexes.by_name.get(&place.name));
        Some(
            keys.filter(|key| is_selected(key, selector))
                .cloned()
                .collect(),
        )
    }

    /// Some of the keys that a selector selects, from a place on, and where the next ones begin; `None`
    /// after the last one. Looks at `most` keys.
    pub(crate) fn select_some(
        &self,
        selector: &Selector,
        from: KeyPlace,
        most: usize,
    ) -> (Vec<PoolKey>, Option<KeyPlace>) {
        let (indexes, selector) = (self.lock(), &plain(selector));
        let mut places: Vec<KeyPlace> = match indexes.hashes(selector) {
            Some(hashes) => indexes.places(&hashes, from).take(most + 1).collect(),
            None => indexes.names(from).take(most + 1).collect(),
        };
        let next = (places.len() > most).then(|| places.pop()).flatten();
        let keys = places
            .iter()
            .filter_map(|place| indexes.by_name.get(&place.name));
        let keys = keys.filter(|key| is_selected(key, selector));
        (keys.cloned().collect(), next)
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

    /// The hashes of the parts that a [`plain`] selector selects, in order; `None` where it selects every
    /// key.
    fn hashes(&self, selector: &Selector) -> Option<Vec<u64>> {
        Some(match selector {
            Selector::All => return None,
            Selector::Conversation(id) => vec![self.hash(Part::Conversation, id)],
            Selector::Endpoint(endpoint) if endpoint.is_auto() => {
                let all = self.endpoints.keys();
                let same = all.filter(|other| is_over_any_transport(other, endpoint));
                let mut hashes: Vec<_> = same.map(|it| self.hash(Part::Endpoint, it)).collect();
                hashes.sort_unstable();
                hashes.dedup();
                hashes
            }
            Selector::Endpoint(endpoint) => vec![self.hash(Part::Endpoint, endpoint)],
            Selector::Gateway(gateway) => vec![self.hash(Part::Gateway, gateway.as_str())],
            Selector::Identity(identity) => vec![self.hash(Part::Identity, identity)],
            Selector::Principal(principal) => vec![self.hash(Part::Principal, principal)],
        })
    }

    /// The places of the keys with one of these hashes, from a place on. `hashes` are in order.
    fn places(&self, hashes: &[u64], from: KeyPlace) -> impl Iterator<Item = KeyPlace> {
        let hashes = hashes.iter().filter(move |hash| **hash >= from.part);
        hashes.flat_map(move |hash| {
            let first = if *hash == from.part { from.name } else { 0 };
            let places = self.by_part.range((*hash, first)..=(*hash, u64::MAX));
            places.map(|(part, name)| KeyPlace {
                part: *part,
                name: *name,
            })
        })
    }

    /// The places of all keys, from one on.
    fn names(&self, from: KeyPlace) -> impl Iterator<Item = KeyPlace> {
        let names = self.by_name.range(from.name..);
        names.map(|(name, _)| KeyPlace {
            part: 0,
            name: *name,
        })
    }

    fn hash<P: Hash + ?Sized>(&self, kind: Part, part: &P) -> u64 {
        self.hasher.hash_one((kind as u8, part))
    }
}

/// The selector without the settings of its endpoint.
fn plain(selector: &Selector) -> Selector {
    match selector {
        Selector::Endpoint(endpoint) => Selector::Endpoint(endpoint.plain()),
        other => other.clone(),
    }
}

/// Whether a [`plain`] selector selects a key. Two parts may have one hash, so that each key is compared.
fn is_selected(key: &PoolKey, selector: &Selector) -> bool {
    match selector {
        Selector::All => true,
        Selector::Conversation(id) => matches!(key.scope(), Scope::Conversation(of) if of == id),
        Selector::Endpoint(endpoint) if endpoint.is_auto() => {
            is_over_any_transport(&key.endpoint().plain(), endpoint)
        }
        Selector::Endpoint(endpoint) => key.endpoint().plain() == *endpoint,
        Selector::Gateway(gateway) => key.endpoint().gateway() == Some(gateway),
        Selector::Identity(identity) => has_owner(key) && key.identity() == identity,
        Selector::Principal(principal) => has_owner(key) && key.principal() == principal,
    }
}

/// Whether two endpoints without settings are the same but for the transport, which is that to be detected
/// in `auto`.
fn is_over_any_transport(endpoint: &Endpoint, auto: &Endpoint) -> bool {
    endpoint.clone().over(auto.transport()) == *auto
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
    fn keys_are_selected_in_parts_each_once_while_others_come_and_go() {
        let index = KeyIndex::default();
        let endpoint = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        let sse = Endpoint::sse("https://example.com/mcp").unwrap();
        let auto = Endpoint::auto("https://example.com/mcp").unwrap();
        let keys: Vec<_> = (0..25)
            .map(|user| {
                let over = if user % 2 == 0 { &endpoint } else { &sse };
                key(&format!("user-{user}"), over, &Scope::Identity)
            })
            .collect();
        let other = Endpoint::sse("https://example.org/mcp").unwrap();
        index.add(&key("stranger", &other, &Scope::Identity));
        for key in &keys {
            index.add(key);
        }
        for (selector, most, expected) in [
            (Selector::All, 1, 26),
            (Selector::All, 26, 26),
            (Selector::endpoint(&auto), 4, 25),
            (Selector::endpoint(&sse), 5, 12),
            (Selector::principal(&Principal::user("user-3")), 7, 1),
            (Selector::gateway("none"), 7, 0),
        ] {
            let mut found = Vec::new();
            let mut next = Some(KeyPlace::default());
            while let Some(from) = next {
                let (some, then) = index.select_some(&selector, from, most);
                assert!(some.len() <= most, "{selector:?}");
                // What goes does not move the place of what comes next.
                for key in &some {
                    index.remove(key);
                }
                found.extend(some);
                next = then;
            }
            let each: HashSet<_> = found.iter().collect();
            assert_eq!(
                (each.len(), found.len()),
                (expected, expected),
                "{selector:?}"
            );
            for key in &found {
                index.add(key);
            }
        }
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
