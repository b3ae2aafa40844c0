//! The seam of stores.

use std::{fmt, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::encoding::sha256;

/// Keeps tokens, registrations and authorizations under way, each as bytes under a name.
///
/// The records are secrets. A store that outlives the process encrypts them, as
/// [`FileStore`](crate::FileStore) does. Replicas that share a store complete each other's
/// authorizations and use each other's tokens.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// The record of this name, where there is one.
    ///
    /// # Errors
    /// [`StoreError`]: the store cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is lost with a dropped future.
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError>;

    /// Keeps a record, in place of one of the same name.
    ///
    /// # Errors
    /// [`StoreError`]: it is not kept. A token that was just issued is used all the same, to the end of
    /// the process.
    ///
    /// # Cancel safety
    /// The future is run to its end.
    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError>;

    /// Removes the record of this name, where there is one.
    ///
    /// # Errors
    /// [`StoreError`]: it may be there still.
    ///
    /// # Cancel safety
    /// The future is run to its end.
    async fn remove(&self, name: &RecordName) -> Result<(), StoreError>;
}

#[async_trait]
impl<T: CredentialStore + ?Sized> CredentialStore for Arc<T> {
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        (**self).load(name).await
    }

    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError> {
        (**self).save(name, record).await
    }

    async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        (**self).remove(name).await
    }
}

/// The name of a record: its kind and a digest of what it belongs to, in letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RecordName(String);

impl RecordName {
    pub(crate) fn new(kind: &str, of: &impl Serialize) -> Self {
        let of = serde_json::to_string(of).unwrap_or_default();
        Self(format!("{kind}-{}", sha256(&of)))
    }

    /// The name as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record: bytes that are secret. `Debug` shows nothing of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    bytes: Vec<u8>,
    ends_at: Option<SystemTime>,
}

impl Record {
    /// A record of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            ends_at: None,
        }
    }

    /// The same record, which is worth nothing from then on.
    #[must_use]
    pub fn ending_at(mut self, at: Option<SystemTime>) -> Self {
        self.ends_at = at;
        self
    }

    /// The bytes. Do not log them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From when on the record is worth nothing, where that is known. A store may drop it then.
    #[must_use]
    pub fn ends_at(&self) -> Option<SystemTime> {
        self.ends_at
    }

    pub(crate) fn write(value: &impl Serialize) -> Self {
        Self::from_bytes(serde_json::to_vec(value).unwrap_or_default())
    }

    /// The value; `None` for a record of another version.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.bytes).ok()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(..)")
    }
}

/// A store failed. The reason must hold no part of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of credentials failed: {0}")]
pub struct StoreError(String);

impl StoreError {
    /// It failed for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
