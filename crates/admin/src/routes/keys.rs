//! The keys of the pool, page by page, and one key in detail.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use mcp_pool_core::stats::{KeyDetails, KeyPage, KeyQuery};
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{failure::Failure, shown::Shown};
use crate::recorder::Incident;

/// A key in detail, and what happened to it last.
#[derive(Serialize)]
pub(super) struct Key {
    #[serde(flatten)]
    details: KeyDetails,
    /// The newest first.
    incidents: Vec<Incident>,
}

pub(super) async fn keys(
    State(shown): State<Shown>,
    Query(query): Query<KeyQuery>,
) -> Result<Json<KeyPage>, Failure> {
    let pool = shown.pool()?;
    // Some queries visit every key, for which calls must not wait.
    let page = spawn_blocking(move || pool.key_stats(&query)).await;
    page.map(Json).map_err(|_| Failure::NoPool)
}

pub(super) async fn key(
    State(shown): State<Shown>,
    Path(fingerprint): Path<String>,
) -> Result<Json<Key>, Failure> {
    let fingerprint = fingerprint.parse().map_err(|_| Failure::Unknown)?;
    let details = shown.pool()?.key_details(fingerprint);
    Ok(Json(Key {
        details: details.ok_or(Failure::Unknown)?,
        incidents: shown.recorder.incidents_of(fingerprint, MAX_INCIDENTS),
    }))
}

const MAX_INCIDENTS: usize = 50;
