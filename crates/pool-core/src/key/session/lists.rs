//! What a session reports of the lists of its server.

use std::time::Duration;

use crate::{
    context::Counters,
    extend::ListChanged,
    handler::{ListKind, ListVersions, ListWatcher},
    key::key_pool::KeyPool,
};

impl ListWatcher for KeyPool {
    fn list_changed(&self, list: ListKind) {
        let context = &self.services.context;
        self.lists.set(list, context.new_id());
        Counters::add(&context.counters.list_changes);
        context.events.emit(|observer, pool| {
            observer.list_changed(&ListChanged {
                pool,
                key: &self.key,
                list,
            });
        });
    }

    fn acknowledged(&self, uris: &[String]) {
        self.services.subscriptions.acknowledged(&self.key, uris);
    }

    fn resource_updated(&self, uri: &str) {
        self.lists.set_contents(self.services.context.new_id());
        self.services.subscriptions.deliver(&self.key, uri);
    }

    fn debounce(&self) -> Duration {
        self.services.context.config.timeouts.list_changed_debounce
    }

    fn versions(&self) -> &ListVersions {
        &self.lists
    }
}
