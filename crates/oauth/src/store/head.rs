//! The head of a file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::credential_store::Record;

/// What a file shows without its key: its schema, and when its record ends.
pub(super) struct Head {
    /// In seconds since 1970; 0 where it is not known.
    ends_at: u64,
}

pub(super) const HEAD_LEN: usize = 9;

impl Head {
    pub(super) fn of(record: &Record) -> Self {
        let since = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok();
        let ends_at = record.ends_at().and_then(since);
        // A record that ended long ago ends in the first second.
        let seconds = |at: Duration| at.as_secs().max(1);
        Self {
            ends_at: ends_at.map_or(0, seconds),
        }
    }

    pub(super) fn write(&self) -> [u8; HEAD_LEN] {
        let mut bytes = [SCHEMA; HEAD_LEN];
        bytes[1..].copy_from_slice(&self.ends_at.to_be_bytes());
        bytes
    }

    /// The head; `None` for a file of another schema.
    pub(super) fn read(bytes: &[u8; HEAD_LEN]) -> Option<Self> {
        let (schema, ends_at) = bytes.split_first()?;
        let ends_at = u64::from_be_bytes(ends_at.try_into().ok()?);
        (*schema == SCHEMA).then_some(Self { ends_at })
    }

    pub(super) fn ends_at(&self) -> Option<SystemTime> {
        let after = Duration::from_secs(self.ends_at);
        let ends_at = UNIX_EPOCH.checked_add(after)?;
        (self.ends_at > 0).then_some(ends_at)
    }
}

/// The schema of the files.
const SCHEMA: u8 = 1;
