//! What a connector needs to know to open a session.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::{
    error::{ConnectError, Evidence, FaultKind},
    extend::credentials::Credentials,
    extend::session::SlotsByEra,
    handler::{
        ClientHandlerBox, HandlerFactory, HandlerProxy, NoopHandlers, Profile, ProxyService,
    },
    types::{DigestKey, Endpoint, Era, Identity, KeyParts, PoolKey, Principal, Scope},
    wire::{InboxServices, ServerInbox},
};

/// What a connector needs to know to open a session. Cheap to clone.
#[derive(Clone)]
pub struct ConnectRequest {
    key: PoolKey,
    credentials: Credentials,
    handlers: Arc<dyn HandlerFactory>,
    proxy: Arc<HandlerProxy>,
    listens: bool,
    inboxes: Arc<InboxServices>,
    slots: SlotsByEra,
    deadline: Instant,
    affinity: Option<Arc<(HeaderName, HeaderValue)>>,
    hinted_era: Option<Era>,
    /// True once the endpoint has answered anything.
    answered: Arc<AtomicBool>,
}

impl ConnectRequest {
    pub(crate) fn new(
        key: PoolKey,
        credentials: Credentials,
        handlers: Arc<dyn HandlerFactory>,
        slots: SlotsByEra,
        deadline: Instant,
    ) -> Self {
        Self {
            key,
            credentials,
            handlers,
            proxy: Arc::default(),
            listens: false,
            inboxes: Arc::default(),
            slots,
            deadline,
            affinity: None,
            hinted_era: None,
            answered: Arc::default(),
        }
    }

    /// Notes that the endpoint has answered something, so that a connect which runs out of time does
    /// not count against it. For connectors; call it with the first response, whatever its status.
    pub fn note_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// The error of a connect that ran out of time. It counts against the endpoint, unless
    /// [something was answered](Self::note_answered).
    #[must_use]
    pub fn timed_out(&self) -> ConnectError {
        let error = ConnectError::new(FaultKind::Timeout);
        match self.answered.load(Ordering::Relaxed) {
            true => error.with_evidence(Evidence::Here),
            false => error,
        }
    }

    /// The same request, with the key's own proxy.
    pub(crate) fn with_proxy(mut self, proxy: Arc<HandlerProxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// The same request with what the pool's inboxes share: a task for what outlives a future, and the
    /// bounds for what servers send.
    pub(crate) fn with_inboxes(mut self, inboxes: &Arc<InboxServices>) -> Self {
        self.inboxes = Arc::clone(inboxes);
        self
    }

    /// The same request with the header that it is routed by.
    pub(crate) fn routed_by(mut self, affinity: Option<(HeaderName, HeaderValue)>) -> Self {
        self.affinity = affinity.map(Arc::new);
        self
    }

    /// The same request with the era that another replica has found.
    pub(crate) fn hinted(mut self, era: Option<Era>) -> Self {
        self.hinted_era = era;
        self
    }

    /// The same request; `listens` is true where the pool itself needs list changes.
    pub(crate) fn listening(mut self, listens: bool) -> Self {
        self.listens = listens;
        self
    }

    /// A request without a pool: to try out a connector, or to test one.
    ///
    /// An anonymous caller with these headers, the default handler, one slot, ten seconds.
    #[must_use]
    pub fn detached(endpoint: &Endpoint, headers: HeaderMap) -> Self {
        let handlers: Arc<dyn HandlerFactory> = Arc::new(NoopHandlers::default());
        let profile = Profile::new(Arc::clone(&handlers));
        let parts = KeyParts {
            principal: &Principal::anonymous(),
            endpoint,
            identity: &Identity::anonymous(),
            scope: &Scope::Identity,
            profile: profile.name(),
            declared: &profile.declared,
        };
        let key = PoolKey::new(DigestKey::of_process(), &parts);
        let credentials = Credentials::fixed(endpoint.clone(), headers);
        let deadline = Instant::now() + Duration::from_secs(10);
        Self::new(key, credentials, handlers, SlotsByEra::ONE, deadline)
    }

    /// The same request with handlers from another factory.
    #[must_use]
    pub fn with_handlers(mut self, handlers: Arc<dyn HandlerFactory>) -> Self {
        self.handlers = handlers;
        self
    }

    /// The same request for this many calls at the same time.
    #[must_use]
    pub fn with_slots(mut self, slots: u32) -> Self {
        self.slots = SlotsByEra {
            legacy: slots,
            stateless: slots,
        };
        self
    }

    /// The same request with other credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The same request with another deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    /// The key the session will belong to.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        &self.key
    }

    /// Where to connect to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.key.endpoint()
    }

    /// The headers of each request over the whole life of the session.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The header that each request of the session is routed by, where the endpoint has an
    /// [affinity](Endpoint::with_affinity). It takes the place of the caller's.
    #[must_use]
    pub fn affinity(&self) -> Option<(&HeaderName, &HeaderValue)> {
        let affinity = self.affinity.as_deref()?;
        Some((&affinity.0, &affinity.1))
    }

    /// The era of the server as another replica has found it. It may be wrong: a connector uses it in
    /// place of a detection where it knows no better, and corrects it on proof. Default: `None`.
    #[must_use]
    pub fn hinted_era(&self) -> Option<Era> {
        self.hinted_era
    }

    /// A handler for the new session, with the pool in front of it. Of several, the last one is the
    /// session's.
    #[must_use]
    pub fn handler(&self) -> ClientHandlerBox {
        let handler = self
            .proxy
            .wrap(&self.handlers, &self.key, |handler| handler);
        ProxyService(handler).boxed()
    }

    /// The inbox of a new session that reads its messages itself, with a handler behind it. It takes
    /// the place of [`handler`](Self::handler).
    #[must_use]
    pub fn inbox(&self) -> Arc<ServerInbox> {
        let services = Arc::clone(&self.inboxes);
        self.proxy.wrap(&self.handlers, &self.key, |handler| {
            ServerInbox::new(handler, services)
        })
    }

    /// True where messages that the server sends outside of any call are wanted: by the handler, or
    /// by the pool, which drops a cached list when it changes.
    #[must_use]
    pub fn wants_server_messages(&self) -> bool {
        self.listens || self.needs_server_messages()
    }

    /// True where the handler needs them. Where only the pool wants them, a session with a server
    /// without such a stream is as good as any.
    #[must_use]
    pub fn needs_server_messages(&self) -> bool {
        self.handlers.wants_server_messages()
    }

    /// How many calls the pool will run on the session at the same time, where the session has a
    /// state: that of [`Era::Legacy`].
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots_of(Era::Legacy)
    }

    /// How many concurrent calls the pool plans on a session of this era. A session without a state
    /// sets its own number with [`SessionInfo::with_max_concurrent`].
    ///
    /// [`SessionInfo::with_max_concurrent`]: crate::extend::SessionInfo::with_max_concurrent
    #[must_use]
    pub fn slots_of(&self, era: Era) -> u32 {
        self.slots.of(era)
    }

    /// When the pool gives up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("key", &self.key)
            .field("slots", &self.slots())
            .finish_non_exhaustive()
    }
}
