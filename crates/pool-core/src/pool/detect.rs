//! Finding out which transport an address speaks: once for everybody who asks, on the pool's own
//! task, and again when the server denies what was found.

use std::{
    fmt,
    sync::{Arc, MutexGuard, PoisonError},
};

use http::HeaderMap;
use moka::sync::Cache;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    AcquireRequest, Hub, Patience, Shared, Upstream,
    attempt::PendingAttempt,
    resolved::{Found, Resolved},
    verdict::{Finding, Verdict},
};
use crate::{
    AcquireError, ConnectError, ConnectRequest, Connector, Credentials, Detection, Endpoint,
    FaultKind, Lease, PoolKey, Stage, TransportKind,
    connector::SlotsByEra,
    credentials::{Credential, NewestHeaders},
    handler::Profile,
};

/// What is known of the addresses whose transport is found out, by canonical URL.
pub(super) struct Verdicts(Cache<Box<str>, Arc<Verdict>, foldhash::fast::RandomState>);

/// On whose behalf it is found out: a key over any transport, and what else its requests need.
#[derive(Clone)]
pub(super) struct Inquiry {
    pub(super) key: PoolKey,
    pub(super) profile: Profile,
    pub(super) credential: Credential,
}

/// A request over the transport that was found.
struct Way<'r> {
    resolved: &'r Resolved,
    finding: Finding,
}

/// A detection under way.
#[derive(Clone)]
pub(super) struct Flight {
    outcome: Arc<watch::Sender<Option<Outcome>>>,
    /// With which headers; a refused credential concerns only whoever sends the same.
    headers: Arc<HeaderMap>,
}

type Outcome = Result<Finding, AcquireError>;

impl Verdicts {
    pub(super) fn new() -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self(known)
    }

    pub(super) fn of(&self, endpoint: &Endpoint) -> Arc<Verdict> {
        let url = endpoint.url().as_str();
        let known = self.0.get(url);
        known.unwrap_or_else(|| self.0.get_with(url.into(), Arc::default))
    }

    /// Turns away everybody who waits for a detection. Returns how many.
    pub(super) fn shut(&self) -> u64 {
        let mut turned_away = 0;
        for (_, verdict) in &self.0 {
            if let Some(flight) = lock(&verdict).as_ref() {
                turned_away += flight.outcome.receiver_count() as u64;
                flight.land(Err(AcquireError::Closed));
            }
        }
        turned_away
    }
}

impl Shared {
    /// A lease over the transport that is spoken; over the one that is found instead, when the
    /// server denies it.
    pub(super) async fn wait_over_found(
        &self,
        (root, found): (&Resolved, &Found),
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Lease, AcquireError> {
        let credential = request.credential(root.ends_at);
        let way = self.way((root, found), &credential, patience).await?;
        let result = self.wait_over(way.resolved, request, patience).await;
        if !result.as_ref().is_err_and(denies_transport) {
            return result;
        }
        found.verdict.overturn(way.finding);
        let other = self.way((root, found), &credential, patience).await?;
        match other.finding.place() == way.finding.place() {
            true => result,
            false => self.wait_over(other.resolved, request, patience).await,
        }
    }

    /// The key of a request; where its transport is found out, over the one that is spoken now.
    pub(super) async fn key_now(
        &self,
        resolved: &Resolved,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<PoolKey, AcquireError> {
        let Some(found) = &resolved.found else {
            return Ok(resolved.key.clone());
        };
        let credential = request.credential(resolved.ends_at);
        let way = self.way((resolved, found), &credential, patience).await?;
        Ok(way.resolved.key.clone())
    }

    /// A request over the transport that is spoken, found out and worked out where need be.
    async fn way<'r>(
        &self,
        (root, found): (&'r Resolved, &'r Found),
        credential: &Credential,
        patience: Patience,
    ) -> Result<Way<'r>, AcquireError> {
        let inquiry = Inquiry {
            key: root.key.clone(),
            profile: root.profile.clone(),
            credential: credential.clone(),
        };
        loop {
            let finding = self.find_out(&found.verdict, &inquiry, patience).await?;
            if let Some(resolved) = root.over(finding) {
                return Ok(Way { resolved, finding });
            }
            let other = self.resolved_over(&inquiry, (&found.verdict, finding), patience);
            root.add(other.await?);
        }
    }

