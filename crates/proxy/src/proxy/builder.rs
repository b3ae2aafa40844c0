//! The builder of a proxy.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use mcp_pool_core::{Endpoint, SessionPool};
use rmcp::model::Implementation;
use tokio_util::sync::CancellationToken;

use super::{error::ProxyError, proxy::Proxy};
use crate::{
    naming::{NamePolicy, Separator, Unchanged},
    upstreams::{Inner, Mode, Unavailable, Upstream},
};

/// Builds a [`Proxy`].
pub struct ProxyBuilder {
    inner: Inner,
}

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
}

impl ProxyBuilder {
    fn new(pool: SessionPool) -> Self {
        Self {
            inner: Inner {
                pool,
                upstreams: Vec::new(),
                mode: Mode::Several,
                names: Arc::new(Separator::new("__")),
                uris: Arc::new(Separator::new("+")),
                server_info: Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
                list_timeout: LIST_TIMEOUT,
                allow_anonymous: false,
                shutdown: CancellationToken::new(),
                on_unavailable: None,
            },
        }
    }

    /// Adds an upstream. The order is that of merged lists.
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream) -> Self {
        self.inner.upstreams.push(upstream);
        self
    }

    /// The names of tools and prompts. Default: `name__tool`.
    #[must_use]
    pub fn names(mut self, policy: impl NamePolicy + 'static) -> Self {
        self.inner.names = Arc::new(policy);
        self
    }

    /// The URIs of resources. Default: `name+uri`.
    #[must_use]
    pub fn uris(mut self, policy: impl NamePolicy + 'static) -> Self {
        self.inner.uris = Arc::new(policy);
        self
    }

    /// What a proxy for several upstreams is called. Default: the name and version of this crate.
    #[must_use]
    pub fn server_info(mut self, info: Implementation) -> Self {
        self.inner.server_info = info;
        self
    }

    /// How long a merged list waits for each upstream. Default: 5 s.
    #[must_use]
    pub fn list_timeout(mut self, timeout: Duration) -> Self {
        self.inner.list_timeout = timeout;
        self
    }

    /// Serves requests without a [`Caller`](crate::Caller) as those of the anonymous one. Default:
    /// they are refused.
    #[must_use]
    pub fn allow_anonymous(mut self) -> Self {
        self.inner.allow_anonymous = true;
        self
    }

    /// Reports each upstream that did not contribute to a merged answer. There is a warning in the log
    /// in any case, and the names of these upstreams are in `_meta` of a merged list.
    #[must_use]
    pub fn on_unavailable(
        mut self,
        report: impl Fn(&Unavailable<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.inner.on_unavailable = Some(Box::new(report));
        self
    }

    /// Builds a proxy for the upstreams that were added.
    ///
    /// # Errors
    /// [`ProxyError`]: there is no upstream, or a name is not usable or occurs twice.
    pub fn build(self) -> Result<Proxy, ProxyError> {
        let mut seen = BTreeSet::new();
        for upstream in &self.inner.upstreams {
            let name = upstream.name();
            if !upstream.has_usable_name() {
                return Err(ProxyError::Name(name.to_owned()));
            }
            if !seen.insert(name) {
                return Err(ProxyError::DuplicateName(name.to_owned()));
            }
        }
        match seen.is_empty() {
            true => Err(ProxyError::NoUpstream),
            false => Ok(Proxy::new(self.inner)),
        }
    }

    /// Builds a proxy for this upstream alone, which changes no name and no list. Upstreams that were
    /// added are left out.
    #[must_use]
    pub fn build_single(self, upstream: Upstream) -> Proxy {
        Proxy::new(Inner {
            upstreams: vec![upstream],
            mode: Mode::Single,
            names: Arc::new(Unchanged),
            uris: Arc::new(Unchanged),
            ..self.inner
        })
    }
}

impl fmt::Debug for ProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyBuilder")
            .field("upstreams", &self.inner.upstreams)
            .finish_non_exhaustive()
    }
}

/// An upstream that is there lists in milliseconds, and a client of the others must not wait long.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
