//! The seam for transports.

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;

use super::{connect_request::ConnectRequest, directory::ParkedSession, health_check::ProbePlan};
use crate::{
    error::{CheckError, ConnectError, FaultKind},
    extend::session::Session,
    types::{Endpoint, TransportKind},
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

    /// The URL schemes that the transport claims. An acquire for an endpoint with another scheme
    /// fails with [`AcquireError::UnsupportedScheme`](crate::error::AcquireError::UnsupportedScheme).
    /// Default: `http` and `https`.
    fn schemes(&self) -> &[&str] {
        &["http", "https"]
    }

    /// Whether a session it opens may turn out to be [`Era::Stateless`](crate::extend::Era::Stateless), so that one is enough for
    /// any number of callers of a key. The pool then begins with one connect on an endpoint it does
    /// not know. Default: no.
    fn speaks_stateless(&self) -> bool {
        false
    }

    /// Opens a session and completes its handshake, within `request.deadline()`.
    ///
    /// # Errors
    /// [`ConnectError`], of the most precise kind that the transport knows: callers and the circuit
    /// breaker act on it. No source may print a secret.
    ///
    /// # Cancel safety
    /// The pool drops the future when the deadline passes or the pool's runtime shuts down. A
    /// session that the server has already opened by then must still be closed by the connector.
    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError>;

    /// Whether the transport is spoken at the request's endpoint, of which only the address is known
    /// ([`Endpoint::auto`](crate::Endpoint::auto)).
    ///
    /// Default: [`Support::Unknown`], so that the connector is never chosen for such an endpoint.
    ///
    /// # Errors
    /// [`ConnectError`] for everything that is no answer: a refused credential, or a server that is
    /// not reached, fails or does not answer. It ends the detection, and every waiting caller gets
    /// it.
    ///
    /// # Cancel safety
    /// The pool drops the future when the deadline passes. Whatever was opened on the server must be
    /// closed by the connector then as well as before it answers.
    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        let _ = request;
        Ok(Support::Unknown)
    }

    /// As [`detect`](Self::detect), for a connector that opens a session to find out: the pool keeps
    /// the session and opens no other. Default: [`detect`](Self::detect).
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    ///
    /// # Cancel safety
    /// As [`connect`](Self::connect).
    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        self.detect(request).await.map(DetectOutcome::Support)
    }

    /// Goes on with a session that another process has [parked](crate::extend::SessionDriver::park), or
    /// still uses, without a request. Its requests must have ids that no other process uses on it, as
    /// those of [`RequestIds`](crate::extend::RequestIds) are. The pool does not
    /// know yet whether the server still has the session; the first call finds out.
    ///
    /// Default: the connector cannot.
    ///
    /// # Errors
    /// [`ConnectError`]: it cannot; the pool opens a session instead.
    ///
    /// # Cancel safety
    /// Safe.
    async fn revive(
        &self,
        request: &ConnectRequest,
        parked: ParkedSession,
    ) -> Result<Session, ConnectError> {
        let _ = (request, parked);
        Err(ConnectError::new(FaultKind::Other))
    }

    /// A request that finds out whether anything answers at the endpoint. The pool sends it while the
    /// endpoint's circuit is not closed.
    ///
    /// It must carry no caller's credentials or headers and open no session. Any answer, with
    /// whatever status, is a success, unless a gateway gives it for a server that it does not reach.
    /// The pool gives it two seconds.
    ///
    /// Default: `None`, the connector has no such request; the connect of one caller is the probe.
    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        let _ = endpoint;
        None
    }

    /// Checks that an idle session is alive. Never called for a session of
    /// [`Era::Stateless`](crate::extend::Era::Stateless), which has no state that could be lost.
    ///
    /// Default: the plan's probe chain.
    ///
    /// # Errors
    /// [`CheckError`] when it is not; the pool then closes it and tries another.
    ///
    /// # Cancel safety
    /// The pool may drop the future at any await and keeps the session, to be checked again.
    async fn check(&self, session: &Session, plan: &ProbePlan) -> Result<(), CheckError> {
        plan.run(session).await
    }
}

#[async_trait]
impl<T: Connector + ?Sized> Connector for Arc<T> {
    fn kind(&self) -> TransportKind {
        (**self).kind()
    }

    fn schemes(&self) -> &[&str] {
        (**self).schemes()
    }

    fn speaks_stateless(&self) -> bool {
        (**self).speaks_stateless()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        (**self).connect(request).await
    }

    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        (**self).detect(request).await
    }

    async fn detect_and_connect(
        &self,
        request: &ConnectRequest,
    ) -> Result<DetectOutcome, ConnectError> {
        (**self).detect_and_connect(request).await
    }

    async fn revive(
        &self,
        request: &ConnectRequest,
        parked: ParkedSession,
    ) -> Result<Session, ConnectError> {
        (**self).revive(request, parked).await
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        (**self).probe(endpoint)
    }

    async fn check(&self, session: &Session, plan: &ProbePlan) -> Result<(), CheckError> {
        (**self).check(session, plan).await
    }
}

/// A request that finds out whether anything answers at an endpoint, not sent yet. The
/// [evidence](ConnectError::evidence) of its error decides.
pub type EndpointProbe = Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;

/// The answer of a connector to a detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// The transport is spoken there.
    Supported,
    /// Something answers there, and does not speak the transport.
    Unsupported,
    /// The connector cannot detect its transport.
    Unknown,
}

/// The answer of a connector to a detection that may open a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum DetectOutcome {
    /// The transport is spoken there, and this is a session.
    Connected(Session),
    /// The answer without a session.
    Support(Support),
}
