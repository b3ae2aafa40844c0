//! The calls whose refusals contradict what the server shows otherwise.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The calls that a server refuses as if it did not know the session, on sessions which it knows: a
/// tool that always answers 404, a balancer that sends each request to another server.
///
/// Their refusals prove nothing for a while, so that they cost neither sessions nor repetitions.
#[derive(Debug, Default)]
pub(crate) struct Contradictions(Mutex<HashMap<Box<str>, Instant>>);

impl Contradictions {
    /// Keeps in mind that the refusal of this call proved nothing.
    pub(crate) fn note(&self, call: &str, now: Instant) {
        let mut known = self.lock();
        if known.len() >= MAX_KNOWN {
            known.retain(|_, until| *until > now);
        }
        if known.len() < MAX_KNOWN && call.len() <= MAX_NAME {
            known.insert(call.into(), now + KEPT_FOR);
        }
    }

    /// Whether the refusal of this call proves nothing.
    pub(crate) fn holds(&self, call: &str, now: Instant) -> bool {
        self.lock().get(call).is_some_and(|until| *until > now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const KEPT_FOR: Duration = Duration::from_secs(60);
const MAX_KNOWN: usize = 256;
/// Bytes.
const MAX_NAME: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_is_kept_for_a_while_and_for_its_call_alone() {
        let (known, now) = (Contradictions::default(), Instant::now());
        known.note("tools/call a", now);
        assert!(known.holds("tools/call a", now + KEPT_FOR / 2));
        assert!(!known.holds("tools/call b", now));
        assert!(!known.holds("tools/call a", now + KEPT_FOR));
    }

    #[test]
    fn the_memory_of_contradictions_is_bounded() {
        let (known, now) = (Contradictions::default(), Instant::now());
        for number in 0..MAX_KNOWN + 5 {
            known.note(&number.to_string(), now);
        }
        assert_eq!(known.lock().len(), MAX_KNOWN);
        known.note("late", now + KEPT_FOR);
        assert!(known.holds("late", now + KEPT_FOR));
    }
}
