//! The caller of a downstream request.

use mcp_pool_core::{Principal, extend::Identity};
use rmcp::model::Extensions;

/// The caller of a downstream request, as the gateway authenticated it. Authentication puts it
/// into the extensions of the HTTP request, where the proxy reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    principal: Principal,
    identity: Identity,
}

impl Caller {
    /// A caller with this principal and this identity.
    #[must_use]
    pub fn new(principal: Principal, identity: Identity) -> Self {
        Self {
            principal,
            identity,
        }
    }

    /// The unknown caller. All anonymous callers are one.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(Principal::anonymous(), Identity::anonymous())
    }

    /// The user or service.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What its sessions are shared by.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The caller in the extensions of a request: of the request itself, or of the HTTP request that
    /// it came in.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        let http = extensions.get::<http::request::Parts>();
        extensions
            .get::<Self>()
            .or_else(|| http?.extensions.get::<Self>())
    }
}
