//! What an operator may do.

use axum::{Json, extract::State};
use mcp_pool_core::{CircuitStatus, EvictMode, extend::Fingerprint, stats::EvictReport};
use serde::Deserialize;

use super::{failure::Failure, shown::Shown};

/// What to evict.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evict {
    /// The fingerprint of a key.
    key: String,
    /// True closes the sessions in use under their users.
    #[serde(default)]
    force: bool,
}

/// An endpoint, by its name on the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfEndpoint {
    endpoint: String,
}

/// A request for all of the pool.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPool {}

pub(super) async fn evict(
    State(shown): State<Shown>,
    Json(evict): Json<Evict>,
) -> Result<Json<EvictReport>, Failure> {
    let key: Fingerprint = evict.key.parse().map_err(|_| Failure::Unknown)?;
    let mode = match evict.force {
        true => EvictMode::Force,
        false => EvictMode::Graceful,
    };
    let report = shown.pool()?.evict_key(key, mode);
    // A key that is gone has nothing left to evict, and its operator has to know.
    match report.keys {
        0 => Err(Failure::Unknown),
        _ => Ok(Json(report)),
    }
}

pub(super) async fn reset_circuit(
    State(shown): State<Shown>,
    Json(of): Json<OfEndpoint>,
) -> Result<Json<CircuitStatus>, Failure> {
    let pool = shown.pool()?;
    let circuit = pool.circuit(&shown.endpoint(&pool, &of.endpoint)?);
    circuit.close();
    Ok(Json(circuit.status()))
}

pub(super) async fn drain(
    State(shown): State<Shown>,
    Json(OfPool {}): Json<OfPool>,
) -> Result<Json<EvictReport>, Failure> {
    let pool = shown.pool()?;
    // In a task of its own: every key is drained, whether the operator waits for it or not.
    let drain = tokio::spawn(async move { pool.drain_in_slices().await });
    let report = drain.await.map_err(|_| Failure::NoPool)?;
    Ok(Json(report))
}
