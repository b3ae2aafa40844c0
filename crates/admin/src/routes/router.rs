//! The routes.

use axum::{
    Router,
    routing::{get, post},
};

use super::{actions, events, keys, plain, shown::Shown, stats};

/// Every route. The page names the others relative to itself, so that the router can be nested.
pub(crate) fn router(shown: Shown) -> Router {
    Router::new()
        .route("/pool", get(plain::page))
        .route("/pool/stats.json", get(stats::stats))
        .route("/pool/history.json", get(stats::history))
        .route("/pool/events", get(events::events))
        .route("/pool/keys.json", get(keys::keys))
        .route("/pool/keys/{fingerprint}", get(keys::key))
        .route("/pool/evict", post(actions::evict))
        .route("/pool/reset-circuit", post(actions::reset_circuit))
        .route("/pool/drain", post(actions::drain))
        .route("/metrics", get(plain::metrics))
        .route("/health", get(plain::health))
        .with_state(shown)
}
