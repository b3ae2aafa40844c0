//! One detection: the connectors are queried one after the other.

use std::{fmt, sync::Arc};

use tokio::time::{Instant, timeout_at};

use crate::{
    context::Context,
    error::{AcquireError, ConnectError, FaultKind},
    extend::{
        ConnectRequest, Connector, Credential, Credentials, DetectOutcome, LatestCredentials,
        Support,
    },
    handler::{HandlerProxy, Profile},
    key::{DetectedSession, KeyServices, slots_by_era},
    time::after,
    types::{Endpoint, PoolKey, Scope, TransportKind},
    upstream::{Holder, Upstream, admitted},
};

/// The caller that a detection is made for: its key over any transport, and what its requests need.
#[derive(Clone)]
pub(crate) struct Requester {
    pub(crate) key: PoolKey,
    pub(crate) profile: Profile,
    pub(crate) credential: Credential,
    /// When the caller's time is up.
    pub(crate) deadline: Instant,
}

/// One detection.
pub(crate) struct Detection {
    pub(crate) services: Arc<KeyServices>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) endpoint: Endpoint,
    pub(crate) requester: Requester,
    /// True for the first detection of an address, whose caller waits for a session too.
    pub(crate) is_first: bool,
}

impl Detection {
    /// The position of the connector whose transport the server speaks.
    pub(crate) async fn run(&self) -> Result<usize, AcquireError> {
        let began = Instant::now();
        let result = match self.hinted().await {
            Some(position) => Ok(position),
            None => self.admitted().await,
        };
        self.report(&result, began);
        result
    }

    /// The transport that another replica has found, where this one has not tried any. One that the server
    /// denies is detected again, as after a change of the server.
    async fn hinted(&self) -> Option<usize> {
        let fleet = self.context().fleet.as_ref().filter(|_| self.is_first)?;
        let hint = fleet.hint(&self.endpoint).await?;
        let mut kinds = self.context().connectors.in_order().iter();
        kinds.position(|(kind, _)| *kind == hint.transport)
    }

    async fn admitted(&self) -> Result<usize, AcquireError> {
        let holder = Holder::of(&self.requester.key);
        let context = self.context();
        let is_open = || !context.is_closed();
        let permit = admitted(&self.upstream, holder, self.requester.deadline, is_open).await?;
        let permit = permit.ok_or(AcquireError::Closed)?;
        match self.query_all().await {
            Ok(Some(position)) => {
                permit.succeeded();
                Ok(position)
            }
            Ok(None) => Err(AcquireError::NoConnector(TransportKind::AUTO)),
            Err(error) => {
                permit.failed(&error);
                Err(AcquireError::Connect(Arc::new(error)))
            }
        }
    }

    /// Queries one connector after the other. `None` when none of them can detect its transport.
    async fn query_all(&self) -> Result<Option<usize>, ConnectError> {
        let timeout = self.context().config.timeouts.session_create_timeout;
        let deadline = after(Instant::now(), timeout);
        let mut denied = false;
        for (position, (kind, connector)) in self.context().connectors.in_order().iter().enumerate()
        {
            match self.query(kind, connector.as_ref(), deadline).await? {
                Support::Supported => return Ok(Some(position)),
                Support::Unsupported => denied = true,
                Support::Unknown => {}
            }
        }
        match denied {
            true => Err(ConnectError::new(FaultKind::Protocol).with_source(NoTransport)),
            false => Ok(None),
        }
    }

    async fn query(
        &self,
        kind: &TransportKind,
        connector: &dyn Connector,
        deadline: Instant,
    ) -> Result<Support, ConnectError> {
        let (context, requester) = (self.context(), &self.requester);
        let profile = &requester.profile;
        let key = requester
            .key
            .over(kind, &context.secret, profile.name(), &profile.declared);
        let credential = requester.credential.clone();
        let headers = Arc::clone(&credential.headers);
        let latest = Arc::new(LatestCredentials::new(credential, context.clock.now()));
        let source = Arc::clone(&context.credentials);
        let credentials = Credentials::new(source, key.clone(), Arc::clone(&latest), headers);
        let handlers = Arc::clone(&profile.factory);
        let slots = slots_by_era(&key, key.endpoint(), &context.config);
        let proxy = HandlerProxy::new(None, context.client_info.clone());
        let request = ConnectRequest::new(key.clone(), credentials, handlers, slots, deadline)
            .with_proxy(Arc::clone(&proxy))
            .with_inboxes(&self.services.inboxes)
            .listening(context.answers.is_some())
            .routed_by(context.affinity(&key, profile));
        let late = || request.timed_out();
        if !self.keeps_session(&key) {
            let detected = timeout_at(deadline, connector.detect(&request)).await;
            return detected.map_err(|_| late())?;
        }
        let detected = timeout_at(deadline, connector.detect_and_connect(&request)).await;
        match detected.map_err(|_| late())?? {
            DetectOutcome::Support(support) => Ok(support),
            DetectOutcome::Connected(session) => {
                let detected = DetectedSession {
                    session,
                    proxy,
                    credentials: latest,
                };
                let services = &self.services;
                let kept = services
                    .detected
                    .keep(key, detected, context.close_timeout());
                context.spawn(kept);
                Ok(Support::Supported)
            }
        }
    }

    /// True where the session that a detection opens is worth keeping: its key has no other. A
    /// shared session is opened without the headers of a caller.
    fn keeps_session(&self, key: &PoolKey) -> bool {
        self.is_first && *key.scope() != Scope::Shared
    }

    fn context(&self) -> &Arc<Context> {
        &self.services.context
    }

    fn report(&self, result: &Result<usize, AcquireError>, began: Instant) {
        let position = result.as_ref().ok();
        let transport = position.and_then(|position| self.context().connectors.kind_at(*position));
        let error = result.as_ref().err();
        let (endpoint, took) = (&self.endpoint, began.elapsed());
        tracing::debug!(
            %endpoint,
            transport = transport.map(TransportKind::as_str),
            error = error.map(AcquireError::label),
            "transport detected"
        );
        self.context().events.emit(|observer, pool| {
            observer.detected(&crate::event::Detected {
                pool,
                endpoint,
                transport,
                error,
                took,
            });
        });
    }
}

/// The server answers, and speaks none of the transports that could be detected.
#[derive(Debug)]
struct NoTransport;

impl fmt::Display for NoTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server speaks none of the pool's transports")
    }
}

impl std::error::Error for NoTransport {}
