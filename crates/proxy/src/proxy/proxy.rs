//! Upstreams behind one handler.

use std::{fmt, sync::Arc};

use mcp_pool_core::{Endpoint, SessionPool};

use super::builder::ProxyBuilder;
use crate::{
    handler::ProxyHandler,
    upstreams::{Inner, Upstream},
};

/// One upstream or several behind one rmcp server. Cheap to clone.
///
/// [`handler`](Self::handler) makes the rmcp `ServerHandler` of one downstream session, as
/// `StreamableHttpService` wants it. See the [crate documentation](crate).
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

impl Proxy {
    /// A builder of a proxy over this pool.
    #[must_use]
    pub fn builder(pool: SessionPool) -> ProxyBuilder {
        ProxyBuilder::new(pool)
    }

    /// A proxy for one upstream, which changes no name and no list.
    #[must_use]
    pub fn single(pool: SessionPool, endpoint: Endpoint) -> Self {
        Self::builder(pool).build_single(Upstream::new("upstream", endpoint))
    }

    /// The handler of one downstream session.
    #[must_use]
    pub fn handler(&self) -> ProxyHandler {
        ProxyHandler::new(Arc::clone(&self.0))
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &SessionPool {
        &self.0.pool
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("upstreams", &self.0.upstreams)
            .finish_non_exhaustive()
    }
}
