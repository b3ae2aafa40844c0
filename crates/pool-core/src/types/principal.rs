//! The user or service that the gateway serves.

use std::{fmt, sync::Arc};

use smol_str::SmolStr;

use super::digest::{DigestBuilder, Fingerprint};

/// The user or service that the gateway serves, as the gateway authenticated it.
///
/// A principal is a mandatory part of every key: two principals never share a session, even when
/// the upstream sees the same credential for both. There is no default; an unknown caller is
/// [`Principal::anonymous`], by name.
///
/// `Debug` shows a fingerprint, never the id.
///
/// ```
/// use mcp_pool_core::Principal;
/// assert_ne!(Principal::user("alice"), Principal::user("alice").in_tenant("acme"));
/// assert_ne!(Principal::anonymous(), Principal::user(""));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// In place, where it has 23 bytes at most: most ids of users need no block of memory of their own.
    user: Option<SmolStr>,
    /// A block of memory that all users of the tenant may share.
    tenant: Option<Arc<str>>,
}

impl Principal {
    /// The user (or service account) with this stable id.
    #[must_use]
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self {
            user: Some(SmolStr::from(id.into())),
            tenant: None,
        }
    }

    /// The anonymous principal. All anonymous callers are one principal: only identity, scope and
    /// endpoint separate their sessions.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            user: None,
            tenant: None,
        }
    }

    /// The same principal inside a tenant.
    #[must_use]
    pub fn in_tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The user id; `None` for an anonymous principal.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The tenant, if one was given.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The tenant as it is kept.
    pub(crate) fn shared_tenant(&self) -> Option<&Arc<str>> {
        self.tenant.as_ref()
    }

    /// Whether this is the anonymous principal (of whatever tenant).
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.user.is_none()
    }

    pub(crate) fn digest_into(&self, digest: DigestBuilder) -> DigestBuilder {
        digest
            .optional(self.user.as_deref().map(str::as_bytes))
            .optional(self.tenant.as_deref().map(str::as_bytes))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(user) = &self.user else {
            return f.write_str("Principal(anonymous)");
        };
        let print = Fingerprint::of("principal", user.as_bytes());
        write!(f, "Principal({print})")
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn an_id_is_kept_as_it_is_however_long_it_is_and_however_it_came() {
        let hasher = RandomState::new();
        for length in [0, 1, 22, 23, 24, 36, 255, 70_000] {
            // Three bytes for each character: a length that ends inside of one has some of one byte.
            let id = format!("{}{}", "€".repeat(length / 3), "x".repeat(length % 3));
            assert_eq!(id.len(), length);
            let ways = [
                Principal::user(id.as_str()),
                Principal::user(id.clone()),
                Principal::user(Arc::<str>::from(id.as_str())),
            ];
            for principal in &ways {
                assert_eq!(principal.user_id(), Some(id.as_str()));
                assert_eq!(principal, &ways[0]);
                assert_eq!(hasher.hash_one(principal), hasher.hash_one(&ways[0]));
                assert!(!principal.is_anonymous());
                assert!(length < 3 || !format!("{principal:?}").contains(&id));
            }
            assert_ne!(ways[0], Principal::user(format!("{id}x")));
        }
    }
}
