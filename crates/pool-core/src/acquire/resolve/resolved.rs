//! A resolved request.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;

use crate::{
    detect::{DetectedTransport, KnownTransport},
    extend::CloseReason,
    handler::Profile,
    key::{Fate, KeyPool, SlotGuard},
    time::Timestamp,
    types::PoolKey,
};

/// A resolved request: its key, and the pool of that key.
///
/// A request whose transport is detected has one resolution for each transport that was detected so
/// far, in a chain. The request keeps the first one.
///
/// What a hit needs comes first, side by side in memory.
#[repr(C)]
pub(crate) struct Resolved {
    /// The key pool found first, usually still valid. Read without an atomic write, since atomic
    /// writes are most of what a hit costs.
    first: Arc<KeyPool>,
    /// When the credential of the request ends.
    pub(crate) ends_at: Timestamp,
    /// True when the first key pool does not suffice: there is a later one, or a route.
    indirect: AtomicBool,
    /// The pool that resolved the request.
    pub(crate) pool: u64,
    /// The detected transport that this resolution is for, where the transport is detected.
    pub(crate) route: Option<Box<Route>>,
    /// The key pool that has the key now, once the first one was removed.
    later: ArcSwapOption<KeyPool>,
}

/// A detected transport.
pub(crate) struct Route {
    pub(crate) known: Arc<KnownTransport>,
    /// The position of the transport in the pool's order.
    pub(crate) position: usize,
    /// The same request over another transport that was detected later.
    other: OnceLock<Arc<Resolved>>,
}

impl Route {
    pub(crate) fn new(known: Arc<KnownTransport>, detected: DetectedTransport) -> Self {
        Self {
            known,
            position: detected.position(),
            other: OnceLock::new(),
        }
    }
}

impl Resolved {
    pub(crate) fn new(
        pool: u64,
        key_pool: Arc<KeyPool>,
        ends_at: Timestamp,
        route: Option<Route>,
    ) -> Self {
        Self {
            pool,
            ends_at,
            indirect: AtomicBool::new(route.is_some()),
            route: route.map(Box::new),
            first: key_pool,
            later: ArcSwapOption::empty(),
        }
    }

    /// A slot of an idle session, where the first key pool does not suffice.
    pub(crate) fn take_later(&self) -> Option<SlotGuard> {
        match self.is_indirect() {
            true => self.take_indirectly(),
            false => None,
        }
    }

    /// True when the first key pool does not suffice.
    #[inline(always)]
    pub(crate) fn is_indirect(&self) -> bool {
        self.indirect.load(Ordering::Acquire)
    }

    /// The pool of the key; `None` where the first one found does not suffice.
    #[inline(always)]
    pub(crate) fn only_key_pool(&self) -> Option<&Arc<KeyPool>> {
        (!self.is_indirect()).then_some(&self.first)
    }

    fn take_indirectly(&self) -> Option<SlotGuard> {
        let current = match &self.route {
            Some(route) => self.over(route.known.current()?)?,
            None => self,
        };
        match current.later.load().as_ref() {
            Some(later) => take(later),
            None => take(&current.first),
        }
    }

    /// The request over the transport that was detected last; itself where no transport is detected.
    pub(crate) fn latest(&self) -> &Self {
        let last = self.route.as_ref().and_then(|route| route.known.last());
        let latest = last.and_then(|detected| self.over(detected));
        latest.unwrap_or(self)
    }

    /// The key, over the transport that was detected last.
    pub(crate) fn latest_key(&self) -> &PoolKey {
        self.latest().key()
    }

    /// The key of the request. Each of its pools has it.
    pub(crate) fn key(&self) -> &PoolKey {
        &self.first.key
    }

    /// The client's handlers, which are part of the key.
    pub(crate) fn profile(&self) -> &Profile {
        &self.first.profile
    }

    /// The pool of the key.
    pub(crate) fn key_pool(&self) -> Arc<KeyPool> {
        let later = self.later.load_full();
        later.unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// Sets the successor of a key pool that was removed.
    pub(crate) fn set_key_pool(&self, key_pool: Arc<KeyPool>) {
        self.later.store(Some(key_pool));
        self.indirect.store(true, Ordering::Release);
    }

    /// The same request over a detected transport, if it was resolved already.
    pub(crate) fn over(&self, detected: DetectedTransport) -> Option<&Self> {
        let mut resolved = self;
        loop {
            let route = resolved.route.as_ref()?;
            if route.position == detected.position() {
                return Some(resolved);
            }
            resolved = route.other.get()?;
        }
    }

    /// Adds the same request over another transport, unless another caller has done so meanwhile.
    /// The chain is no longer than the list of connectors.
    pub(crate) fn add(&self, other: Self) {
        let other = Arc::new(other);
        let position = other.route.as_ref().map(|route| route.position);
        let mut resolved = self;
        while let Some(route) = &resolved.route
            && Some(route.position) != position
        {
            resolved = route.other.get_or_init(|| Arc::clone(&other));
        }
    }
}

/// A slot of an idle session of a key.
pub(crate) fn take(key: &Arc<KeyPool>) -> Option<SlotGuard> {
    let mut slot = SlotGuard::new(Arc::clone(key), key.take()?);
    if slot.is_late() {
        slot.release(Fate::Undelivered, CloseReason::Superseded);
        return None;
    }
    Some(slot)
}
