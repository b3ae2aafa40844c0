//! Whose tokens, and for what.

use mcp_pool_core::Principal;
use serde::{Deserialize, Serialize};
use url::Url;

/// Whose tokens, and for what: a principal and an endpoint.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct AccountKey {
    user: Option<String>,
    tenant: Option<String>,
    endpoint: String,
}

impl AccountKey {
    pub(crate) fn new(principal: &Principal, endpoint: &Url) -> Self {
        let mut endpoint = endpoint.clone();
        endpoint.set_fragment(None);
        Self {
            user: principal.user_id().map(str::to_owned),
            tenant: principal.tenant().map(str::to_owned),
            endpoint: endpoint.into(),
        }
    }

    /// The endpoint.
    pub(crate) fn endpoint(&self) -> Option<Url> {
        self.endpoint.parse().ok()
    }

    /// True for the accounts of this principal.
    pub(crate) fn is_of(&self, principal: &Principal) -> bool {
        self.user.as_deref() == principal.user_id() && self.tenant.as_deref() == principal.tenant()
    }
}
