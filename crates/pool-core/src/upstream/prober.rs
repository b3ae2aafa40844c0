//! The task that finds out when an endpoint is there again.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::{circuit::ProbeOutcome, upstream::Upstream};
use crate::{
    error::{ConnectError, Evidence},
    extend::EndpointProbe,
};

impl Upstream {
    /// Starts the task that probes the endpoint, where one is needed and none runs.
    pub(super) fn start_probing(&self) {
        let mut prober = self.prober();
        if prober.is_some() || self.breaker.next_probe(Instant::now()).is_none() {
            return;
        }
        let task = probe_until_closed(Weak::clone(&self.me));
        *prober = self.host.start(Box::pin(task));
    }
}

/// Probes an endpoint until its circuit is closed.
///
/// The task does not keep the endpoint: it ends when the last key of the endpoint is gone.
async fn probe_until_closed(upstream: Weak<Upstream>) {
    loop {
        let Some(at) = upstream
            .upgrade()
            .and_then(|upstream| upstream.next_probe())
        else {
            return;
        };
        sleep_until(at).await;
        let Some(probe) = upstream.upgrade().and_then(|upstream| upstream.probe()) else {
            return;
        };
        let outcome = probe_outcome(probe).await;
        match upstream.upgrade() {
            Some(upstream) => upstream.probed(outcome),
            None => return,
        }
    }
}

/// Runs a probe for a bounded time.
async fn probe_outcome(probe: EndpointProbe) -> ProbeOutcome {
    let began = Instant::now();
    match timeout(PROBE_TIMEOUT, probe).await {
        Ok(Ok(())) => ProbeOutcome::Answered,
        Ok(Err(error)) => outcome_of(&error),
        Err(_) => {
            tracing::debug!(took = ?began.elapsed(), "probe not answered in time");
            ProbeOutcome::Unclear
        }
    }
}

fn outcome_of(error: &ConnectError) -> ProbeOutcome {
    match error.evidence() {
        Evidence::Absent => ProbeOutcome::Absent,
        Evidence::Here => ProbeOutcome::Answered,
        Evidence::None => ProbeOutcome::Unclear,
    }
}

/// Long enough for a server far away, and short enough to notice its return soon.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
