//! The router of a pool.

use std::{fmt, sync::Arc, time::Duration};

use axum::Router;
use mcp_pool_core::SessionPool;

use crate::{
    guard::{Hosts, guarded},
    recorder::Recorder,
    routes::{self, Figures, Shown},
    samples::Samples,
};

/// The live page of a pool, its figures as JSON, and what an operator may do, as an axum router.
///
/// It does not authenticate its callers, and it listens nowhere: the documentation of the crate names what has to be
/// in front of it.
///
/// ```
/// use mcp_pool_admin::{Admin, Recorder};
/// use mcp_pool_core::{SessionPool, error::ConfigError};
///
/// # fn example() -> Result<(), ConfigError> {
/// let recorder = Recorder::new();
/// let pool = SessionPool::builder().observer(recorder.clone()).build()?;
/// let router = Admin::new(&pool, &recorder).router();
/// // axum::serve(TcpListener::bind("127.0.0.1:9090").await?, router)
/// # drop(router);
/// # Ok(())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #     example().unwrap();
/// # }
/// ```
#[must_use = "it does nothing until its router is served"]
pub struct Admin {
    pool: SessionPool,
    recorder: Recorder,
    hosts: Hosts,
    metrics: Option<Figures>,
    sample_every: Duration,
}

impl Admin {
    /// The router of this pool, with the recorder that is the pool's observer. A pool with other
    /// observers takes a pair: `(metrics, recorder.clone())`.
    pub fn new(pool: &SessionPool, recorder: &Recorder) -> Self {
        Self {
            pool: pool.clone(),
            recorder: recorder.clone(),
            hosts: Hosts::default(),
            metrics: None,
            sample_every: Duration::from_secs(1),
        }
    }

    /// The hosts by which the router is reached, in place of `localhost`, `127.0.0.1` and `[::1]`: names
    /// or addresses, with a port (then no other one) or without (then any). A request with another
    /// `Host` is refused, so that a page of another site whose name was pointed here reads nothing.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts = Hosts::new(hosts.into_iter().map(Into::into));
        self
    }

    /// What `/metrics` answers with: text in the format of Prometheus. Default: there is no `/metrics`.
    pub fn metrics(mut self, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(metrics));
        self
    }

    /// The pause between two samples of the charts, 10 ms at least. Default: one second. The last 600
    /// samples are kept.
    pub fn sample_every(mut self, pause: Duration) -> Self {
        self.sample_every = pause.max(MIN_PAUSE);
        self
    }

    /// The router. It does not keep the pool open. The task that takes the samples ends with the router,
    /// or with the pool.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn router(self) -> Router {
        let pool = self.pool.downgrade();
        let samples = Samples::start(&pool, &self.recorder, self.sample_every);
        let shown = Shown::new(pool, self.recorder, samples, self.metrics);
        guarded(routes::router(shown), self.hosts)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("pool", &self.pool)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

const MIN_PAUSE: Duration = Duration::from_millis(10);
