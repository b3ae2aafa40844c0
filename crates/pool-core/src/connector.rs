//! The seam for transports.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::HeaderMap;
use tokio::time::Instant;

use crate::{
    Endpoint, PoolKey, Principal, Scope, TransportKind,
    digest::DigestKey,
    error::{CheckError, ConnectError},
    extend::{
        ClientHandlerBox, Credentials, Era, HandlerFactory, Identity, NoopHandlers, ProbePlan,
        Session,
    },
    handler::{Hearing, Profile},
};

/// Opens sessions over one transport.
///
/// The pool calls it on a task of its own, never inside a caller's future or span.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot open sessions for a pool",
    label = "not a `Connector`",
    note = "implement `Connector::kind` and `Connector::connect`; docs/adding-a-transport.md walks through both"
)]
pub trait Connector: Send + Sync {
    /// The transport it speaks. Endpoints of this kind are sent to this connector.
    fn kind(&self) -> TransportKind;

    /// Whether a session it opens may turn out to be [`Era::Stateless`], so that one is enough for
    /// any number of callers of a key. The pool then begins with one connect on an endpoint it does
    /// not know. Default: no.
    fn speaks_stateless(&self) -> bool {
        false
    }

    /// Opens a session and completes its handshake, within `request.deadline()`.
    ///
    /// # Errors
    /// [`ConnectError`], its kind as close to the truth as the transport can tell: callers and the
    /// circuit breaker act on it. No source may print a secret.
    ///
    /// # Cancel safety
    /// The pool drops the future when the deadline passes or the pool's runtime shuts down. A
    /// session that the server has already opened by then must still be closed by the connector.
    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError>;

    /// Whether the transport is spoken at the request's endpoint, of which only the address is known
    /// ([`Endpoint::auto`]).
    ///
    /// Default: [`Detection::Unable`], so that the connector is never chosen for such an endpoint.
    ///
    /// # Errors
    /// [`ConnectError`] for whatever says neither yes nor no: a refused credential, an upstream that
    /// is not reached, fails or does not answer. It ends the detection and is told to whoever asked.
    ///
    /// # Cancel safety
    /// The pool drops the future when the deadline passes. Whatever was opened on the server must be
    /// closed by the connector then as well as before it answers.
    async fn detect(&self, request: &ConnectRequest) -> Result<Detection, ConnectError> {
        let _ = request;
        Ok(Detection::Unable)
    }

    /// Asks an idle session whether it is still alive. Never called for one that is
    /// [`Era::Stateless`], of which there is nothing that could die.
    ///
    /// Default: the plan's probe chain.
    ///
    /// # Errors
    /// [`CheckError`] when it is not; the pool then closes it and tries another.
    ///
    /// # Cancel safety
    /// The pool may drop the future at any await and keeps the session, to be checked again.
    async fn check(&self, session: &Session, plan: &ProbePlan) -> Result<(), CheckError> {
        plan.run(session.peer()).await
    }
}

/// What a connector says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detection {
    /// The transport is spoken there.
    Mine,
    /// Something answers there, and does not speak the transport.
    NotMine,
    /// The connector cannot tell.
    Unable,
}

/// What a connector needs to know to open a session. Cheap to clone.
#[derive(Clone)]
pub struct ConnectRequest {
    key: PoolKey,
    credentials: Credentials,
    handlers: Arc<dyn HandlerFactory>,
    hearing: Arc<Hearing>,
    listens: bool,
    slots: SlotsByEra,
    deadline: Instant,
}

/// How many calls may run on a session at the same time, by what it turns out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotsByEra {
    pub(crate) legacy: u32,
    pub(crate) stateless: u32,
}

impl SlotsByEra {
    /// One call at a time.
    pub(crate) const ONE: Self = Self {
        legacy: 1,
        stateless: 1,
    };

    pub(crate) fn of(self, era: Era) -> u32 {
        match era {
            Era::Legacy => self.legacy,
            Era::Stateless => self.stateless,
        }
    }
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
            hearing: Arc::default(),
            listens: false,
            slots,
            deadline,
        }
    }

    /// The same request, with the key's own ears.
    pub(crate) fn with_hearing(mut self, hearing: Arc<Hearing>) -> Self {
        self.hearing = hearing;
        self
    }

    /// The same request, for a pool that wants to hear of changes itself, or not.
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
        let key = PoolKey::new(
            DigestKey::of_process(),
            &Principal::anonymous(),
            endpoint,
            &Identity::anonymous(),
            &Scope::Identity,
            &Profile::new(Arc::clone(&handlers)),
        );
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

    /// The headers to send, asked for per request over the whole life of the session.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A handler for the new session, with the pool in front of it. Of several, the last one is the
    /// session's.
    #[must_use]
    pub fn handler(&self) -> ClientHandlerBox {
        let handler = self.handlers.handler(&self.key);
        self.hearing.attend(handler, self.handlers.declared())
    }

    /// Whether anybody wants messages that the server sends outside of any call: the handler, or
    /// the pool itself, to hear of changes of a list that it keeps.
    #[must_use]
    pub fn wants_server_messages(&self) -> bool {
        self.listens || self.needs_server_messages()
    }

    /// Whether the handler wants them, so that a session without them is of no use. A session whose
    /// messages only the pool wants is as good as any where the server has no stream for them.
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

    /// How many calls the pool wants to run at the same time on a session that turns out to be of
    /// this era. A session without a state says so by [`SessionInfo::with_max_concurrent`].
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
