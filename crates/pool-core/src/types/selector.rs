//! Which keys of a pool an eviction concerns.

use super::{endpoint::Endpoint, identity::Identity, principal::Principal, scope::ConversationId};

/// Which keys of a pool an eviction concerns: those with a common part. Found by index, in time
/// proportional to their number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Every key.
    All,
    /// The keys of one downstream session.
    Conversation(ConversationId),
    /// The keys of one endpoint, whatever its settings. [`Endpoint::auto`] selects the keys of every
    /// transport.
    Endpoint(Endpoint),
    /// The keys of one gateway entry ([`Endpoint::with_gateway`]).
    Gateway(String),
    /// The keys of one identity, of whichever principal. Shared sessions have no identity.
    Identity(Identity),
    /// The keys of one principal. Shared sessions have no principal.
    Principal(Principal),
}

impl Selector {
    /// The keys of one downstream session.
    #[must_use]
    pub fn conversation(id: impl Into<std::sync::Arc<str>>) -> Self {
        Self::Conversation(ConversationId::new(id))
    }

    /// The keys of one endpoint.
    #[must_use]
    pub fn endpoint(endpoint: &Endpoint) -> Self {
        Self::Endpoint(endpoint.clone())
    }

    /// The keys of one gateway entry.
    #[must_use]
    pub fn gateway(name: impl Into<String>) -> Self {
        Self::Gateway(name.into())
    }

    /// The keys of one identity.
    #[must_use]
    pub fn identity(identity: &Identity) -> Self {
        Self::Identity(identity.clone())
    }

    /// The keys of one principal.
    #[must_use]
    pub fn principal(principal: &Principal) -> Self {
        Self::Principal(principal.clone())
    }
}
