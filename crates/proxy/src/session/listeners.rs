//! The subscriptions that a downstream session keeps open.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::task::AbortHandle;

/// The subscriptions at stateless upstreams that a downstream session keeps open. They end with it.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<BTreeMap<String, Listener>>);

struct Listener(AbortHandle);

impl Listeners {
    /// Keeps a task under this name, in place of an earlier one.
    pub(crate) fn keep(&self, name: String, task: AbortHandle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, Listener(task));
    }

    /// Starts a task under this name, unless one runs.
    pub(crate) fn keep_one(&self, name: &str, start: impl FnOnce() -> AbortHandle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all
            .get(name)
            .is_none_or(|Listener(task)| task.is_finished())
        {
            all.insert(name.to_owned(), Listener(start()));
        }
    }

    /// Ends the task with this name.
    pub(crate) fn end(&self, name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(name);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}
