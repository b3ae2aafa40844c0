//! The observer behind the page.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use mcp_pool_core::{
    PoolKey,
    event::{
        AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, Closed,
        ConnectFailed, KeyEvicted, LeaseOverdue, Resized,
    },
    extend::{Fingerprint, Observer},
};

use super::{
    incidents::{Event, Incident},
    records::{Reading, Records, add},
};

/// The observer of the pool that a page is about. It counts what happens, and keeps the last 2,000
/// incidents. Cheap to clone; all clones are one recorder, and a recorder is for one pool.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Records>);

impl Recorder {
    /// A recorder that has recorded nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True once a pool was built with it as its observer.
    pub(crate) fn is_attached(&self) -> bool {
        self.0.is_attached.load(Ordering::Relaxed)
    }

    pub(crate) fn reading(&self) -> Reading {
        self.0.reading()
    }

    /// The newest incidents, the newest first.
    pub(crate) fn incidents(&self, most: usize) -> Vec<Incident> {
        self.0.incidents.newest(most, |_| true)
    }

    /// The newest incidents of a key, the newest first.
    pub(crate) fn incidents_of(&self, key: Fingerprint, most: usize) -> Vec<Incident> {
        let is_its = |event: &Event| event.key == Some(key);
        self.0.incidents.newest(most, is_its)
    }

    fn note(&self, key: &PoolKey, event: Event) {
        self.0.incidents.add(Event {
            key: Some(key.fingerprint()),
            endpoint: Some(key.endpoint().clone()),
            ..event
        });
    }
}

impl Observer for Recorder {
    fn built(&self, _: &Built<'_>) {
        self.0.is_attached.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn acquired(&self, event: &Acquired<'_>) {
        add(if event.hit() {
            &self.0.hits
        } else {
            &self.0.misses
        });
        self.0.waits.record(event.waited());
    }

    fn acquire_failed(&self, event: &AcquireFailed<'_>) {
        add(&self.0.failed_acquires);
        self.0.waits.record(event.waited());
        self.0.incidents.add(Event {
            endpoint: Some(event.endpoint().clone()),
            ..Event::new("acquire_failed", event.error().label())
        });
    }

    fn lease_overdue(&self, event: &LeaseOverdue<'_>) {
        let site = event.site().to_string();
        self.note(event.key(), Event::new("lease_overdue", site));
    }

    fn connect_failed(&self, event: &ConnectFailed<'_>) {
        let label = event.error().label();
        self.note(event.key(), Event::new("connect_failed", label));
    }

    fn checked(&self, event: &Checked<'_>) {
        if let Some(error) = event.error() {
            self.note(event.key(), Event::new("check_failed", error.label()));
        }
    }

    fn closed(&self, event: &Closed<'_>) {
        self.0.count_close(event.reason());
        let closed = Event {
            age: Some(event.age().as_secs_f64()),
            uses: Some(event.uses()),
            ..Event::new("closed", event.reason().as_str())
        };
        self.note(event.key(), closed);
    }

    fn key_evicted(&self, event: &KeyEvicted<'_>) {
        let reason = event.reason().as_str();
        self.note(event.key(), Event::new("key_removed", reason));
    }

    fn resized(&self, _: &Resized<'_>) {
        self.0.incidents.add(Event::new("resized", "by_hand"));
    }

    fn breaker_changed(&self, event: &BreakerChanged<'_>) {
        let reason = format!("{} to {}", event.before().as_str(), event.after().as_str());
        self.0.incidents.add(Event {
            endpoint: Some(event.endpoint().clone()),
            ..Event::new("circuit", reason)
        });
    }

    #[inline]
    fn call_finished(&self, event: &CallFinished<'_>) {
        self.0.calls.record(event.took());
        if let Some(error) = event.error() {
            add(&self.0.failed_calls);
            self.note(event.key(), Event::new("call_failed", error.label()));
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
