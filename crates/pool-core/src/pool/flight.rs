//! One detection: the connectors are asked one after the other, and everybody who waits is told.

use std::{
    fmt,
    sync::{Arc, MutexGuard, PoisonError},
};

use http::HeaderMap;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Hub, Upstream,
    attempt::PendingAttempt,
    detect::Inquiry,
    verdict::{Finding, Verdict},
};
use crate::{
    Endpoint, TransportKind,
    connector::SlotsByEra,
    credentials::NewestHeaders,
    error::{AcquireError, ConnectError, FaultKind},
    extend::{ConnectRequest, Connector, Credentials, Detection},
};

/// A detection under way.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) outcome: Arc<watch::Sender<Option<Outcome>>>,
    /// With which headers; a refused credential concerns only whoever sends the same.
    pub(super) headers: Arc<HeaderMap>,
}

pub(super) type Outcome = Result<Finding, AcquireError>;

/// One detection.
pub(super) struct Job {
    pub(super) hub: Arc<Hub>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) endpoint: Endpoint,
    pub(super) inquiry: Inquiry,
    pub(super) landing: Landing,
}

impl Job {
    pub(super) async fn run(self) {
        let began = Instant::now();
        let outcome = self.settled().await;
        let found = outcome.as_ref().ok().copied();
        self.note(found, outcome.as_ref().err(), began);
        let good_for = self.hub.config.timeouts.detected_transport_ttl;
        let good_until = crate::expiry::after(Instant::now(), good_for);
        let good_until = self.hub.clock.moment(good_until);
        let verdict = Arc::clone(&self.landing.verdict);
        self.landing
            .land(outcome.map(|place| verdict.settle(place, good_until)));
    }

    /// The place of the connector whose transport is spoken, past the breaker.
    async fn settled(&self) -> Result<usize, AcquireError> {
        let attempt = PendingAttempt::admit(&self.hub, &self.upstream)
            .map_err(|retry_after| AcquireError::CircuitOpen { retry_after })?;
        match self.ask_all().await {
            Ok(Some(place)) => {
                attempt.succeeded();
                Ok(place)
            }
            Ok(None) => Err(AcquireError::NoConnector(TransportKind::AUTO)),
            Err(error) => {
                attempt.failed(&error);
                Err(AcquireError::Connect(Arc::new(error)))
            }
        }
    }

    /// Asks one connector after the other. `None` when there is none that can tell.
    async fn ask_all(&self) -> Result<Option<usize>, ConnectError> {
        let patience = self.hub.config.timeouts.session_create_timeout;
        let deadline = crate::expiry::after(Instant::now(), patience);
        let mut denied = false;
        for (place, (kind, connector)) in self.hub.connectors.in_order().iter().enumerate() {
            match self.ask(kind, connector.as_ref(), deadline).await? {
                Detection::Mine => return Ok(Some(place)),
                Detection::NotMine => denied = true,
                Detection::Unable => {}
            }
        }
        match denied {
            true => Err(ConnectError::new(FaultKind::Protocol).with_source(NoTransport)),
            false => Ok(None),
        }
    }

    async fn ask(
        &self,
        kind: &TransportKind,
        connector: &dyn Connector,
        deadline: Instant,
    ) -> Result<Detection, ConnectError> {
        let (hub, inquiry) = (&self.hub, &self.inquiry);
        let key = inquiry.key.over(kind, &hub.secret, &inquiry.profile);
        let credential = inquiry.credential.clone();
        let headers = Arc::clone(&credential.headers);
        let newest = Arc::new(NewestHeaders::new(credential, hub.clock.now()));
        let source = Arc::clone(&hub.credentials);
        let credentials = Credentials::new(source, key.endpoint().clone(), newest, headers);
        let handlers = Arc::clone(&inquiry.profile.factory);
        let request = ConnectRequest::new(key, credentials, handlers, SlotsByEra::ONE, deadline);
        timeout_at(deadline, connector.detect(&request))
            .await
            .unwrap_or_else(|_| Err(ConnectError::new(FaultKind::Timeout)))
    }

    fn note(&self, found: Option<usize>, error: Option<&AcquireError>, began: Instant) {
        let transport = found.and_then(|place| self.hub.connectors.kind_at(place));
        let (endpoint, took) = (&self.endpoint, began.elapsed());
        tracing::debug!(
            %endpoint,
            transport = transport.map(TransportKind::as_str),
            error = error.map(AcquireError::label),
            "transport asked for"
        );
        self.hub.observe(|observer, pool| {
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

/// The end of a detection, however it comes: nobody joins it any more, and whoever waits hears of
/// it.
pub(super) struct Landing {
    pub(super) verdict: Arc<Verdict>,
    pub(super) flight: Flight,
}

impl Landing {
    fn land(self, outcome: Outcome) {
        *lock(&self.verdict) = None;
        self.flight.land(outcome);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut under_way = lock(&self.verdict);
        let is_this = |flight: &Flight| Arc::ptr_eq(&flight.outcome, &self.flight.outcome);
        if under_way.as_ref().is_some_and(is_this) {
            *under_way = None;
        }
        drop(under_way);
        self.flight.land(lost());
    }
}

impl Flight {
    /// Tells everybody who waits. Only the first outcome counts.
    pub(super) fn land(&self, outcome: Outcome) {
        self.outcome.send_if_modified(|landed| {
            let is_first = landed.is_none();
            if is_first {
                *landed = Some(outcome);
            }
            is_first
        });
    }
}

/// Something answers, and speaks none of the transports that could be told.
#[derive(Debug)]
struct NoTransport;

impl fmt::Display for NoTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("none of the pool's transports is spoken there")
    }
}

impl std::error::Error for NoTransport {}

/// What is said of a detection whose task ended before it did.
pub(super) fn lost() -> Outcome {
    let error = ConnectError::new(FaultKind::Other);
    Err(AcquireError::Connect(Arc::new(error)))
}

/// The detection of an address that is under way.
pub(super) fn lock(verdict: &Verdict) -> MutexGuard<'_, Option<Flight>> {
    verdict
        .flight
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}
