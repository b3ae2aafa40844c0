//! What happened to the sessions of a key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;
use tokio::time::Instant;

use crate::{error::ConnectError, time::Timestamp};

/// What happened to the sessions of a key. Written when a session is opened or closed and when one
/// fails, never on the path of a hit.
#[derive(Default)]
pub(crate) struct History(Mutex<Entries>);

/// The key that a session belongs to, as the session knows it.
pub(crate) trait HasHistory: Send + Sync {
    /// What happened to the sessions of the key.
    fn history(&self) -> &History;
}

#[derive(Default)]
struct Entries {
    /// The open sessions by id, and since when they are open. Most keys have one session, which needs no
    /// block of memory of its own.
    open: SmallVec<[(u64, Timestamp); 1]>,
    /// What went wrong; most keys have nothing here.
    failures: Option<Box<Failures>>,
}

#[derive(Default)]
struct Failures {
    last_error: Option<LastError>,
    /// The error of the last connect that failed, and when it did.
    last_connect: Option<(Arc<ConnectError>, Instant)>,
    /// True from the loss of a conversation's session until a caller gets to know of it.
    lost: bool,
}

/// The last failure of a connect or a check.
#[derive(Clone, Copy)]
pub(crate) struct LastError {
    pub(crate) kind: &'static str,
    pub(crate) at: Timestamp,
}

/// A summary of a history.
#[derive(Clone, Copy, Default)]
pub(crate) struct HistorySummary {
    /// When the oldest open session was opened.
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) last_error: Option<LastError>,
}

impl History {
    pub(crate) fn session_opened(&self, id: u64, at: Timestamp) {
        self.lock().open.push((id, at));
    }

    pub(crate) fn session_closed(&self, id: u64) {
        self.lock().open.retain(|(open, _)| *open != id);
    }

    /// The session of a conversation was lost, and with it the state that the server kept.
    pub(crate) fn note_lost(&self) {
        self.lock().failures.get_or_insert_default().lost = true;
    }

    /// Whether a loss is noted that no caller knows of yet.
    pub(crate) fn is_lost(&self) -> bool {
        self.lock().failures.as_ref().is_some_and(|it| it.lost)
    }

    /// Whether the session of the conversation was lost since the last look.
    pub(crate) fn take_lost(&self) -> bool {
        let mut entries = self.lock();
        let failures = entries.failures.as_mut();
        failures.is_some_and(|it| std::mem::take(&mut it.lost))
    }

    /// A connect or a check failed.
    pub(crate) fn failed(&self, kind: &'static str, at: Timestamp) {
        let mut entries = self.lock();
        entries.failures.get_or_insert_default().last_error = Some(LastError { kind, at });
    }

    /// A connect failed with this error.
    pub(crate) fn connect_failed(&self, error: Arc<ConnectError>) {
        let mut entries = self.lock();
        entries.failures.get_or_insert_default().last_connect = Some((error, Instant::now()));
    }

    /// The error of the last connect that failed after `since`.
    pub(crate) fn last_connect_error(&self, since: Instant) -> Option<Arc<ConnectError>> {
        let entries = self.lock();
        let (error, at) = entries.failures.as_ref()?.last_connect.as_ref()?;
        (*at >= since).then(|| Arc::clone(error))
    }

    /// The ids of the open sessions, the oldest first.
    pub(crate) fn open(&self) -> Vec<u64> {
        let entries = self.lock();
        entries.open.iter().map(|(id, _)| *id).collect()
    }

    pub(crate) fn summary(&self) -> HistorySummary {
        let entries = self.lock();
        HistorySummary {
            oldest: entries.open.iter().map(|(_, at)| *at).min(),
            last_error: entries.failures.as_ref().and_then(|it| it.last_error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
