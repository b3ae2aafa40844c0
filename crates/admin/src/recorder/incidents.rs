//! What an operator wants to read about, the newest last.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use mcp_pool_core::{Endpoint, extend::Fingerprint};
use serde::{Serialize, Serializer};

/// Something that an operator wants to read about. Holds no secret: the key appears as a fingerprint, the
/// endpoint without its query, errors by their labels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Incident {
    /// When it happened, the last time where it happened several times in a row.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) at: SystemTime,
    /// How often it happened in a row.
    pub(crate) count: u64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    /// The reason of a close, or the label of an error.
    pub(crate) reason: String,
    pub(crate) key: Option<Fingerprint>,
    #[serde(serialize_with = "shown")]
    pub(crate) endpoint: Option<Endpoint>,
    /// How long a closed session was open, in seconds.
    pub(crate) age: Option<f64>,
    /// How often a closed session was handed out.
    pub(crate) uses: Option<u64>,
}

impl Event {
    pub(crate) fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            key: None,
            endpoint: None,
            age: None,
            uses: None,
        }
    }

    /// True where both are the same thing again. Two closed sessions are not.
    fn is_again(&self, other: &Self) -> bool {
        self.uses.is_none()
            && self.kind == other.kind
            && self.reason == other.reason
            && self.key == other.key
            && self.endpoint == other.endpoint
    }
}

/// The last incidents of a pool.
#[derive(Default)]
pub(super) struct Incidents(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    total: u64,
    entries: VecDeque<Incident>,
}

impl Incidents {
    pub(super) fn add(&self, event: Event) {
        let at = SystemTime::now();
        let mut ring = self.lock();
        ring.total += 1;
        if let Some(last) = ring.entries.back_mut()
            && last.event.is_again(&event)
        {
            last.count += 1;
            last.at = at;
            return;
        }
        if ring.entries.len() >= MAX_INCIDENTS {
            ring.entries.pop_front();
        }
        ring.entries.push_back(Incident {
            at,
            count: 1,
            event,
        });
    }

    /// How many there were so far.
    pub(super) fn total(&self) -> u64 {
        self.lock().total
    }

    /// The newest `most` that are wanted, the newest first.
    pub(super) fn newest(&self, most: usize, wanted: impl Fn(&Event) -> bool) -> Vec<Incident> {
        let ring = self.lock();
        let entries = ring.entries.iter().rev();
        let wanted = entries.filter(|entry| wanted(&entry.event));
        wanted.take(most).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many are kept.
const MAX_INCIDENTS: usize = 2_000;

/// A point in time as text.
pub(crate) fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    // A clock that is off by millennia has no such text.
    let at = (*at).clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LATEST);
    serializer.collect_str(&humantime::format_rfc3339_millis(at))
}

/// The year 9999, less some days.
const LATEST: Duration = Duration::from_secs(253_400_000_000);

fn shown<S: Serializer>(endpoint: &Option<Endpoint>, serializer: S) -> Result<S::Ok, S::Error> {
    match endpoint {
        Some(endpoint) => serializer.collect_str(endpoint),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(incidents: &Incidents, kind: &'static str, reason: &str) {
        incidents.add(Event::new(kind, reason));
    }

    #[test]
    fn what_happens_again_is_counted_and_the_oldest_is_dropped() {
        let incidents = Incidents::default();
        (0..5).for_each(|_| add(&incidents, "a", "same"));
        add(&incidents, "b", "same");
        let newest = incidents.newest(10, |_| true);
        let counts: Vec<_> = newest.iter().map(|it| (it.event.kind, it.count)).collect();
        assert_eq!(counts, [("b", 1), ("a", 5)]);
        for number in 0..MAX_INCIDENTS {
            add(&incidents, "c", &number.to_string());
        }
        assert_eq!(incidents.total(), MAX_INCIDENTS as u64 + 6);
        assert!(incidents.newest(10, |it| it.kind != "c").is_empty());
        assert_eq!(incidents.newest(usize::MAX, |_| true).len(), MAX_INCIDENTS);
    }

    #[test]
    fn closed_sessions_are_listed_one_by_one() {
        let incidents = Incidents::default();
        for uses in 0..3 {
            let mut event = Event::new("closed", "idle");
            event.uses = Some(uses);
            incidents.add(event);
        }
        assert_eq!(incidents.newest(10, |_| true).len(), 3);
    }
}
