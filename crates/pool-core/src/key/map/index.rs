//! Indexes over the keys of a pool.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::types::{ConversationId, Endpoint, Identity, PoolKey, Principal, Scope, Selector};

/// The keys of a pool by the parts that callers evict by. Written when a key is created or removed,
/// never on the path of a hit.
#[derive(Default)]
pub(crate) struct KeyIndex(Mutex<Indexes>);

#[derive(Default)]
struct Indexes {
    by_conversation: HashMap<ConversationId, HashSet<PoolKey>>,
    /// By the number of the fingerprint.
    by_name: BTreeMap<u64, PoolKey>,
    by_endpoint: HashMap<Endpoint, HashSet<PoolKey>>,
    by_gateway: HashMap<Box<str>, HashSet<PoolKey>>,
    by_identity: HashMap<Identity, HashSet<PoolKey>>,
    by_principal: HashMap<Principal, HashSet<PoolKey>>,
}

impl KeyIndex {
    pub(crate) fn add(&self, key: &PoolKey) {
        let mut indexes = self.lock();
        indexes
            .by_name
            .insert(key.fingerprint().number(), key.clone());
        if let Scope::Conversation(id) = key.scope() {
            add(&mut indexes.by_conversation, id.clone(), key);
        }
        if let Some(gateway) = key.endpoint().gateway() {
            add(&mut indexes.by_gateway, gateway.into(), key);
        }
        add(&mut indexes.by_endpoint, key.endpoint().clone(), key);
        // A shared session has no owner.
        if *key.scope() != Scope::Shared {
            add(&mut indexes.by_identity, key.identity().clone(), key);
            add(&mut indexes.by_principal, key.principal().clone(), key);
        }
    }

    pub(crate) fn remove(&self, key: &PoolKey) {
        let mut indexes = self.lock();
        indexes.by_name.remove(&key.fingerprint().number());
        if let Scope::Conversation(id) = key.scope() {
            remove(&mut indexes.by_conversation, id, key);
        }
        if let Some(gateway) = key.endpoint().gateway() {
            remove(&mut indexes.by_gateway, gateway, key);
        }
        remove(&mut indexes.by_endpoint, key.endpoint(), key);
        remove(&mut indexes.by_identity, key.identity(), key);
        remove(&mut indexes.by_principal, key.principal(), key);
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
        let keys = match selector {
            Selector::All => return None,
            Selector::Conversation(id) => indexes.by_conversation.get(id),
            Selector::Endpoint(endpoint) if endpoint.is_auto() => {
                return Some(indexes.over_any_transport(endpoint));
            }
            Selector::Endpoint(endpoint) => indexes.by_endpoint.get(endpoint),
            Selector::Gateway(gateway) => indexes.by_gateway.get(gateway.as_str()),
            Selector::Identity(identity) => indexes.by_identity.get(identity),
            Selector::Principal(principal) => indexes.by_principal.get(principal),
        };
        Some(keys.into_iter().flatten().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Indexes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Indexes {
    /// The keys of an endpoint whatever transport the pool detected. Endpoints are few beside keys.
    fn over_any_transport(&self, endpoint: &Endpoint) -> Vec<PoolKey> {
        let is_same = |other: &Endpoint| other.clone().over(endpoint.transport()) == *endpoint;
        let matching = self.by_endpoint.iter().filter(|(other, _)| is_same(other));
        matching
            .flat_map(|(_, keys)| keys.iter().cloned())
            .collect()
    }
}

fn add<P: Eq + Hash>(index: &mut HashMap<P, HashSet<PoolKey>>, part: P, key: &PoolKey) {
    index.entry(part).or_default().insert(key.clone());
}

fn remove<P, Q>(index: &mut HashMap<P, HashSet<PoolKey>>, part: &Q, key: &PoolKey)
where
    P: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    if let Some(keys) = index.get_mut(part) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DigestKey, KeyParts};

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
        assert!(indexes.by_conversation.is_empty() && indexes.by_endpoint.is_empty());
        assert!(indexes.by_gateway.is_empty() && indexes.by_identity.is_empty());
        assert!(indexes.by_principal.is_empty() && indexes.by_name.is_empty());
    }
}
