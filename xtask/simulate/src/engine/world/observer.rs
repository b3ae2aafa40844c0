//! The events of the pool in the history of a world.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use mcp_pool_core::{
    PoolKey,
    event::{
        AcquireFailed, Acquired, BreakerChanged, CallFinished, Checked, CloseReason, Closed,
        ConnectFailed, Connected, KeyCreated, KeyEvicted, ListChanged, QuotaReached, Released,
    },
    extend::{CloseOutcome, Observer},
    stats::BreakerState,
};
use mcp_pool_testkit::fake::session_number;

use super::super::{
    coverage::Sometimes,
    history::{Event, History},
};

/// Notes the events of the pool in a history.
pub(super) struct Recorder {
    history: History,
    /// The keys by their first event: the fingerprint of a key differs from process to process.
    keys: Mutex<HashMap<PoolKey, usize>>,
}

impl Recorder {
    pub(super) fn new(history: History) -> Self {
        Self {
            history,
            keys: Mutex::default(),
        }
    }

    fn note(&self, event: &'static str, key: &PoolKey, detail: u64) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let next = keys.len();
        let number = *keys.entry(key.clone()).or_insert(next);
        self.history.note(&Event::Pool(event, number, detail));
    }
}

impl Observer for Recorder {
    fn acquired<'a>(&self, event: &Acquired<'a>) {
        let name = if event.hit() { "hit" } else { "miss" };
        self.note(name, event.key(), millis(event.waited()));
    }

    fn acquire_failed<'a>(&self, event: &AcquireFailed<'a>) {
        let waited = millis(event.waited());
        let event = Event::Pool(event.error().label(), usize::MAX, waited);
        self.history.note(&event);
    }

    fn released<'a>(&self, event: &Released<'a>) {
        let name = match event.reusable() {
            true => "released",
            false => "given up",
        };
        self.note(name, event.key(), millis(event.used_for()));
    }

    fn connected<'a>(&self, event: &Connected<'a>) {
        let session = session_number(event.session()).unwrap_or_default();
        self.note("connected", event.key(), session);
    }

    fn connect_failed<'a>(&self, event: &ConnectFailed<'a>) {
        let name = event.error().kind().label();
        self.note(name, event.key(), millis(event.took()));
    }

    fn checked<'a>(&self, event: &Checked<'a>) {
        let failed = event.error().is_some();
        if failed {
            self.history.reach(Sometimes::CheckFailed);
        }
        self.note("checked", event.key(), failed.into());
    }

    fn closed<'a>(&self, event: &Closed<'a>) {
        let reached = match event.reason() {
            CloseReason::CredentialExpired => Some(Sometimes::CredentialRetired),
            CloseReason::Expired => Some(Sometimes::SessionExpired),
            CloseReason::Lost => Some(Sometimes::SessionLost),
            CloseReason::Reclaimed => Some(Sometimes::SessionReclaimed),
            _ => None,
        };
        let outcome = match event.outcome() {
            CloseOutcome::Failed => Some(Sometimes::CloseFailed),
            CloseOutcome::TimedOut => Some(Sometimes::CloseTimedOut),
            _ => None,
        };
        for state in reached.into_iter().chain(outcome) {
            self.history.reach(state);
        }
        let (reason, outcome) = (event.reason().as_str(), event.outcome().as_str());
        let event = Event::Closed(
            session_number(event.session()).unwrap_or_default(),
            reason,
            outcome,
        );
        self.history.note(&event);
    }

    fn key_created<'a>(&self, event: &KeyCreated<'a>) {
        self.note("key created", event.key(), 0);
    }

    fn key_evicted<'a>(&self, event: &KeyEvicted<'a>) {
        match event.reason() {
            CloseReason::Reclaimed => self.history.reach(Sometimes::KeyReclaimed),
            CloseReason::Idle => self.history.reach(Sometimes::KeyRemovedIdle),
            _ => {}
        }
        self.note(event.reason().as_str(), event.key(), 1);
    }

    fn quota_reached<'a>(&self, event: &QuotaReached<'a>) {
        self.history.reach(match event.quota().is_of_calls() {
            true => Sometimes::CallQuotaReached,
            false => Sometimes::QuotaReached,
        });
        self.note("waits at a quota", event.key(), 0);
    }

    fn breaker_changed<'a>(&self, event: &BreakerChanged<'a>) {
        if event.after() == BreakerState::Open {
            self.history.reach(Sometimes::BreakerOpened);
        }
        let event = Event::Pool(event.after().as_str(), usize::MAX, 0);
        self.history.note(&event);
    }

    fn call_finished<'a>(&self, event: &CallFinished<'a>) {
        let session = event.session().and_then(session_number).unwrap_or_default();
        self.note(event.outcome().as_str(), event.key(), session);
    }

    fn list_changed<'a>(&self, event: &ListChanged<'a>) {
        self.history.reach(Sometimes::ListChanged);
        self.note("list changed", event.key(), 0);
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
