//! What a transport does with a session that it opened.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rmcp::{
    RoleClient, Service,
    service::{Peer, RunningService, ServiceError},
};

use crate::error::CallFailure;

/// What a transport does with a session it opened.
///
/// [`RunningSession`] suffices for most transports; one that knows more of a failed call wraps it
/// and overrides [`classify`](Self::classify).
#[async_trait]
pub trait SessionDriver: Send + Sync {
    /// rmcp's client side of the session.
    fn peer(&self) -> &Peer<RoleClient>;

    /// True when the session is known to be over. Called on every acquire: it must be cheap and
    /// must not send a request. Default: whether rmcp's transport is closed.
    fn is_over(&self) -> bool {
        self.peer().is_transport_closed()
    }

    /// What an error of one request shows of its outcome and of the session. Default:
    /// [`CallFailure::conservative`].
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

#[async_trait]
impl<T: SessionDriver + ?Sized> SessionDriver for Arc<T> {
    fn peer(&self) -> &Peer<RoleClient> {
        (**self).peer()
    }

    fn is_over(&self) -> bool {
        (**self).is_over()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        (**self).classify(error)
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        (**self).close(timeout).await
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseOutcome {
    /// The client side is gone; whether the server got the farewell is not known.
    Failed,
    /// The farewell was sent, or the protocol has none.
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
