//! What the upstream sees of a caller.

use std::{fmt, sync::LazyLock};

use tokio::time::Instant;

use super::digest::{Digest, DigestKey, Fingerprint};

/// What the upstream will see of a caller, reduced to an opaque digest.
///
/// Two identities are equal when they were made from the same domain and the same parts. The parts
/// themselves are not kept: nothing that holds or prints an identity can show a token.
///
/// ```
/// use mcp_pool_core::extend::Identity;
/// let identity = Identity::from_parts("jwt", ["https://issuer", "alice"]);
/// assert_eq!(identity, Identity::from_parts("jwt", ["https://issuer", "alice"]));
/// assert_ne!(identity, Identity::from_parts("jwt", ["https://issuer", "bob"]));
/// assert!(!identity.is_anonymous());
/// ```
#[derive(Clone)]
pub struct Identity {
    digest: Digest,
    expires_at: Option<Instant>,
}

impl Identity {
    /// An identity from the parts that make it up, in their order.
    ///
    /// `domain` names the kind of identity; identities of two domains are never equal. Parts must
    /// be stable over the life of the caller (a subject, a tenant) and, if they came from a token,
    /// verified: an identity is what sessions are shared by.
    #[must_use]
    pub fn from_parts<P: AsRef<[u8]>>(domain: &str, parts: impl IntoIterator<Item = P>) -> Self {
        // Equal on every replica. What is shown of it is under the key of this process.
        let digest = DigestKey::portable()
            .digest("identity")
            .field(domain.as_bytes());
        let digest = parts
            .into_iter()
            .fold(digest, |digest, part| digest.field(part.as_ref()));
        Self {
            digest: digest.finish(),
            expires_at: None,
        }
    }

    /// The identity of a request without anything that separates one caller from another.
    #[must_use]
    pub fn anonymous() -> Self {
        static ANONYMOUS: LazyLock<Identity> =
            LazyLock::new(|| Identity::from_parts("anonymous", [""; 0]));
        ANONYMOUS.clone()
    }

    /// Sets the expiry of the credential behind this identity. Not part of equality.
    #[must_use]
    pub fn with_expiry(mut self, at: Instant) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Until when the credential behind this identity is valid, where that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }

    /// Whether nothing was known about the caller.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        *self == Self::anonymous()
    }

    /// A short name for logs.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("identity", self.digest.as_bytes())
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Identity {}

impl std::hash::Hash for Identity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_anonymous() {
            return f.write_str("Identity(anonymous)");
        }
        write!(f, "Identity({})", self.fingerprint())
    }
}
