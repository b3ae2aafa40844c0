//! How a pool is put together.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use moka::{notification::RemovalCause, sync::Cache};
use rmcp::model::Implementation;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::task::TaskTracker;

use super::{
    Hub, SessionPool, Shared,
    capacity::Capacity,
    closer::Closer,
    connectors::Connectors,
    counters::Counters,
    detect::Verdicts,
    hub::Message,
    memo::{Memo, PrehashedState},
    registry::Registry,
    upstream::Upstreams,
};
use crate::{
    PoolConfig, PoolKey,
    bucket::Bucket,
    digest::DigestKey,
    error::ConfigError,
    event::Built,
    extend::{
        CallerHeaders, Connector, ContextPropagator, CredentialSource, HandlerFactory,
        HeaderIdentity, IdentityExtractor, NoopHandlers, Observer, ProbePlan,
    },
    handler::Profile,
    identity::Identification,
    moment::Clock,
    tools::ToolLists,
};

/// Puts a pool together. Made by [`SessionPool::builder`].
pub struct PoolBuilder {
    config: PoolConfig,
    connectors: Vec<Arc<dyn Connector>>,
    extractors: Vec<Arc<dyn IdentityExtractor>>,
    credentials: Arc<dyn CredentialSource>,
    handlers: Arc<dyn HandlerFactory>,
    observer: Option<Arc<dyn Observer>>,
    propagator: Option<Arc<dyn ContextPropagator>>,
}

impl PoolBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: PoolConfig::default(),
            connectors: Vec::new(),
            extractors: Vec::new(),
            credentials: Arc::new(CallerHeaders),
            handlers: Arc::new(NoopHandlers::default()),
            observer: None,
            propagator: None,
        }
    }

    /// The configuration. Default: [`PoolConfig::default`].
    #[must_use]
    pub fn config(mut self, config: PoolConfig) -> Self {
        self.config = config;
        self
    }

    /// Adds a transport. For an endpoint whose transport is to be found out, connectors are asked in
    /// the order in which they were added.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector + 'static) -> Self {
        self.connectors.push(Arc::new(connector));
        self
    }

    /// Adds an identity extractor, to be asked after those added before. Default: none; the
    /// identity headers are hashed.
    #[must_use]
    pub fn extractor(mut self, extractor: impl IdentityExtractor + 'static) -> Self {
        self.extractors.push(Arc::new(extractor));
        self
    }

    /// Where the headers of each request to an upstream come from. Default: [`CallerHeaders`].
    #[must_use]
    pub fn credentials(mut self, source: impl CredentialSource + 'static) -> Self {
        self.credentials = Arc::new(source);
        self
    }

    /// Who handles what servers send of their own accord. Default: [`NoopHandlers`].
    #[must_use]
    pub fn handlers(mut self, factory: impl HandlerFactory + 'static) -> Self {
        self.handlers = Arc::new(factory);
        self
    }

    /// How the default handlers introduce themselves to servers; replaces
    /// [`handlers`](Self::handlers). Default: `mcp-session-pool` and its version.
    #[must_use]
    pub fn client_info(self, client: Implementation) -> Self {
        self.handlers(NoopHandlers::new(client))
    }

    /// Who hears of every event. Default: nobody.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Who adds the trace context of a call to each of its requests. Default: nobody; the context
    /// headers of the caller are passed through.
    #[must_use]
    pub fn propagator(mut self, propagator: impl ContextPropagator + 'static) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// Builds the pool and starts its background task on the current runtime.
    ///
    /// # Errors
    /// - [`ConfigError::Bound`]: a field of the configuration is out of its bounds.
    /// - [`ConfigError::DuplicateConnector`]: two connectors speak the same transport.
    /// - [`ConfigError::NoRuntime`]: called outside of a tokio runtime.
    /// - [`ConfigError::ReservedTransport`]: a connector claims to speak `auto`.
    pub fn build(self) -> Result<SessionPool, ConfigError> {
        self.config.validate()?;
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let (closer, inbox) = mpsc::unbounded_channel();
        let identification = Identification {
            extractors: self.extractors.clone(),
            headers: HeaderIdentity::new(self.config.identity.identity_headers.iter().cloned()),
            on_error: self.config.identity.on_extract_error,
        };
        let profile = Profile::new(Arc::clone(&self.handlers));
        let hub = Arc::new(self.hub(runtime.clone(), closer)?);
        let shared = Arc::new(Shared {
            id: POOLS.fetch_add(1, Ordering::Relaxed),
            buckets: buckets(&hub),
            upstreams: Upstreams::new(hub.config.breaker()),
            verdicts: Verdicts::new(),
            memo: Memo::new(identification.headers.names().to_vec()),
            identification,
            profile,
            hub,
        });
        runtime.spawn(Closer::new(inbox, Arc::downgrade(&shared)).run());
        let pool = SessionPool { shared };
        pool.shared.hub.observe(|observer, name| {
            observer.built(&Built {
                pool: name,
                handle: &pool.downgrade(),
            });
        });
        Ok(pool)
    }

    fn hub(
        self,
        runtime: Handle,
        closer: mpsc::UnboundedSender<Message>,
    ) -> Result<Hub, ConfigError> {
        let config = self.config;
        let probes = ProbePlan::new(
            config.health.health_check_methods.clone(),
            config.health.health_check_timeout,
        );
        Ok(Hub {
            clock: Clock::new(),
            expiry: config.expiry(),
            probes,
            secret: DigestKey::random(),
            connectors: Connectors::new(self.connectors)?,
            credentials: self.credentials,
            observer: self.observer,
            propagator: self.propagator,
            capacity: Capacity::new(
                config.limits.max_total_sessions,
                config.limits.max_total_keys,
            ),
            counters: Counters::default(),
            registry: Registry::default(),
            tools: ToolLists::new(&config),
            tasks: TaskTracker::new(),
            runtime,
            closer,
            closed: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            config,
        })
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The map of keys. It has neither a size nor a clock of its own: which key goes, and when, is
/// decided under the key's lock, by tokio's clock, and never while the key is in use.
fn buckets(hub: &Arc<Hub>) -> Cache<PoolKey, Arc<Bucket>, PrehashedState> {
    let closer = hub.closer.downgrade();
    Cache::builder()
        .eviction_listener(move |_key, bucket, cause| {
            if cause == RemovalCause::Explicit
                && let Some(closer) = closer.upgrade()
            {
                let _ = closer.send(Message::Evicted(bucket));
            }
        })
        .build_with_hasher(PrehashedState)
}

/// Numbers the pools of this process.
static POOLS: AtomicU64 = AtomicU64::new(1);
