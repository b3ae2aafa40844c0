//! What a transport does with a session that it opened.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use rmcp::{
    RoleClient, Service,
    model::ClientRequest,
    service::{Peer, RunningService, ServiceError},
};

use crate::{
    error::{CallFailure, FaultKind, Outcome},
    extend::directory::ParkedSession,
    wire::{Answer, CallContext, SessionPeer, call_over_peer},
};

/// What a transport does with a session it opened.
///
/// [`RunningSession`] suffices for a session that rmcp serves; a driver that knows more of a failed
/// call wraps it and overrides [`classify`](Self::classify). A transport that writes requests and
/// reads answers itself implements [`call`](Self::call) too.
#[async_trait]
pub trait SessionDriver: Send + Sync {
    /// rmcp's client side of the session. A session that needs no rmcp service for its calls starts
    /// one, which ends some time after the last peer is dropped.
    ///
    /// # Errors
    /// [`CallFailure`]: the session is over, or the server did not give what rmcp needs to know.
    ///
    /// # Cancel safety
    /// Safe.
    async fn peer(&self) -> Result<SessionPeer, CallFailure>;

    /// Sends one request and returns its answer. `context` is `None` for a request of the pool's
    /// own. Default: over rmcp's client side, where an answer has no
    /// [raw JSON](Answer::raw).
    ///
    /// # Errors
    /// [`CallFailure`]: there is no answer. It names what is known of the outcome, and whether the
    /// session is usable.
    ///
    /// # Cancel safety
    /// A dropped call cancels the request on the server.
    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        let peer = self.peer().await?;
        let answer = call_over_peer(&peer, request, context).await;
        answer.map_err(|error| self.classify(&error))
    }

    /// Opens the stream on which the server sends messages that belong to no call, where the session
    /// wanted none so far. Returns when it is known whether there is one, after a short time at most.
    ///
    /// Default: nothing; a transport whose messages all come on one connection has nothing to open.
    ///
    /// # Cancel safety
    /// Safe.
    async fn open_server_stream(&self) {}

    /// True when the session is known to be over. Called on every acquire: it must be cheap and
    /// must not send a request.
    fn is_over(&self) -> bool;

    /// What an error of rmcp shows of its request's outcome and of the session, for users of
    /// [`peer`](Self::peer). Default: [`CallFailure::conservative`].
    fn classify(&self, error: &ServiceError) -> CallFailure {
        CallFailure::conservative(error)
    }

    /// The session as bytes, from which another process goes on with it
    /// ([`Connector::revive`](crate::extend::Connector::revive)), while this one may use it, too. Never a
    /// credential. Sends no request.
    ///
    /// Default: `None`, the session cannot leave its process.
    fn park(&self) -> Option<ParkedSession> {
        None
    }

    /// Ends the session with its protocol's farewell, within `timeout`. Called once; calls in
    /// flight end with an error.
    ///
    /// # Cancel safety
    /// The pool drops the future only when its runtime shuts down.
    async fn close(&self, timeout: Duration) -> CloseOutcome;
}

/// The driver's own futures are passed on: one of an `async fn` around each would be one more block of memory.
impl<T: SessionDriver + ?Sized> SessionDriver for Arc<T> {
    fn peer<'a, 'f>(&'a self) -> BoxFuture<'f, Result<SessionPeer, CallFailure>>
    where
        'a: 'f,
        Self: 'f,
    {
        (**self).peer()
    }

    fn call<'a, 'c, 'f>(
        &'a self,
        request: ClientRequest,
        context: Option<&'c CallContext>,
    ) -> BoxFuture<'f, Result<Answer, CallFailure>>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).call(request, context)
    }

    fn open_server_stream<'a, 'f>(&'a self) -> BoxFuture<'f, ()>
    where
        'a: 'f,
        Self: 'f,
    {
        (**self).open_server_stream()
    }

    fn is_over(&self) -> bool {
        (**self).is_over()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        (**self).classify(error)
    }

    fn park(&self) -> Option<ParkedSession> {
        (**self).park()
    }

    fn close<'a, 'f>(&'a self, timeout: Duration) -> BoxFuture<'f, CloseOutcome>
    where
        'a: 'f,
        Self: 'f,
    {
        (**self).close(timeout)
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseOutcome {
    /// The client side is gone, or the runtime of the pool has ended; whether the server got the farewell is
    /// not known.
    Failed,
    /// The farewell was sent, or the protocol has none.
    Completed,
    /// No farewell was sent: the session is left to other replicas.
    HandedOver,
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
            Self::HandedOver => "handed_over",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The plain driver over an rmcp service that runs as long as its session. It is over when rmcp's
/// transport is closed; a call after that is not sent, and known as not executed.
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
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        Ok(SessionPeer::new(self.peer.clone()))
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        // rmcp's own error does not tell a call that was not sent from one whose answer is missing.
        if self.is_over() {
            let gone = FaultKind::SessionGone;
            return Err(CallFailure::new(Outcome::NotExecuted, gone));
        }
        let answer = call_over_peer(&self.peer, request, context).await;
        answer.map_err(|error| self.classify(&error))
    }

    fn is_over(&self) -> bool {
        self.peer.is_transport_closed()
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
