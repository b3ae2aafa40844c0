//! Building a pool.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rmcp::model::Implementation;
use tokio::runtime::Handle;

use super::session_pool::SessionPool;
use crate::{
    acquire::{Acquirer, HeldLeases, Identification, KeyFactory, Resolver, ResolverParts},
    config::PoolConfig,
    context::{Connectors, Context, ContextParts, Random},
    detect::Detector,
    error::ConfigError,
    extend::{
        Built, CallerHeaders, Connector, ContextPropagator, CredentialSource, Fair, HeaderIdentity,
        Hooks, IdentityExtractor, Observer, SharePolicy,
    },
    fleet::Fleet,
    handler::{HandlerFactory, NoopHandlers, Profile},
    key::{JobSender, KeyMap, KeyServices, OpenSessions, SubscriptionRegistry, background},
    limits::{Capacity, MissingKeys},
    maintenance::{Maintenance, start_heartbeat},
    upstream::{CircuitPolicy, Upstreams},
    wire::InboxServices,
};

/// Builds a pool. Made by [`SessionPool::builder`].
pub struct PoolBuilder {
    config: PoolConfig,
    connectors: Vec<Arc<dyn Connector>>,
    extractors: Vec<Arc<dyn IdentityExtractor>>,
    credentials: Arc<dyn CredentialSource>,
    handlers: Arc<dyn HandlerFactory>,
    client_info: Option<Implementation>,
    observer: Option<Arc<dyn Observer>>,
    propagator: Option<Arc<dyn ContextPropagator>>,
    hooks: Option<Arc<dyn Hooks>>,
    share_policy: Arc<dyn SharePolicy>,
    seed: Option<u64>,
    fleet: Option<Fleet>,
}

impl SessionPool {
    /// The builder of a pool.
    #[must_use]
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }
}

impl PoolBuilder {
    fn new() -> Self {
        Self {
            config: PoolConfig::default(),
            connectors: Vec::new(),
            extractors: Vec::new(),
            credentials: Arc::new(CallerHeaders),
            handlers: Arc::new(NoopHandlers::default()),
            client_info: None,
            observer: None,
            propagator: None,
            hooks: None,
            share_policy: Arc::new(Fair),
            seed: None,
            fleet: None,
        }
    }

    /// The configuration. Default: [`PoolConfig::default`].
    #[must_use]
    pub fn config(mut self, config: PoolConfig) -> Self {
        self.config = config;
        self
    }

