//! What every part of a pool needs and that knows no key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rmcp::model::Implementation;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;

use super::{
    answer_cache::AnswerCache, connectors::Connectors, counters::Counters, event_sink::EventSink,
    random::Random,
};
use crate::{
    config::PoolConfig,
    extend::{
        BreakerChanged, ContextPropagator, CredentialSource, EndpointProbe, Hooks, Observer,
        ProbePlan,
    },
    fleet::{Fleet, FleetLink},
    time::{Clock, CoarseClock, ExpiryPolicy, Keepalive, Timestamp, after, nanos},
    types::{BreakerState, DigestKey, Endpoint, Era},
    upstream::{CircuitHost, CircuitReading, ProberTask},
    wire::InboxBounds,
};

/// The settings, seams and counters of a pool. Knows no key, so that every key may hold it.
pub(crate) struct Context {
    pub(crate) config: PoolConfig,
    pub(crate) clock: Clock,
    /// The clock of what needs no more than milliseconds.
    pub(crate) coarse_clock: CoarseClock,
    pub(crate) random: Random,
    pub(crate) expiry: ExpiryPolicy,
    /// When idle sessions are checked in the background; `None` where they are not.
    pub(crate) keepalive: Option<Keepalive>,
    pub(crate) probes: ProbePlan,
    /// Those for a session that a call has shown to be doubtful.
    pub(crate) strict_probes: ProbePlan,
    /// The key under which pool keys are digested.
    pub(crate) secret: DigestKey,
    pub(crate) connectors: Connectors,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    /// The `clientInfo` of every session; `None`: that of its handlers.
    pub(crate) client_info: Option<Arc<Implementation>>,
    pub(crate) propagator: Option<Arc<dyn ContextPropagator>>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    /// The side of the directory that the pool shares with other replicas.
    pub(crate) fleet: Option<Arc<FleetLink>>,
    pub(crate) events: EventSink,
    pub(crate) counters: Counters,
    /// The bounds for what servers send, and the counts of what was beyond them.
    pub(crate) inbox_bounds: Arc<InboxBounds>,
    /// The cached lists and contents; `None` where the configuration caches none.
    pub(crate) answers: Option<AnswerCache>,
    /// Connects, detections and closings under way.
    pub(crate) tasks: TaskTracker,
    pub(crate) runtime: Handle,
    /// True where sessions are reused, leases are not watched, and neither an observer nor a hook takes
    /// part in a lease: the one flag that a hit reads for all four.
    is_plain: bool,
    /// True where the coarse clock suffices: its error is nothing beside the times that are set, and no
    /// observer measures by it.
    is_coarse: bool,
    closed: AtomicBool,
    next_id: AtomicU64,
}

/// What a context is made of besides its configuration.
pub(crate) struct ContextParts {
    pub(crate) random: Random,
    pub(crate) connectors: Connectors,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    /// The `clientInfo` of every session; `None`: that of its handlers.
    pub(crate) client_info: Option<Arc<Implementation>>,
    pub(crate) propagator: Option<Arc<dyn ContextPropagator>>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// The fleet that the pool is one of.
    pub(crate) fleet: Option<Fleet>,
    pub(crate) runtime: Handle,
}

impl Context {
    pub(crate) fn new(config: PoolConfig, parts: ContextParts) -> Self {
        let probes = ProbePlan::new(
            config.health.health_check_methods.clone(),
            config.health.health_check_timeout,
        );
        let clock = Clock::new();
        let timeouts = &config.timeouts;
        let is_plain = config.enabled
            && timeouts.lease_overdue_after.is_zero()
            && parts.observer.is_none()
            && parts.hooks.is_none();
        let shortest = timeouts
            .session_ttl
            .min(timeouts.idle_pool_eviction)
            .min(config.health.health_check_interval);
        Self {
            is_plain,
            is_coarse: is_plain && shortest >= COARSE,
            coarse_clock: CoarseClock::new(clock),
            clock,
            expiry: ExpiryPolicy {
                ttl: config.timeouts.session_ttl,
                jitter: config.timeouts.session_ttl_jitter,
                check_after: nanos(config.health.health_check_interval),
            },
            keepalive: Keepalive::of(config.health.keepalive_interval),
            strict_probes: probes.strict(),
            probes,
            secret: DigestKey::from_bytes(parts.random.bytes()),
            random: parts.random,
            connectors: parts.connectors,
            credentials: parts.credentials,
            client_info: parts.client_info,
            propagator: parts.propagator,
            hooks: parts.hooks,
            fleet: parts.fleet.map(|fleet| Arc::new(FleetLink::new(fleet))),
            events: EventSink::new(config.name.clone(), parts.observer),
            counters: Counters::default(),
            inbox_bounds: Arc::new(InboxBounds::new(
                config.limits.max_server_requests_per_session,
                config.limits.max_server_notifications_per_session,
            )),
            answers: AnswerCache::new(&config.tool_cache),
            tasks: TaskTracker::new(),
            runtime: parts.runtime,
            closed: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            config,
        }
    }

    /// Runs `work` on a task that `close` waits for.
    ///
    /// The work is boxed. The runtime aligns a task to 128 bytes, and glibc's `malloc` does not use an
    /// aligned block of this size again for the next such task: each opened session would leave a hole
    /// of some 4 KB in memory.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(Box::pin(work), &self.runtime);
    }

    /// True where a lease needs neither an observer nor a hook, is not watched, and its session is kept.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// True where a lease may be handed out by the coarse clock.
    #[inline]
    pub(crate) fn is_coarse(&self) -> bool {
        self.is_coarse
    }

    /// True once the pool is closed or closing.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the pool for new requests.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// A number that no other session, waiter or list version of this pool has.
    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The time limit of one closing.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.config.timeouts.close_timeout
    }

    /// The end of the life of a session of this era that is opened now.
    pub(crate) fn end_of_life(&self, era: Era, now: tokio::time::Instant) -> Timestamp {
        let end = match era {
            Era::Legacy => self.expiry.end_of_life(now, self.random.fraction()),
            // A session without a state does not age.
            Era::Stateless => after(now, Duration::MAX),
        };
        self.clock.timestamp(end)
    }
}

/// The shortest time that the coarse clock measures well enough: to less than a hundredth.
const COARSE: Duration = Duration::from_secs(1);

impl CircuitHost for Context {
    fn circuit_changed(&self, endpoint: &Endpoint, before: BreakerState, after: &CircuitReading) {
        let state = after.state;
        if state == BreakerState::Open && before == BreakerState::Closed {
            Counters::add(&self.counters.breaker_trips);
        }
        tracing::info!(
            %endpoint,
            from = before.as_str(),
            to = state.as_str(),
            evidence = after.evidence,
            "circuit changed"
        );
        self.events.emit(|observer, pool| {
            observer.breaker_changed(&BreakerChanged {
                pool,
                endpoint,
                before,
                after: state,
                evidence: after.evidence,
                next_probe: after.next_probe,
                forced: after.is_forced,
            });
        });
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        self.connectors.probe(endpoint)
    }

    fn jitter(&self) -> f64 {
        self.random.fraction()
    }

    fn start(&self, task: ProberTask) -> Option<JoinHandle<()>> {
        (!self.is_closed()).then(|| self.runtime.spawn(task))
    }
}
