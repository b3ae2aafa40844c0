//! Detects the transport of an address: once for all callers, and again when the server denies it.

use std::sync::Arc;

use moka::sync::Cache;

use super::{
    detection::{Detection, Requester},
    known_transport::{DetectedTransport, DetectionOutcome, KnownTransport},
};
use crate::{
    context::Context,
    error::{AcquireError, ConnectError, FaultKind, Stage, within},
    extend::{Flight, Follower},
    key::KeyServices,
    time::{Deadline, after},
    types::{Endpoint, TransportKind},
    upstream::Upstreams,
};

/// Detects the transports of addresses.
pub(crate) struct Detector {
    services: Arc<KeyServices>,
    upstreams: Arc<Upstreams>,
    /// By canonical URL.
    known: Cache<Box<str>, Arc<KnownTransport>, foldhash::fast::RandomState>,
}

impl Detector {
    pub(crate) fn new(services: Arc<KeyServices>, upstreams: Arc<Upstreams>) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self {
            services,
            upstreams,
            known,
        }
    }

    /// The known transport of an endpoint's address.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<KnownTransport> {
        let url = endpoint.url().as_str();
        let known = self.known.get(url);
        known.unwrap_or_else(|| self.known.get_with(url.into(), Arc::default))
    }

    /// The transport of an address: the known one, or the outcome of a detection.
    ///
    /// # Errors
    /// [`AcquireError::CircuitOpen`], [`AcquireError::Closed`], [`AcquireError::Connect`],
    /// [`AcquireError::NoConnector`] or [`AcquireError::Timeout`].
    pub(crate) async fn detect(
        &self,
        known: &Arc<KnownTransport>,
        requester: &Requester,
        deadline: Deadline,
    ) -> Result<DetectedTransport, AcquireError> {
        loop {
            if let Some(detected) = known.current() {
                if known.is_stale(self.context().clock.now()) {
                    // It most probably still holds: no caller waits for the new detection.
                    self.join(known, requester)?;
                }
                return Ok(detected);
            }
            let follower = self.join(known, requester)?;
            let outcome = within(deadline, Stage::Detect, follower.outcome()).await?;
            let Some(outcome) = outcome else {
                return Err(lost());
            };
            if !outcome.result.as_ref().is_err_and(is_about_credentials)
                || outcome.headers == requester.credential.headers
            {
                return outcome.result;
            }
            // The server refused the credential of another caller.
        }
    }

    /// Gives every caller that waits for a detection the error of a closed pool. Returns how many
    /// there were.
    pub(crate) fn close(&self) -> u64 {
        let mut turned_away = 0;
        for (_, known) in &self.known {
            let closed = DetectionOutcome {
                result: Err(AcquireError::Closed),
                headers: Arc::default(),
            };
            turned_away += known.flights.abort(closed) as u64;
        }
        turned_away
    }

    fn context(&self) -> &Arc<Context> {
        &self.services.context
    }

    /// Joins the detection under way, or starts one.
    fn join(
        &self,
        known: &Arc<KnownTransport>,
        requester: &Requester,
    ) -> Result<Follower<DetectionOutcome>, AcquireError> {
        let leader = match known.flights.join() {
            Flight::Follower(follower) => return Ok(follower),
            Flight::Leader(leader) => leader,
        };
        // Read after the flight is visible: `close` either aborts it or was before this.
        if self.context().is_closed() {
            return Err(AcquireError::Closed);
        }
        let follower = leader.follow();
        let endpoint = requester.key.endpoint().clone().over(&TransportKind::AUTO);
        let detection = Detection {
            services: Arc::clone(&self.services),
            upstream: self.upstreams.of(&endpoint),
            endpoint,
            is_first: known.last().is_none(),
            requester: requester.clone(),
        };
        let (context, known) = (Arc::clone(self.context()), Arc::clone(known));
        let run = async move {
            let result = detection.run().await;
            let good_for = context.config.timeouts.detected_transport_ttl;
            let good_until = context
                .clock
                .timestamp(after(tokio::time::Instant::now(), good_for));
            leader.finish(DetectionOutcome {
                result: result.map(|position| known.set(position, good_until)),
                headers: Arc::clone(&detection.requester.credential.headers),
            });
        };
        let context = self.context();
        context.spawn(run);
        Ok(follower)
    }
}

/// The error of a detection whose task ended before the detection did.
fn lost() -> AcquireError {
    let error = ConnectError::new(FaultKind::Other);
    AcquireError::Connect(Arc::new(error))
}

fn is_about_credentials(error: &AcquireError) -> bool {
    matches!(error, AcquireError::Connect(error) if error.kind().is_about_credentials())
}

/// An address evicted for another one is detected again.
const MAX_KNOWN: u64 = 10_000;