    /// Adds a transport. For an endpoint whose transport is detected, the pool queries its connectors
    /// in the order in which they were added.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector + 'static) -> Self {
        self.connectors.push(Arc::new(connector));
        self
    }

    /// Adds an identity extractor, which runs after those added before. Default: none; the pool
    /// hashes the identity headers.
    #[must_use]
    pub fn extractor(mut self, extractor: impl IdentityExtractor + 'static) -> Self {
        self.extractors.push(Arc::new(extractor));
        self
    }

    /// The source of the headers of each request to an upstream. Default: [`CallerHeaders`].
    #[must_use]
    pub fn credentials(mut self, source: impl CredentialSource + 'static) -> Self {
        self.credentials = Arc::new(source);
        self
    }

    /// The handlers of server-initiated requests and notifications. Default: [`NoopHandlers`].
    #[must_use]
    pub fn handlers(mut self, factory: impl HandlerFactory + 'static) -> Self {
        self.handlers = Arc::new(factory);
        self
    }

    /// The `clientInfo` of every session, whatever its handlers set. Default: that of the handlers,
    /// or `mcp-session-pool` and its version where they set none.
    #[must_use]
    pub fn client_info(mut self, client: Implementation) -> Self {
        self.client_info = Some(client);
        self
    }

    /// The observer of every event. Default: none. One observer may be given to several pools, as an
    /// `Arc`: each event has the name of its pool. A pair of observers is an observer.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The propagator that adds the trace context of a call to each of its requests. Default: none;
    /// the context headers of the caller pass through.
    #[must_use]
    pub fn propagator(mut self, propagator: impl ContextPropagator + 'static) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// The hooks that run around a session's life. Default: none.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    /// The policy that decides who shares the capacity of the pool with whom. Default: [`Fair`].
    #[must_use]
    pub fn share_policy(mut self, policy: impl SharePolicy + 'static) -> Self {
        self.share_policy = Arc::new(policy);
        self
    }

    /// The fleet that the pool is one of: its replicas share their sessions. Default: none, and a close
    /// of the pool closes every session.
    #[must_use]
    pub fn fleet(mut self, fleet: Fleet) -> Self {
        self.fleet = Some(fleet);
        self
    }

    /// Seeds the pool's random numbers (the jitter of lives, the digest key), so that a test repeats
    /// exactly. Default: the operating system's randomness; never seed a pool in production, since
    /// the digests of keys are then guessable.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
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
        let identity = &self.config.identity;
        let identification = Identification {
            extractors: self.extractors,
            headers: HeaderIdentity::new(identity.identity_headers.iter().cloned()),
            on_error: identity.on_extract_error,
        };
        let profile = Profile::new(self.handlers);
        let parts = ContextParts {
            random: self.seed.map_or_else(Random::from_os, Random::from_seed),
            connectors: Connectors::new(self.connectors)?,
            credentials: self.credentials,
            client_info: self.client_info.map(Arc::new),
            propagator: self.propagator,
            hooks: self.hooks,
            observer: self.observer,
            fleet: self.fleet,
            runtime: runtime.clone(),
        };
        let context = Arc::new(Context::new(self.config, parts));
        let (jobs, inbox) = JobSender::channel();
        let acquirer = Arc::new(acquirer(
            context,
            jobs,
            identification,
            profile,
            self.share_policy,
        ));
        runtime.spawn(Maintenance::new(inbox, &acquirer).run());
        start_heartbeat(&acquirer);
        let pool = SessionPool::new(acquirer);
        pool.acquirer.context().events.emit(|observer, name| {
            observer.built(&Built {
                pool: name,
                handle: &pool.downgrade(),
            });
        });
        Ok(pool)
    }
}

fn acquirer(
    context: Arc<Context>,
    jobs: JobSender,
    identification: Identification,
    profile: Profile,
    share_policy: Arc<dyn SharePolicy>,
) -> Acquirer {
    let services = Arc::new(KeyServices {
        capacity: Capacity::new(context.config.limits.pool_limits(), share_policy),
        missing_keys: MissingKeys::default(),
        sessions: OpenSessions::default(),
        detected: Arc::default(),
        subscriptions: SubscriptionRegistry::default(),
        inboxes: InboxServices::new(background(&jobs), Arc::clone(&context.inbox_bounds)),
        context: Arc::clone(&context),
        jobs: jobs.downgrade(),
    });
    let keys = Arc::new(KeyMap::new());
    let policy = CircuitPolicy::new(&context.config);
    let host = Arc::clone(&context);
    let upstreams = Arc::new(Upstreams::new(policy, host));
    let detector = Arc::new(Detector::new(Arc::clone(&services), Arc::clone(&upstreams)));
    let resolver = Resolver::new(ResolverParts {
        pool: POOLS.fetch_add(1, Ordering::Relaxed),
        keys: KeyFactory::new(
            Arc::clone(&services),
            Arc::clone(&keys),
            Arc::clone(&upstreams),
        ),
        context,
        detector: Arc::clone(&detector),
        identification,
        profile,
    });
    let overdue_after = services.context.config.timeouts.lease_overdue_after;
    let held =
        (!overdue_after.is_zero()).then(|| Arc::new(HeldLeases::new(overdue_after, jobs.clone())));
    Acquirer {
        held,
        services,
        jobs,
        keys,
        upstreams,
        resolver,
        detector,
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Numbers the pools of this process.
static POOLS: AtomicU64 = AtomicU64::new(1);
