//! The subscriptions of all keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{key_subscriptions::KeySubscriptions, subscriber::Subscriber};
use crate::{
    error::SubscriptionError,
    key::map::KeyIndex,
    types::{PoolKey, PrehashedState, Selector},
};

/// The subscriptions of all keys that have any.
#[derive(Default)]
pub(crate) struct SubscriptionRegistry {
    entries: Mutex<Entries>,
    index: KeyIndex,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<PoolKey, Arc<KeySubscriptions>, PrehashedState>,
    is_closed: bool,
}

/// A new subscriber.
pub(crate) struct Joined {
    pub(crate) subscriber: Subscriber,
    /// The subscriptions of the key, where this is the first one and nothing keeps them yet.
    pub(crate) unkept: Option<Arc<KeySubscriptions>>,
}

impl SubscriptionRegistry {
    /// Adds a subscriber of a resource. `None` once the pool is closed.
    ///
    /// # Errors
    /// The key is subscribed to `most` resources already; 0: no limit.
    pub(crate) fn join(
        &self,
        key: &PoolKey,
        uri: &str,
        most: usize,
    ) -> Result<Option<Joined>, SubscriptionError> {
        let mut entries = self.lock();
        if entries.is_closed {
            return Ok(None);
        }
        if let Some(subscriptions) = entries.by_key.get(key) {
            let place = subscriptions.join(uri, most)?;
            return Ok(Some(Joined {
                subscriber: Subscriber::new(Arc::clone(subscriptions), place),
                unkept: None,
            }));
        }
        let subscriptions = KeySubscriptions::new();
        let place = subscriptions.join(uri, most)?;
        let entry = Arc::clone(&subscriptions);
        entries.by_key.insert(key.clone(), entry);
        self.index.add(key);
        Ok(Some(Joined {
            subscriber: Subscriber::new(Arc::clone(&subscriptions), place),
            unkept: Some(subscriptions),
        }))
    }

    /// Delivers that a resource has changed to the subscribers of a key.
    pub(crate) fn deliver(&self, key: &PoolKey, uri: &str) {
        let subscriptions = self.lock().by_key.get(key).cloned();
        if let Some(subscriptions) = subscriptions {
            subscriptions.deliver(uri);
        }
    }

    /// Notes which resources the server has accepted for a key.
    pub(crate) fn acknowledged(&self, key: &PoolKey, uris: &[String]) {
        let subscriptions = self.lock().by_key.get(key).cloned();
        if let Some(subscriptions) = subscriptions {
            subscriptions.acknowledge(uris);
        }
    }

    /// Removes the subscriptions of a key that has none. `false`: it has some.
    pub(crate) fn retire(&self, key: &PoolKey, subscriptions: &Arc<KeySubscriptions>) -> bool {
        let mut entries = self.lock();
        let current = entries.by_key.get(key);
        if !current.is_some_and(|current| Arc::ptr_eq(current, subscriptions)) {
            // They were ended; the key may have others by now.
            return true;
        }
        // Callers join under the same lock.
        if !subscriptions.is_unused() {
            return false;
        }
        entries.by_key.remove(key);
        self.index.remove(key);
        true
    }

    /// Ends the subscriptions of the selected keys.
    pub(crate) fn end(&self, selector: &Selector) {
        let mut entries = self.lock();
        let keys = match self.index.select(selector) {
            Some(keys) => keys,
            None => entries.by_key.keys().cloned().collect(),
        };
        let ended = keys.iter().filter_map(|key| self.take(&mut entries, key));
        let ended: Vec<_> = ended.collect();
        drop(entries);
        for subscriptions in ended {
            subscriptions.end(None);
        }
    }

    /// Ends the subscriptions of a key.
    pub(crate) fn end_key(&self, key: &PoolKey) {
        let ended = self.take(&mut self.lock(), key);
        if let Some(subscriptions) = ended {
            subscriptions.end(None);
        }
    }

    /// Ends all subscriptions. There will be no others.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.end(&Selector::All);
    }

    fn take(&self, entries: &mut Entries, key: &PoolKey) -> Option<Arc<KeySubscriptions>> {
        let taken = entries.by_key.remove(key)?;
        self.index.remove(key);
        Some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
