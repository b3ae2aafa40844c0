//! What gateways write themselves: a pool for each key in a map.

use std::{
    collections::HashMap,
    hint::black_box,
    sync::{Mutex, PoisonError, RwLock},
};

use deadpool::managed::{Object, Pool};

use super::trivial::Trivial;
use crate::Result;

/// The parts of a key, as a gateway knows them: upstream, user and a digest of the credential.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    url: String,
    user: String,
    identity: [u8; 32],
}

/// A map of deadpools.
pub(in super::super) struct KeyedPools {
    keys: Vec<Key>,
    pools: RwLock<HashMap<Key, Pool<Trivial>>>,
}

/// Lists of idle sessions in a map, behind one lock.
pub(in super::super) struct ByHand {
    keys: Vec<Key>,
    idle: Mutex<HashMap<Key, Vec<u64>>>,
}

impl Key {
    fn of(number: usize) -> Self {
        let mut identity = [7; 32];
        identity[..8].copy_from_slice(&number.to_le_bytes());
        Self {
            url: "http://localhost/mcp".to_owned(),
            user: format!("user-{number}"),
            identity,
        }
    }
}

impl KeyedPools {
    pub(in super::super) fn new(keys: usize, slots: usize) -> Result<Self> {
        let keys: Vec<_> = (0..keys).map(Key::of).collect();
        let mut pools = HashMap::new();
        for key in &keys {
            let pool = Pool::builder(Trivial).max_size(slots).build()?;
            pools.insert(key.clone(), pool);
        }
        Ok(Self {
            keys,
            pools: RwLock::new(pools),
        })
    }

    pub(in super::super) async fn acquire(&self, number: usize) -> Object<Trivial> {
        let key = black_box(&self.keys[number]);
        let pool = {
            let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
            pools[key].clone()
        };
        pool.get().await.expect("its manager never fails")
    }
}

impl ByHand {
    pub(in super::super) fn new(keys: usize) -> Self {
        let keys: Vec<_> = (0..keys).map(Key::of).collect();
        let idle = keys.iter().map(|key| (key.clone(), vec![1])).collect();
        Self {
            keys,
            idle: Mutex::new(idle),
        }
    }

    /// Takes a session and gives it back.
    pub(in super::super) fn acquire(&self, number: usize) {
        let key = black_box(&self.keys[number]);
        let session = self.with(key, Vec::pop);
        if let Some(session) = black_box(session) {
            self.with(key, |idle| idle.push(session));
        }
    }

    fn with<R>(&self, key: &Key, change: impl FnOnce(&mut Vec<u64>) -> R) -> R {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        change(idle.get_mut(key).expect("every key is there"))
    }
}
