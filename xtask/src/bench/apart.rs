//! What is measured apart from the rounds.

use serde::{Deserialize, Serialize};

use super::{revival::RevivalFigures, scale::ScaleFigures, wire::OnceFigures};

/// What is measured apart from the rounds, in processes of its own.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Apart {
    #[serde(flatten)]
    pub(super) allocations: Allocations,
    #[serde(flatten)]
    pub(super) scale: ScaleFigures,
    #[serde(flatten)]
    pub(super) once: OnceFigures,
    #[serde(flatten)]
    pub(super) revival: RevivalFigures,
}

/// The number of allocations of an acquire, and the heap of what is idle.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Allocations {
    /// The bytes of a key without a session.
    pub(super) idle_key_bytes: f64,
    /// The bytes that an idle session adds to its key.
    pub(super) idle_session_bytes: f64,
    pub(super) client_acquire_allocs: f64,
    pub(super) pool_acquire_allocs: f64,
    pub(super) raw_800_allocs: f64,
    /// Of a caller that waits for a slot, in a queue that was used before.
    pub(super) wait_allocs: f64,
    /// The bytes of a key besides those of the map's entry.
    pub(super) bytes_per_key: f64,
    pub(super) allocations_per_key: f64,
    /// The bytes of an entry of the map, which is moka's.
    pub(super) map_bytes_per_key: f64,
}
