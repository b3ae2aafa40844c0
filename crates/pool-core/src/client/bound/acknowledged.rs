//! An open subscription at a server without sessions.

use std::{pin::Pin, sync::Arc};

use crate::{client::send::Failed, key::PooledSession};

/// An open request, until its stream ends: why it has. Reading it delivers what comes on it.
pub(super) type Listening = Pin<Box<dyn Future<Output = Failed> + Send>>;

/// An open request that the server has acknowledged.
pub(super) struct Acknowledged {
    pub(super) session: Arc<PooledSession>,
    /// The resources that the request names.
    pub(super) wanted: Vec<Arc<str>>,
    pub(super) listening: Listening,
}
