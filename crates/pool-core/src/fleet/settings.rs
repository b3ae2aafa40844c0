//! What makes a pool one of a fleet.

use std::{fmt, sync::Arc, time::Duration};

use super::handles::Handles;
use crate::extend::{SessionDirectory, SessionSeal};

/// What makes a pool one of a fleet: the directory that its replicas share, and their key material.
///
/// The replicas go on with the sessions of each other: after a deploy, after a crash, and for a
/// conversation whose requests come to any of them. See `docs/replicas.md`.
#[derive(Clone)]
pub struct Fleet {
    pub(crate) directory: Arc<dyn SessionDirectory>,
    pub(crate) seal: Arc<dyn SessionSeal>,
    pub(crate) lease: Duration,
    pub(crate) budget: Duration,
    pub(crate) opens_unrecorded: bool,
    /// The directory of a fleet without a store.
    pub(super) handles: Option<Arc<Handles>>,
}

impl Fleet {
    /// A fleet with this directory and key material.
    #[must_use]
    pub fn new(
        directory: impl SessionDirectory + 'static,
        seal: impl SessionSeal + 'static,
    ) -> Self {
        Self::over(Arc::new(directory), Arc::new(seal))
    }

    /// A fleet without a store: the sessions of conversations go from replica to replica in
    /// [handles](crate::SessionPool::seal) that the gateway's own clients carry. Other sessions stay
    /// where they are, and a revocation reaches this process alone.
    #[must_use]
    pub fn of_handles(seal: impl SessionSeal + 'static) -> Self {
        let handles = Arc::new(Handles::default());
        let directory: Arc<Handles> = Arc::clone(&handles);
        Self {
            handles: Some(handles),
            ..Self::over(directory, Arc::new(seal))
        }
    }

    fn over(directory: Arc<dyn SessionDirectory>, seal: Arc<dyn SessionSeal>) -> Self {
        Self {
            directory,
            seal,
            lease: Duration::from_secs(6),
            budget: Duration::from_millis(5),
            opens_unrecorded: false,
            handles: None,
        }
    }

    /// How long a replica counts as alive after its last beat. It beats three times as often, and uses
    /// its exclusive sessions for five sixths of it at most after a beat. Default: 6 seconds.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(MIN_LEASE);
        self
    }

    /// How long one step of the directory may take before the pool goes on without it. Default: 5
    /// milliseconds.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Opens a fresh session for a conversation while the directory does not answer. Default: its
    /// acquire fails, since another replica may have the session with the state of the conversation.
    #[must_use]
    pub fn opening_conversations_unrecorded(mut self) -> Self {
        self.opens_unrecorded = true;
        self
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("lease", &self.lease)
            .field("budget", &self.budget)
            .field("opens_unrecorded", &self.opens_unrecorded)
            .finish_non_exhaustive()
    }
}

const MIN_LEASE: Duration = Duration::from_millis(60);
