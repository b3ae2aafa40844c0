//! Sessions as bytes.

use std::{fmt, sync::Arc};

use super::{
    error::SealError,
    fleet_key::{FleetKey, FleetMark},
};

/// Defines bytes whose `Debug` shows their size alone.
macro_rules! opaque_bytes {
    ($($(#[$doc:meta])* $name:ident, $(#[$bytes_doc:meta])*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq)]
            pub struct $name(Arc<[u8]>);

            impl $name {
                /// A session of these bytes.
                #[must_use]
                pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
                    Self(bytes.into())
                }

                $(#[$bytes_doc])*
                #[must_use]
                pub fn as_bytes(&self) -> &[u8] {
                    &self.0
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
                }
            }
        )*
    };
}

opaque_bytes! {
    /// A session that has left its process: what its transport needs to go on with it elsewhere. It holds
    /// the session id of the server, and never a credential.
    ///
    /// Made by [`SessionDriver::park`](crate::extend::SessionDriver::park), used by
    /// [`Connector::revive`](crate::extend::Connector::revive). `Debug` shows its size alone.
    ParkedSession,
    /// The bytes of the transport. A secret.
    ;

    /// A parked session under the key material of the fleet, as a directory stores it; also a hint. It
    /// opens only for the key that it was sealed for.
    SealedSession,
    /// The bytes, safe to store.
    ;
}

/// The key material of a fleet: names keys and seals sessions. `mcp-pool-directory` has one,
/// `FleetSecret`.
pub trait SessionSeal: Send + Sync {
    /// The name of a pool key on every replica, from a digest of all its parts.
    fn key(&self, digest: &[u8; 32]) -> FleetKey;

    /// The name of what a revocation selects by, from a digest of it.
    fn mark(&self, digest: &[u8; 32]) -> FleetMark;

    /// Seals a session for one key.
    ///
    /// # Errors
    /// [`SealError`]: the key material does not work.
    fn seal(&self, key: &FleetKey, session: &ParkedSession) -> Result<SealedSession, SealError>;

    /// Opens a session that was sealed for this key.
    ///
    /// # Errors
    /// [`SealError`]: it was sealed for another key, under unknown key material or by another schema, or
    /// was changed since.
    fn open(&self, key: &FleetKey, sealed: &SealedSession) -> Result<ParkedSession, SealError>;
}

impl<T: SessionSeal + ?Sized> SessionSeal for Arc<T> {
    fn key(&self, digest: &[u8; 32]) -> FleetKey {
        (**self).key(digest)
    }

    fn mark(&self, digest: &[u8; 32]) -> FleetMark {
        (**self).mark(digest)
    }

    fn seal(&self, key: &FleetKey, session: &ParkedSession) -> Result<SealedSession, SealError> {
        (**self).seal(key, session)
    }

    fn open(&self, key: &FleetKey, sealed: &SealedSession) -> Result<ParkedSession, SealError> {
        (**self).open(key, sealed)
    }
}
