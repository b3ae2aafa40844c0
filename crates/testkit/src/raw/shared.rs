//! What the connections of a raw server share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize},
};

use super::{line::Line, reply::Reply, request::RawRequest, socket::Handshake, streams::Streams};

/// What the connections of a raw server share.
pub(super) struct Shared {
    pub(super) script: Box<dyn Fn(&RawRequest) -> Reply + Send + Sync>,
    pub(super) seen: Mutex<Vec<RawRequest>>,
    pub(super) connections: AtomicUsize,
    pub(super) streams: Streams,
    pub(super) listens: AtomicBool,
    pub(super) line: Line,
    /// What comes before HTTP; none in the clear.
    pub(super) handshake: Option<Arc<dyn Handshake>>,
}

impl Shared {
    pub(super) fn seen(&self) -> MutexGuard<'_, Vec<RawRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
