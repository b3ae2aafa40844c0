//! What the connections of a raw server share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use super::{line::Line, reply::Reply, request::RawRequest, socket::Handshake, streams::Streams};

/// What the connections of a raw server share.
pub(super) struct Shared {
    pub(super) script: Box<dyn Fn(&RawRequest) -> Reply + Send + Sync>,
    pub(super) seen: Mutex<Seen>,
    pub(super) connections: AtomicUsize,
    pub(super) streams: Streams,
    pub(super) listens: AtomicBool,
    pub(super) line: Line,
    /// What comes before HTTP; none in the clear.
    pub(super) handshake: Option<Arc<dyn Handshake>>,
}

/// The requests so far.
#[derive(Default)]
pub(super) struct Seen {
    /// Their number by JSON-RPC or HTTP method.
    counts: BTreeMap<String, usize>,
    /// Each of them, where they are kept.
    kept: Option<Vec<RawRequest>>,
}

impl Seen {
    /// Keeps each request, so that it grows for as long as the server runs.
    pub(super) fn keeping() -> Self {
        Self {
            kept: Some(Vec::new()),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, request: &RawRequest) {
        match self.counts.get_mut(request.method()) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(request.method().to_owned(), 1)),
        }
        if let Some(kept) = &mut self.kept {
            kept.push(request.clone());
        }
    }

    pub(super) fn count(&self, method: &str) -> usize {
        self.counts.get(method).copied().unwrap_or_default()
    }

    pub(super) fn requests(&self) -> Vec<RawRequest> {
        self.kept.clone().unwrap_or_default()
    }
}

impl Shared {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
