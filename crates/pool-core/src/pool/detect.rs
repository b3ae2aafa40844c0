//! Finding out which transport an address speaks: once for everybody who asks, on the pool's own
//! task, and again when the server denies what was found.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::{sync::watch, time::timeout_at};

use super::{
    AcquireRequest, Patience, Shared,
    flight::{Flight, Job, Landing, Outcome, lock, lost},
    resolved::{Found, Resolved},
    verdict::{Finding, Verdict},
};
use crate::{
    Endpoint, Lease, PoolKey, TransportKind,
    credentials::Credential,
    error::{AcquireError, FaultKind, Stage},
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

/// Whether a failed connect says that another transport is spoken there.
fn denies_transport(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error)
        if matches!(error.kind(), FaultKind::NotFound | FaultKind::Protocol))
}

fn is_about_credentials(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error) if error.kind().is_about_credentials())
}

/// An address forgotten for another one is asked again.
const MAX_KNOWN: u64 = 10_000;
