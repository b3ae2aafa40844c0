//! The state of the pool as JSON.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use axum::{Json, extract::State};
use mcp_pool_core::{
    SessionPool, TransportKind,
    stats::{BreakerState, EndpointStats, PoolStats, PoolStatus},
};
use serde::Serialize;

use super::{failure::Failure, shown::Shown};
use crate::{
    recorder::{Incident, rfc3339},
    samples::Sample,
};

/// The state of the pool.
#[derive(Serialize)]
pub(super) struct Stats {
    pool: String,
    #[serde(serialize_with = "rfc3339")]
    at: SystemTime,
    /// False where the pool was built without the recorder: then nothing is known of waits, calls and
    /// closes.
    recorded: bool,
    status: PoolStatus,
    /// Counts since the pool was built, without rows of keys.
    totals: PoolStats,
    /// The closed sessions by reason, since the pool was built.
    closes: BTreeMap<&'static str, u64>,
    endpoints: Vec<EndpointRow>,
    endpoint_count: usize,
    /// What happened last, the newest first.
    incidents: Vec<Incident>,
}

/// An endpoint, with its name on the page.
#[derive(Serialize)]
struct EndpointRow {
    name: String,
    gateway: Option<String>,
    transport: TransportKind,
    #[serde(flatten)]
    stats: EndpointStats,
}

pub(super) async fn stats(State(shown): State<Shown>) -> Result<Json<Stats>, Failure> {
    let pool = shown.pool()?;
    let mut totals = pool.stats();
    totals.pools.clear();
    totals.circuit_breakers.clear();
    let (endpoints, endpoint_count) = endpoints(&shown, &pool);
    Ok(Json(Stats {
        pool: pool.config().name.clone(),
        at: SystemTime::now(),
        recorded: shown.recorder.is_attached(),
        status: pool.status(),
        totals,
        closes: shown.recorder.reading().closes,
        endpoints,
        endpoint_count,
        incidents: shown.recorder.incidents(MAX_INCIDENTS),
    }))
}

pub(super) async fn history(State(shown): State<Shown>) -> Json<Vec<Arc<Sample>>> {
    Json(shown.samples.kept())
}

/// The endpoints that need a look first, and how many there are.
fn endpoints(shown: &Shown, pool: &SessionPool) -> (Vec<EndpointRow>, usize) {
    let mut all = pool.endpoint_stats();
    let count = all.len();
    all.sort_by_cached_key(|row| {
        let is_healthy = row.breaker == BreakerState::Closed;
        let shown = row.endpoint.to_string();
        (
            is_healthy,
            usize::MAX - row.waiting,
            usize::MAX - row.keys,
            shown,
        )
    });
    all.truncate(MAX_ENDPOINTS);
    let row = |stats: EndpointStats| EndpointRow {
        name: shown.name(&stats.endpoint),
        transport: stats.endpoint.transport().clone(),
        gateway: stats.endpoint.gateway().map(str::to_owned),
        stats,
    };
    (all.into_iter().map(row).collect(), count)
}

const MAX_ENDPOINTS: usize = 200;
const MAX_INCIDENTS: usize = 50;
