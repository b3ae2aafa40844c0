//! What a handle contains.

use std::time::{Duration, SystemTime};

use crate::extend::{ParkedSession, SessionRef};

/// What a handle contains, under its seal.
pub(in crate::fleet) struct HandleContent {
    pub(in crate::fleet) sealed_at: SystemTime,
    pub(in crate::fleet) expires_at: SystemTime,
    /// The name of the session, which tells handles of an ended session.
    pub(in crate::fleet) session: SessionRef,
    pub(in crate::fleet) parked: ParkedSession,
}

impl HandleContent {
    /// The bytes that are sealed: two dates in milliseconds, the name, and what the transport wrote.
    pub(in crate::fleet) fn write(&self) -> ParkedSession {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&millis(self.sealed_at).to_be_bytes());
        bytes.extend_from_slice(&millis(self.expires_at).to_be_bytes());
        bytes.extend_from_slice(self.session.as_bytes());
        bytes.extend_from_slice(self.parked.as_bytes());
        ParkedSession::from_bytes(bytes)
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(in crate::fleet) fn read(bytes: &ParkedSession) -> Option<Self> {
        let (sealed_at, rest) = bytes.as_bytes().split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (session, parked) = rest.split_first_chunk()?;
        Some(Self {
            sealed_at: date(*sealed_at)?,
            expires_at: date(*expires_at)?,
            session: SessionRef::from_bytes(*session),
            parked: ParkedSession::from_bytes(parked),
        })
    }

    /// How long the handle is valid from now on. `None`: it has expired.
    pub(in crate::fleet) fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let remaining = self.expires_at.duration_since(now).ok()?;
        (!remaining.is_zero()).then_some(remaining)
    }
}

fn millis(date: SystemTime) -> u64 {
    let since = date.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn date(millis: [u8; 8]) -> Option<SystemTime> {
    let since = Duration::from_millis(u64::from_be_bytes(millis));
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> HandleContent {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        HandleContent {
            sealed_at: at,
            expires_at: at + Duration::from_secs(60),
            session: SessionRef::random(),
            parked: ParkedSession::from_bytes(*b"session"),
        }
    }

    #[test]
    fn a_handle_is_read_as_it_was_written() {
        let content = content();
        let read = HandleContent::read(&content.write()).unwrap();
        assert_eq!(read.sealed_at, content.sealed_at);
        assert_eq!(read.expires_at, content.expires_at);
        assert_eq!(read.session, content.session);
        assert_eq!(read.parked, content.parked);
    }

    #[test]
    fn bytes_that_are_too_short_are_no_handle() {
        let written = content().write();
        for length in 0..32 {
            let cut = ParkedSession::from_bytes(&written.as_bytes()[..length]);
            assert!(HandleContent::read(&cut).is_none(), "{length}");
        }
    }

    #[test]
    fn a_handle_has_expired_from_its_date_on() {
        let content = content();
        let at = content.expires_at;
        assert_eq!(content.remaining(at), None);
        assert_eq!(content.remaining(at + Duration::from_secs(1)), None);
        let left = Duration::from_millis(1);
        assert_eq!(content.remaining(at - left), Some(left));
    }
}
