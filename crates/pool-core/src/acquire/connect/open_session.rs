//! One connect, as its connector sees it.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::{
    context::{Context, Counters},
    error::{ConnectError, Evidence, FaultKind},
    extend::{
        ConnectRequest, Connector, Credential, Credentials, LatestCredentials, ParkedSession,
        ServerStream, ServerStreamChanged, Session, SessionInfo,
    },
    handler::{HandlerProxy, ListWatcher},
    key::{DetectedSession, KeyPool, Requester},
    time::{Timestamp, after},
    types::{Era, Scope},
    upstream::SessionIdClaim,
};

/// An opened session.
pub(crate) struct OpenedSession {
    pub(crate) session: Session,
    pub(crate) proxy: Arc<HandlerProxy>,
    /// Keeps the session id from the sessions of other keys.
    pub(crate) claim: Option<SessionIdClaim>,
    /// True for a session that another replica had opened. Its server was not reached yet.
    pub(crate) is_revived: bool,
}

/// One connect of a key.
pub(super) struct Connecting<'c> {
    connector: &'c Arc<dyn Connector>,
    pub(super) key: &'c Arc<KeyPool>,
    requester: &'c Requester,
    pub(super) deadline: Instant,
}

impl<'c> Connecting<'c> {
    /// A connect that begins now.
    pub(super) fn new(
        connector: &'c Arc<dyn Connector>,
        key: &'c Arc<KeyPool>,
        requester: &'c Requester,
    ) -> Self {
        let timeout = key.services.context.config.timeouts.session_create_timeout;
        Self {
            connector,
            key,
            requester,
            deadline: after(Instant::now(), timeout),
        }
    }

    /// Opens a session with the key's own credentials, handlers and proxy, or takes the one that the
    /// detection of the transport opened.
    ///
    /// # Errors
    /// The connector's, the hook's, or [`FaultKind::Timeout`] after
    /// [`session_create_timeout`](crate::config::TimeoutsConfig::session_create_timeout).
    pub(super) async fn open(&self) -> Result<OpenedSession, ConnectError> {
        let (key, deadline) = (self.key, self.deadline);
        let watcher: Arc<dyn ListWatcher> = Arc::<KeyPool>::clone(key);
        if let Some(detected) = detected_session(key) {
            detected.proxy.watch(Arc::downgrade(&watcher));
            return finish(key, detected.session, detected.proxy, deadline).await;
        }
        let (request, proxy) = self.request();
        let request = request.hinted(self.hinted_era().await);
        let connected = timeout_at(deadline, self.connector.connect(&request)).await;
        match connected.unwrap_or_else(|_| Err(request.timed_out())) {
            Ok(session) => finish(key, session, proxy, deadline).await,
            Err(error) => {
                proxy.close();
                Err(error)
            }
        }
    }

    /// Goes on with a session that another replica has left.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) async fn revive(
        &self,
        parked: ParkedSession,
    ) -> Result<OpenedSession, ConnectError> {
        let (request, proxy) = self.request();
        let revived = timeout_at(self.deadline, self.connector.revive(&request, parked)).await;
        match revived.unwrap_or_else(|_| Err(request.timed_out())) {
            Ok(session) => finish(self.key, session, proxy, self.deadline).await,
            Err(error) => {
                proxy.close();
                Err(error)
            }
        }
    }

    /// The era of the server, where another replica of the fleet has found it.
    async fn hinted_era(&self) -> Option<Era> {
        let fleet = self.key.services.context.fleet.as_ref()?;
        let hint = fleet.hint(self.key.key.endpoint()).await?;
        (hint.transport == *self.key.key.endpoint().transport()).then_some(hint.era)
    }

    /// The request to the connector, and the proxy in front of the new session's handler.
    fn request(&self) -> (ConnectRequest, Arc<HandlerProxy>) {
        let key = self.key;
        let context = &key.services.context;
        let (latest, opener) = session_credentials(key, self.requester);
        let credentials = Credentials::new(
            Arc::clone(&context.credentials),
            key.key.clone(),
            latest,
            opener,
        );
        let factory = Arc::clone(&key.profile.factory);
        let request = ConnectRequest::new(
            key.key.clone(),
            credentials,
            factory,
            key.slots_by_era(),
            self.deadline,
        );
        let watcher: Arc<dyn ListWatcher> = Arc::<KeyPool>::clone(key);
        let watcher = Some(Arc::downgrade(&watcher));
        let proxy = HandlerProxy::new(watcher, context.client_info.clone());
        let request = request
            .with_proxy(Arc::clone(&proxy))
            .with_inboxes(&key.services.inboxes)
            .listening(context.answers.is_some())
            .routed_by(context.affinity(&key.key, &key.profile));
        (request, proxy)
    }
}

