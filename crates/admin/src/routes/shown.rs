//! What the routes share.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use mcp_pool_core::{Endpoint, SessionPool, WeakPool};
use tokio::sync::Semaphore;

use super::failure::Failure;
use crate::{recorder::Recorder, samples::Samples};

/// What `/metrics` answers with.
pub(crate) type Figures = Arc<dyn Fn() -> String + Send + Sync>;

/// What the routes share.
#[derive(Clone)]
pub(crate) struct Shown {
    pool: WeakPool,
    pub(super) recorder: Recorder,
    pub(super) samples: Arc<Samples>,
    pub(super) metrics: Option<Figures>,
    /// The permits of event streams.
    pub(super) streams: Arc<Semaphore>,
    names: RandomState,
}

impl Shown {
    pub(crate) fn new(
        pool: WeakPool,
        recorder: Recorder,
        samples: Arc<Samples>,
        metrics: Option<Figures>,
    ) -> Self {
        Self {
            pool,
            recorder,
            samples,
            metrics,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            names: RandomState::new(),
        }
    }

    /// The pool.
    ///
    /// # Errors
    /// [`Failure::NoPool`] once it was dropped.
    pub(super) fn pool(&self) -> Result<SessionPool, Failure> {
        self.pool.upgrade().ok_or(Failure::NoPool)
    }

    /// The name of an endpoint on the page. Two endpoints that are shown alike, since their queries are
    /// not, have two.
    pub(super) fn name(&self, endpoint: &Endpoint) -> String {
        format!("{:016x}", self.names.hash_one(endpoint))
    }

    /// The endpoint of this name that the pool knows.
    ///
    /// # Errors
    /// [`Failure::Unknown`] where it knows none.
    pub(super) fn endpoint(&self, pool: &SessionPool, name: &str) -> Result<Endpoint, Failure> {
        let endpoints = pool.endpoint_stats().into_iter().map(|row| row.endpoint);
        let mut named = endpoints.filter(|endpoint| self.name(endpoint) == name);
        named.next().ok_or(Failure::Unknown)
    }
}

/// How many event streams may be open at the same time.
const MAX_STREAMS: usize = 32;
