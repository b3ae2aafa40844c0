//! What each endpoint looks like, over all of its keys.

use std::{collections::HashMap, sync::Arc};

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use super::{SessionPool, Shared, Upstream};
use crate::{Endpoint, extend::Era, stats::BreakerState};

/// What an endpoint looks like, over all of its keys.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The endpoint; serialised without its query.
    #[serde(serialize_with = "shown")]
    pub endpoint: Endpoint,
    /// The era of the newest session; `None` before the first.
    pub era: Option<Era>,
    /// Keys known now.
    pub keys: usize,
    /// Sessions that nobody uses.
    pub available: usize,
    /// Sessions that somebody uses.
    pub active: usize,
    /// Sessions being opened.
    pub connecting: usize,
    /// Callers in line.
    pub waiting: usize,
    /// Its circuit.
    pub breaker: BreakerState,
}

impl SessionPool {
    /// What each endpoint looks like now, in no order. Each key is looked at under its own lock,
    /// one after the other.
    #[must_use]
    pub fn endpoint_stats(&self) -> Vec<EndpointStats> {
        self.shared.endpoint_stats(Instant::now())
    }
}

impl Shared {
    fn endpoint_stats(&self, now: Instant) -> Vec<EndpointStats> {
        let mut rows: HashMap<*const Upstream, EndpointStats> = HashMap::new();
        let fresh = |upstream: &Upstream| EndpointStats {
            endpoint: upstream.endpoint.clone(),
            era: upstream.era(),
            keys: 0,
            available: 0,
            active: 0,
            connecting: 0,
            waiting: 0,
            breaker: upstream.breaker.read(now).state,
        };
        for upstream in self.upstreams.all() {
            rows.insert(Arc::as_ptr(&upstream), fresh(&upstream));
        }
        for (_, bucket) in &self.buckets {
            let counts = bucket.slots.counts();
            if counts.dead {
                continue;
            }
            let upstream = &bucket.upstream;
            let row = rows
                .entry(Arc::as_ptr(upstream))
                .or_insert_with(|| fresh(upstream));
            row.keys += 1;
            row.available += counts.idle;
            row.active += counts.busy;
            row.connecting += counts.connecting;
            row.waiting += counts.waiting;
        }
        rows.into_values().collect()
    }
}

fn shown<S: Serializer>(endpoint: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(endpoint)
}