/// The session that the detection of this key's transport opened, unless it has ended since.
fn detected_session(key: &KeyPool) -> Option<DetectedSession> {
    if key.services.detected.is_empty() {
        return None;
    }
    let detected = key.services.detected.take(&key.key)?;
    let is_of_key = Arc::ptr_eq(&detected.credentials, key.credentials.shared());
    if is_of_key && !detected.session.is_over() {
        return Some(detected);
    }
    // The key is older than the detection, and its sessions have other credentials.
    let context = &key.services.context;
    let closed = detected.close(context.close_timeout());
    context.spawn(closed);
    None
}

async fn finish(
    key: &KeyPool,
    session: Session,
    proxy: Arc<HandlerProxy>,
    deadline: Instant,
) -> Result<OpenedSession, ConnectError> {
    let finished = async {
        let claim = claim(key, &session)?;
        let (context, info) = (&key.services.context, session.info());
        // A stream that is opened later is watched from then on.
        if info.server_stream() != ServerStream::Absent || context.events.is_observed() {
            watch_stream(context, key, info);
        }
        let session = after_connect(&key.services.context, key, session, deadline).await?;
        Ok((session, claim))
    };
    match finished.await {
        Ok((session, claim)) => Ok(OpenedSession {
            session,
            proxy,
            claim,
            is_revived: false,
        }),
        Err(error) => {
            proxy.close();
            Err(error)
        }
    }
}

/// Claims the session's id. A session with the id of another key's is dropped without a farewell, which
/// would end the other one.
fn claim(key: &KeyPool, session: &Session) -> Result<Option<SessionIdClaim>, ConnectError> {
    let Some(id) = session.info().session else {
        return Ok(None);
    };
    let claim = key.upstream.session_ids.claim(id, key.key.fingerprint());
    if claim.is_none() {
        let endpoint = key.key.endpoint();
        tracing::warn!(%endpoint, key = ?key.key, "the server gave one session id to two keys");
        let error = ConnectError::new(FaultKind::Protocol).with_source(SessionIdInUse);
        return Err(error);
    }
    Ok(claim)
}

/// A server gave the id of another key's session.
#[derive(Debug)]
struct SessionIdInUse;

impl fmt::Display for SessionIdInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server gave the session id of another key's session")
    }
}

impl std::error::Error for SessionIdInUse {}

/// Counts the changes of the stream for messages of the session's server, and has the observer get them.
pub(in crate::acquire) fn watch_stream(context: &Arc<Context>, key: &KeyPool, info: &SessionInfo) {
    let Some(state) = info.server_stream_state() else {
        return;
    };
    // The info of a session may outlive the pool.
    let (context, key) = (Arc::downgrade(context), key.key.clone());
    state.listen(move |before, after| {
        let Some(context) = context.upgrade() else {
            return;
        };
        Counters::add(&context.counters.server_stream_changes);
        context.events.emit(|observer, pool| {
            observer.server_stream_changed(&ServerStreamChanged {
                pool,
                key: &key,
                before,
                after,
            });
        });
    });
}

/// Runs the user's hook on a new session. A session that it refuses is closed.
async fn after_connect(
    context: &Context,
    key: &KeyPool,
    session: Session,
    deadline: Instant,
) -> Result<Session, ConnectError> {
    let Some(hooks) = &context.hooks else {
        return Ok(session);
    };
    let hook = timeout_at(deadline, hooks.after_connect(&key.key, &session)).await;
    match hook.unwrap_or_else(|_| Err(late_hook())) {
        Ok(()) => Ok(session),
        Err(error) => {
            session.driver().close(context.close_timeout()).await;
            Err(error)
        }
    }
}

/// The error of a hook that ran out of time, after the endpoint had answered.
fn late_hook() -> ConnectError {
    ConnectError::new(FaultKind::Timeout).with_evidence(Evidence::Here)
}

/// The credentials of a session's own requests: the latest of its key, or else those that it was
/// opened with; none where the session is shared by all callers.
fn session_credentials(
    key: &KeyPool,
    requester: &Requester,
) -> (Arc<LatestCredentials>, Arc<HeaderMap>) {
    if *key.key.scope() != Scope::Shared {
        let opener = Arc::clone(&requester.credential.headers);
        return (Arc::clone(key.credentials.shared()), opener);
    }
    let none = Credential {
        headers: Arc::default(),
        ends_at: Timestamp::NEVER,
    };
    let opener = Arc::clone(&none.headers);
    let latest = LatestCredentials::new(none, key.services.context.clock.now());
    (Arc::new(latest), opener)
}
