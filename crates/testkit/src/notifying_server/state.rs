//! The state that the handlers of one server share.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::CacheScope,
    service::{Peer, SubscriptionSink},
};

/// The state that the handlers of one server share.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) peers: Mutex<Vec<Peer<RoleServer>>>,
    /// By a number that the server assigns: the ids of different clients may be equal.
    pub(super) subscriptions: Mutex<BTreeMap<usize, SubscriptionSink>>,
    pub(super) subscribed: AtomicUsize,
    pub(super) hints: Mutex<Hints>,
    pub(super) changes: AtomicUsize,
    pub(super) lists: AtomicUsize,
    pub(super) input_calls: AtomicUsize,
}

/// The cache hints and the page size of the server's lists.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    pub(super) ttl: Option<Duration>,
    pub(super) scope: Option<CacheScope>,
    pub(super) page: Option<usize>,
}

impl State {
    /// The subscriptions that no client has ended.
    pub(super) fn open_subscriptions(&self) -> Vec<SubscriptionSink> {
        lock(&self.subscriptions).values().cloned().collect()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
