//! What happened to a key, for whoever looks at it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::{event::CloseReason, moment::Moment};

/// What happened to a key. Touched when a session is opened or closed and when something fails,
/// never on the way of a hit.
#[derive(Default)]
pub(crate) struct Chronicle {
    pages: Mutex<Pages>,
    forgotten: OnceLock<CloseReason>,
}

#[derive(Default)]
struct Pages {
    /// Which sessions are open, by id, and since when.
    open: Vec<(u64, Moment)>,
    last_error: Option<LastError>,
}

/// What went wrong last.
#[derive(Clone, Copy)]
pub(crate) struct LastError {
    pub(crate) kind: &'static str,
    pub(crate) at: Moment,
}

/// What can be read off a chronicle.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reading {
    pub(crate) oldest: Option<Moment>,
    pub(crate) last_error: Option<LastError>,
}

impl Chronicle {
    pub(crate) fn note_opened(&self, id: u64, at: Moment) {
        self.lock().open.push((id, at));
    }

    pub(crate) fn note_closed(&self, id: u64) {
        self.lock().open.retain(|(open, _)| *open != id);
    }

    pub(crate) fn note_error(&self, kind: &'static str, at: Moment) {
        self.lock().last_error = Some(LastError { kind, at });
    }

    /// Notes why the key was forgotten.
    pub(crate) fn note_forgotten(&self, reason: CloseReason) {
        let _ = self.forgotten.set(reason);
    }

    /// Why the key was forgotten.
    pub(crate) fn why_forgotten(&self) -> CloseReason {
        *self.forgotten.get().unwrap_or(&CloseReason::Superseded)
    }

    pub(crate) fn read(&self) -> Reading {
        let pages = self.lock();
        Reading {
            oldest: pages.open.iter().map(|(_, at)| *at).min(),
            last_error: pages.last_error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
