//! How widely a session may be shared.

use std::{fmt, sync::Arc};

use super::digest::{DigestBuilder, Fingerprint};

/// How widely a session may be shared. Part of the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// One downstream session ("conversation"): its upstream sessions serve it alone and end with
    /// it. For servers that keep state which two conversations of one user must not share.
    Conversation(ConversationId),
    /// All requests of one principal with one identity. The default.
    #[default]
    Identity,
    /// All callers. Refused unless the endpoint was [declared stateless and
    /// public](crate::Endpoint::declared_stateless_and_public); the handshake of such a session
    /// contains no identity header of any caller.
    Shared,
}

impl Scope {
    /// The scope of one downstream session.
    #[must_use]
    pub fn conversation(id: impl Into<Arc<str>>) -> Self {
        Self::Conversation(ConversationId::new(id))
    }

    /// A short word for logs and labels: `conversation`, `identity` or `shared`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Conversation(_) => "conversation",
            Self::Identity => "identity",
            Self::Shared => "shared",
        }
    }

    pub(crate) fn digest_into(&self, digest: DigestBuilder) -> DigestBuilder {
        let digest = digest.field(self.as_str().as_bytes());
        match self {
            Self::Conversation(id) => digest.field(id.as_str().as_bytes()),
            Self::Identity | Self::Shared => digest,
        }
    }
}

/// The id of a downstream session. A secret, since it may give access to that session: `Debug`
/// shows a fingerprint.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConversationId(Arc<str>);

impl ConversationId {
    /// The id as the gateway knows it.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id itself. Do not log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = Fingerprint::of("conversation", self.0.as_bytes());
        write!(f, "ConversationId({print})")
    }
}
