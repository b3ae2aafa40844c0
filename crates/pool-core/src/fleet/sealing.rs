//! Sealing the sessions of conversations into handles, and opening them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    handles::{HandleContent, HandleError, Handles, MAX_VALIDITY, Presented, SessionHandle},
    link::FleetLink,
    names::{FleetName, mark},
};
use crate::{
    extend::{FleetKey, Held, ParkedSession, SealError},
    types::{DigestKey, Selector},
};

impl FleetLink {
    /// The directory of a fleet without a store.
    pub(crate) fn handles(&self) -> Option<&Arc<Handles>> {
        self.fleet.handles.as_ref()
    }

    /// Seals a session into a handle that is valid for this long, and no longer than the session lives.
    ///
    /// # Errors
    /// [`HandleError::NoHandles`]; [`HandleError::NotSealable`]: the key material does not work.
    pub(crate) fn seal_handle(
        &self,
        held: &Held,
        parked: ParkedSession,
        validity: Duration,
    ) -> Result<SessionHandle, HandleError> {
        let handles = self.handles().ok_or(HandleError::NoHandles)?;
        let validity = validity.min(held.ttl()).min(MAX_VALIDITY);
        let now = SystemTime::now();
        let content = HandleContent {
            sealed_at: now,
            expires_at: now + validity,
            session: held.holding.session,
            parked,
        };
        let key = self.handle_key(&held.holding.key);
        let sealed = self.fleet.seal.seal(&key, &content.write());
        let sealed = sealed.map_err(|_| HandleError::NotSealable)?;
        handles.carry(held.holding.session, Instant::now() + validity);
        Ok(SessionHandle::of(&sealed))
    }

    /// Opens a handle, so that the next claim of its key gets its session.
    ///
    /// # Errors
    /// [`HandleError`]: the handle is of another key, or is not valid any more.
    pub(crate) fn present_handle(
        &self,
        name: &FleetName,
        handle: &SessionHandle,
    ) -> Result<(), HandleError> {
        let handles = self.handles().ok_or(HandleError::NoHandles)?;
        let sealed = handle.sealed().ok_or(HandleError::Forged)?;
        let opened = self.fleet.seal.open(&self.handle_key(&name.key), &sealed);
        let opened = opened.map_err(|error| match error {
            SealError::UnknownKey => HandleError::UnknownKey,
            _ => HandleError::Forged,
        })?;
        let content = HandleContent::read(&opened).ok_or(HandleError::Forged)?;
        let remaining = content.remaining(SystemTime::now());
        let remaining = remaining.ok_or(HandleError::Expired)?;
        if handles.is_revoked(&name.marks, content.sealed_at) {
            return Err(HandleError::Revoked);
        }
        if handles.has_ended(content.session) {
            return Err(HandleError::Ended);
        }
        let sealed = self.fleet.seal.seal(&name.key, &content.parked);
        let presented = Presented {
            session: content.session,
            sealed: sealed.map_err(|_| HandleError::NotSealable)?,
            ends_at: Instant::now() + remaining.min(MAX_VALIDITY),
        };
        handles.present(name.key, presented);
        Ok(())
    }

    /// Revokes the handles that a selector selects, in this process.
    pub(crate) fn revoke_handles(&self, selector: &Selector) {
        if let Some(handles) = self.handles() {
            handles.note_revoked(mark(self.fleet.seal.as_ref(), selector));
        }
    }

    /// The key that handles are sealed for, so that no record is a handle.
    fn handle_key(&self, key: &FleetKey) -> FleetKey {
        let digest = DigestKey::portable().digest("handle");
        let digest = digest.field(key.as_bytes()).finish();
        self.fleet.seal.key(digest.as_bytes())
    }
}
