//! When the directory is left alone.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The circuit of a directory: after a failure it is left alone for a moment, so that a directory that
/// hangs costs its budget once and not with every miss.
#[derive(Default)]
pub(crate) struct DirectoryCircuit(Mutex<Option<Instant>>);

impl DirectoryCircuit {
    /// True while the directory is left alone.
    pub(crate) fn is_open(&self) -> bool {
        let mut open_until = self.lock();
        let Some(until) = *open_until else {
            return false;
        };
        let now = Instant::now();
        if now < until {
            return true;
        }
        // One step tries; the others wait for what it finds.
        *open_until = Some(now + PAUSE);
        false
    }

    /// Notes that the directory has answered, or not.
    pub(crate) fn note(&self, has_answered: bool) {
        *self.lock() = (!has_answered).then(|| Instant::now() + PAUSE);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Short beside the outage of a store, long beside the budget of a step.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_failed_is_tried_by_one_step_at_a_time() {
        let circuit = DirectoryCircuit::default();
        assert!(!circuit.is_open());
        circuit.note(false);
        assert!(circuit.is_open());
        tokio::time::advance(PAUSE).await;
        assert!(!circuit.is_open());
        assert!(circuit.is_open(), "the first one tries alone");
        circuit.note(true);
        assert!(!circuit.is_open());
    }
}
