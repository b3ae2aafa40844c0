//! What a replica holds.

use std::fmt;

use super::fleet_key::{FleetKey, hex};

/// Defines random names of 16 bytes.
macro_rules! random_names {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name([u8; 16]);

            impl $name {
                /// Draws a name that nothing else has.
                #[must_use]
                pub fn random() -> Self {
                    Self(rand::random())
                }

                /// The name of these bytes.
                #[must_use]
                pub fn from_bytes(bytes: [u8; 16]) -> Self {
                    Self(bytes)
                }

                /// The bytes.
                #[must_use]
                pub fn as_bytes(&self) -> &[u8; 16] {
                    &self.0
                }

                /// The digits of the name, as a store keeps it.
                #[must_use]
                pub fn to_hex(&self) -> String {
                    hex(&self.0)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), self.to_hex())
                }
            }
        )*
    };
}

random_names! {
    /// One pool that takes part in a fleet, drawn when it is built.
    ReplicaId,
    /// The name of a session in the directory. It is drawn for the record, and is not the session id of
    /// the server.
    SessionRef,
}

/// A number that rises with every claim of a session, under the incarnation of the store.
///
/// A store draws its incarnation when it is empty, so that a flushed or replaced store knows no fence
/// from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The random number of the store's incarnation.
    pub incarnation: u64,
    /// The number of the claim.
    pub number: u64,
}

/// How replicas use a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sharing {
    /// One replica at a time, by lease.
    Exclusive,
    /// Any number of replicas at a time: the session of a conversation.
    Shared,
}

/// A session that a replica holds in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holding {
    /// The key of the session.
    pub key: FleetKey,
    /// The session.
    pub session: SessionRef,
    /// How it is used.
    pub sharing: Sharing,
    /// The replica.
    pub replica: ReplicaId,
    /// The fence of the claim: a store refuses every change under another one.
    pub fence: Fence,
}
