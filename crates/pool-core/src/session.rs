//! An initialised rmcp client and what is known of it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rmcp::{
    RoleClient, Service,
    service::{Peer, RunningService, ServiceError},
};

use crate::{error::CallFailure, extend::Fingerprint};

/// One initialised rmcp client and its metadata, as a [`Connector`](crate::extend::Connector) hands it to
/// the pool.
pub struct Session {
    driver: Box<dyn SessionDriver>,
    info: SessionInfo,
    close_notifier: CloseNotifier,
}

impl Session {
    /// A session that is kept by `driver`.
    #[must_use]
    pub fn new(driver: impl SessionDriver + 'static, info: SessionInfo) -> Self {
        Self {
            driver: Box::new(driver),
            info,
            close_notifier: CloseNotifier::default(),
        }
    }

    /// Uses a notifier that the transport already holds, so that it can report the session's end the
    /// moment it happens.
    #[must_use]
    pub fn with_close_notifier(mut self, close_notifier: CloseNotifier) -> Self {
        self.close_notifier = close_notifier;
        self
    }

    /// rmcp's client side of the session.
    #[must_use]
    pub fn peer(&self) -> &Peer<RoleClient> {
        self.driver.peer()
    }

    /// What is known of the session.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// What keeps the session.
    #[must_use]
    pub fn driver(&self) -> &dyn SessionDriver {
        self.driver.as_ref()
    }

    /// Whether the session is known to be over. Cheap, and never asks the server.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.close_notifier.is_notified() || self.driver.is_over()
    }

    pub(crate) fn close_notifier(&self) -> &CloseNotifier {
        &self.close_notifier
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// What a transport does with a session it opened.
///
/// Most transports need nothing but [`RunningSession`]; one that can tell more of a failed call
/// wraps it and overrides [`classify`](Self::classify).
#[async_trait]
pub trait SessionDriver: Send + Sync {
    /// rmcp's client side of the session.
    fn peer(&self) -> &Peer<RoleClient>;

    /// Whether the session is known to be over. Called on every acquire: it must be cheap and must
    /// not ask the server. Default: whether rmcp's transport is closed.
    fn is_over(&self) -> bool {
        self.peer().is_transport_closed()
    }

    /// What an error of one request says about its outcome and about the session.
    /// Default: [`CallFailure::conservative`].
    fn classify(&self, error: &ServiceError) -> CallFailure {
        CallFailure::conservative(error)
    }

    /// Ends the session with its protocol's farewell, within `timeout`. Called once; calls in
    /// flight end with an error.
    ///
    /// # Cancel safety
    /// The pool drops the future only when its runtime shuts down.
    async fn close(&self, timeout: Duration) -> CloseOutcome;
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseOutcome {
    /// The client side is gone; whether the server got the farewell is not known.
    Failed,
    /// The farewell was said, or the protocol has none.
    Completed,
    /// The farewell did not end in time and was left to itself.
    TimedOut,
}

impl CloseOutcome {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The plain driver over a running rmcp service.
pub struct RunningSession<S: Service<RoleClient>> {
    peer: Peer<RoleClient>,
    running: Mutex<Option<RunningService<RoleClient, S>>>,
}

impl<S: Service<RoleClient>> RunningSession<S> {
    /// Drives a service that has been initialised.
    #[must_use]
    pub fn new(running: RunningService<RoleClient, S>) -> Self {
        Self {
            peer: running.peer().clone(),
            running: Mutex::new(Some(running)),
        }
    }
}

#[async_trait]
impl<S: Service<RoleClient>> SessionDriver for RunningSession<S> {
    fn peer(&self) -> &Peer<RoleClient> {
        &self.peer
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut running) = running else {
            return CloseOutcome::Completed;
        };
        match running.close_with_timeout(timeout).await {
            Ok(Some(_)) => CloseOutcome::Completed,
            Ok(None) => CloseOutcome::TimedOut,
            Err(_) => CloseOutcome::Failed,
        }
    }
}

impl<S: Service<RoleClient>> fmt::Debug for RunningSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSession").finish_non_exhaustive()
    }
}

/// With which kind of server a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Era {
    /// Revision 2025-11-25 or earlier: sessions begin with `initialize`.
    Legacy,
    /// Revision 2026-07-28 or later: every request stands for itself.
    Stateless,
}

impl Era {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Stateless => "stateless",
        }
    }
}

/// What is known of a session. Holds no secret: the server's session id only as a fingerprint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The era of the server.
    pub era: Era,
    /// The negotiated protocol revision, such as `2025-11-25`.
    pub protocol_version: String,
    /// The server's session id as a fingerprint; `None` when the server issued none.
    pub session: Option<Fingerprint>,
    /// How many calls may run on the session at the same time, where the transport knows better
    /// than the request's configuration.
    pub max_concurrent: Option<u32>,
}

impl SessionInfo {
    /// The info of a session that speaks this revision.
    #[must_use]
    pub fn new(era: Era, protocol_version: impl Into<String>) -> Self {
        Self {
            era,
            protocol_version: protocol_version.into(),
            session: None,
            max_concurrent: None,
        }
    }

    /// Adds the fingerprint of the server's session id.
    #[must_use]
    pub fn with_session_id(mut self, id: &str) -> Self {
        self.session = Some(Fingerprint::of("mcp-session-id", id.as_bytes()));
        self
    }

    /// Says how many calls may run on the session at the same time.
    #[must_use]
    pub fn with_max_concurrent(mut self, calls: u32) -> Self {
        self.max_concurrent = Some(calls);
        self
    }
}

/// Lets a transport say that a session is over the moment it learns of it, so that the session
/// leaves the pool at once. Cheap to clone; may be notified before the pool has seen the session.
#[derive(Clone, Default)]
pub struct CloseNotifier(Arc<CloseSignal>);

#[derive(Default)]
struct CloseSignal {
    notified: AtomicBool,
    listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl CloseNotifier {
    /// Reports the session's end. Only the first call has an effect.
    pub fn notify(&self) {
        if self.0.notified.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(listener) = self.0.listener.get() {
            listener();
        }
    }

    /// Whether it was notified.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.0.notified.load(Ordering::Acquire)
    }

    /// Whom to tell. Told at once when it was notified before; twice in a race, at worst.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.listener.set(Box::new(listener));
        if self.0.notified.load(Ordering::SeqCst)
            && let Some(listener) = self.0.listener.get()
        {
            listener();
        }
    }
}

impl fmt::Debug for CloseNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloseNotifier")
            .field(&self.is_notified())
            .finish()
    }
}
