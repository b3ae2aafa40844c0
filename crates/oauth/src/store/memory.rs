//! A store in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::credential_store::{CredentialStore, Record, RecordName, StoreError};

/// Keeps records in memory, to the end of the process. The default.
#[derive(Default)]
pub struct MemoryStore(Mutex<HashMap<RecordName, Record>>);

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<RecordName, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        Ok(self.lock().get(name).cloned())
    }

    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError> {
        self.lock().insert(name.clone(), record.clone());
        Ok(())
    }

    async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        self.lock().remove(name);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("records", &self.lock().len())
            .finish_non_exhaustive()
    }
}
