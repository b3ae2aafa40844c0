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
        if list == ListKind::Tools {
            self.lists.set_tools(context.new_id());
        }
        Counters::add(&context.counters.list_changes);
        context.events.emit(|observer, pool| {
            observer.list_changed(&ListChanged {
                pool,
                key: &self.key,
                list,
            });
        });
    }

    fn debounce(&self) -> Duration {
        self.services.context.config.timeouts.list_changed_debounce
    }

    fn versions(&self) -> &ListVersions {
        &self.lists
    }
}
