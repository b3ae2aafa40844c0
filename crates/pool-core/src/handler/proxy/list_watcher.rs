//! List changes, and what a key does with them.

use std::{sync::Arc, time::Duration};

use crate::handler::{list_kind::ListKind, list_versions::ListVersions};

/// What a key wants to know of its sessions' notifications.
pub(crate) trait ListWatcher: Send + Sync {
    /// A session of the key received a list change. The cached list is stale from now on.
    fn list_changed(&self, list: ListKind);
    /// The server has accepted the subscription to these resources that the pool keeps for the key.
    fn acknowledged(&self, uris: &[String]);
    /// A session of the key received that a resource has changed.
    fn resource_updated(&self, uri: &str);
    /// The delay before the handler receives a list change.
    fn debounce(&self) -> Duration;
    /// The versions of the key's lists.
    fn versions(&self) -> &ListVersions;
}

/// The delivery of a list change to the handler of a key; one at a time for each list.
pub(super) struct PendingDelivery {
    watcher: Arc<dyn ListWatcher>,
    list: ListKind,
}

impl PendingDelivery {
    pub(super) fn begin(watcher: Arc<dyn ListWatcher>, list: ListKind) -> Option<Self> {
        // Lazily: a delivery that did not begin must not end.
        watcher
            .versions()
            .begin_delivery(list)
            .then(|| Self { watcher, list })
    }
}

impl Drop for PendingDelivery {
    fn drop(&mut self) {
        self.watcher.versions().end_delivery(self.list);
    }
}
