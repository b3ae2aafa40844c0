//! The subscriptions of a service.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rmcp::model::RequestId;

/// The subscriptions of a service: by the id on the wire, the id that rmcp knows.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<HashMap<RequestId, RequestId>>);

/// A subscription, for as long as its request is open.
pub(super) struct OpenSubscription<'s> {
    subscriptions: &'s Subscriptions,
    on_wire: RequestId,
}

impl Subscriptions {
    pub(super) fn open(&self, on_wire: RequestId, known: RequestId) -> OpenSubscription<'_> {
        self.lock().insert(on_wire.clone(), known);
        OpenSubscription {
            subscriptions: self,
            on_wire,
        }
    }

    /// The id that rmcp knows.
    pub(super) fn known(&self, on_wire: &RequestId) -> Option<RequestId> {
        self.lock().get(on_wire).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, RequestId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenSubscription<'_> {
    fn drop(&mut self) {
        self.subscriptions.lock().remove(&self.on_wire);
    }
}
