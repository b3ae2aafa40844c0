//! The turn of a notification.

use std::{any::Any, sync::Arc};

/// The turn of a notification among those of its session: the next one waits until it is dropped.
#[derive(Clone)]
pub(crate) struct NotificationTurn {
    _guard: Arc<dyn Any + Send + Sync>,
}

impl NotificationTurn {
    /// The turn that `guard` ends when it is dropped.
    pub(crate) fn new(guard: Arc<dyn Any + Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}
