//! A store in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::credential_store::{CredentialStore, Record, RecordName, StoreError};

/// Keeps records in memory, to the end of the process. The default.
#[derive(Default)]
pub struct MemoryStore(Mutex<Records>);

#[derive(Default)]
struct Records {
    by_name: HashMap<RecordName, Record>,
    /// When those that have ended are dropped again.
    sweep_at: Option<Instant>,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    /// Drops the records that have ended, once in a while.
    fn sweep(&mut self, now: Instant) {
        if self.sweep_at.is_some_and(|at| now < at) {
            return;
        }
        self.sweep_at = Some(now + SWEEP_PAUSE);
        let date = SystemTime::now();
        let holds = |record: &Record| record.ends_at().is_none_or(|at| date < at);
        self.by_name.retain(|_, record| holds(record));
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        Ok(self.lock().by_name.get(name).cloned())
    }

    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError> {
        let mut records = self.lock();
        records.sweep(Instant::now());
        records.by_name.insert(name.clone(), record.clone());
        Ok(())
    }

    async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        self.lock().by_name.remove(name);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("records", &self.lock().by_name.len())
            .finish_non_exhaustive()
    }
}

const SWEEP_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn records_that_have_ended_are_dropped_in_time() {
        let store = MemoryStore::default();
        let name = |number: u32| RecordName::new("test", &number);
        let record = Record::from_bytes(*b"a token");
        let ended = record.clone().ending_at(Some(SystemTime::UNIX_EPOCH));
        store.save(&name(0), &record).await.unwrap();
        store.save(&name(1), &ended).await.unwrap();
        tokio::time::advance(SWEEP_PAUSE).await;
        store.save(&name(2), &record).await.unwrap();
        for (number, is_kept) in [(0, true), (1, false), (2, true)] {
            let loaded = store.load(&name(number)).await.unwrap();
            assert_eq!(loaded.is_some(), is_kept, "{number}");
        }
    }
}