    /// Works out a request over the transport that was found.
    pub(super) async fn resolved_over(
        &self,
        inquiry: &Inquiry,
        (verdict, finding): (&Arc<Verdict>, Finding),
        patience: Patience,
    ) -> Result<Resolved, AcquireError> {
        let kind = self.hub.connectors.kind_at(finding.place());
        let kind = kind.ok_or(AcquireError::NoConnector(TransportKind::AUTO))?;
        let key = inquiry.key.over(kind, &self.hub.secret, &inquiry.profile);
        let credential = &inquiry.credential;
        let bucket = self
            .bucket(&key, &inquiry.profile, credential.clone(), patience)
            .await?;
        let found = Found::new(Arc::clone(verdict), finding);
        Ok(Resolved::new(
            self.id,
            (bucket, credential.ends_at),
            Some(found),
        ))
    }

    /// Which transport is spoken at an address: what is known, or what a detection finds.
    pub(super) async fn find_out(
        &self,
        verdict: &Arc<Verdict>,
        inquiry: &Inquiry,
        patience: Patience,
    ) -> Result<Finding, AcquireError> {
        loop {
            if let Some(finding) = verdict.finding() {
                if verdict.is_stale(self.hub.clock.now()) {
                    // Most probably it still holds: nobody is to wait for the answer.
                    self.board(verdict, inquiry)?;
                }
                return Ok(finding);
            }
            let (flight, mut landing) = self.board(verdict, inquiry)?;
            let landed = landing.wait_for(Option::is_some);
            let outcome = timeout_at(patience.deadline, landed)
                .await
                .map_err(|_| patience.timeout(Stage::Detect))?
                .map_or_else(|_| lost(), |outcome| outcome.clone().unwrap_or_else(lost));
            if !outcome.as_ref().is_err_and(is_about_credentials)
                || flight.headers == inquiry.credential.headers
            {
                return outcome;
            }
            // Somebody else's credential was refused.
        }
    }

    /// Joins the detection under way, or begins one.
    fn board(
        &self,
        verdict: &Arc<Verdict>,
        inquiry: &Inquiry,
    ) -> Result<(Flight, watch::Receiver<Option<Outcome>>), AcquireError> {
        let mut under_way = lock(verdict);
        // Asked under the lock, under which whoever waits is turned away afterwards.
        if self.hub.is_closed() {
            return Err(AcquireError::Closed);
        }
        if let Some(flight) = under_way.as_ref() {
            return Ok((flight.clone(), flight.outcome.subscribe()));
        }
        let flight = Flight {
            outcome: Arc::new(watch::Sender::new(None)),
            headers: Arc::clone(&inquiry.credential.headers),
        };
        let endpoint = inquiry.key.endpoint().clone().over(&TransportKind::AUTO);
        let job = Job {
            hub: Arc::clone(&self.hub),
            upstream: self.upstreams.of(&endpoint),
            endpoint,
            inquiry: inquiry.clone(),
            landing: Landing {
                verdict: Arc::clone(verdict),
                flight: flight.clone(),
            },
        };
        self.hub.tasks.spawn_on(job.run(), &self.hub.runtime);
        let landing = flight.outcome.subscribe();
        *under_way = Some(flight.clone());
        Ok((flight, landing))
    }
}

/// One detection.
struct Job {
    hub: Arc<Hub>,
    upstream: Arc<Upstream>,
    endpoint: Endpoint,
    inquiry: Inquiry,
    landing: Landing,
}

impl Job {
    async fn run(self) {
        let began = Instant::now();
        let outcome = self.settled().await;
        let found = outcome.as_ref().ok().copied();
        self.note(found, outcome.as_ref().err(), began);
        let good_for = self.hub.config.transport_verdict_ttl;
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
        let patience = self.hub.config.session_create_timeout;
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
            error = error.map(AcquireError::as_str),
            "transport asked for"
        );
        self.hub.observe(|observer, pool| {
            observer.detected(&crate::Detected {
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
struct Landing {
    verdict: Arc<Verdict>,
    flight: Flight,
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
    fn land(&self, outcome: Outcome) {
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
fn lost() -> Outcome {
    let error = ConnectError::new(FaultKind::Other);
    Err(AcquireError::Connect(Arc::new(error)))
}

/// Whether a failed connect says that another transport is spoken there.
fn denies_transport(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error)
        if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol))
}

fn is_about_credentials(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error) if error.kind().is_about_credentials())
}

fn lock(verdict: &Verdict) -> MutexGuard<'_, Option<Flight>> {
    verdict
        .flight
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// An address forgotten for another one is asked again.
const MAX_KNOWN: u64 = 10_000;
