//! One renewal.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use mcp_pool_core::{Principal, error::Challenge};
use url::Url;

use crate::account::Account;

/// One renewal of an account's tokens. It owns what it needs: it goes on when its caller is gone, since
/// a refresh token that was sent may be worth nothing afterwards.
pub(super) struct Job {
    pub(super) account: Arc<Account>,
    pub(super) principal: Principal,
    pub(super) endpoint: Url,
    /// The headers of the caller.
    pub(super) caller: Arc<HeaderMap>,
    pub(super) reason: Reason,
    /// The value of `Authorization` that is to be replaced.
    pub(super) stale: Option<HeaderValue>,
}

/// Why tokens are renewed.
pub(super) enum Reason {
    /// They end, or have ended.
    End,
    /// The endpoint refused them, or wants some.
    Refused(Challenge),
    /// They lack a scope.
    LacksScope(Challenge),
}

impl Job {
    pub(super) fn challenge(&self) -> Option<&Challenge> {
        match &self.reason {
            Reason::End => None,
            Reason::Refused(challenge) | Reason::LacksScope(challenge) => Some(challenge),
        }
    }

    pub(super) fn is_step_up(&self) -> bool {
        matches!(self.reason, Reason::LacksScope(_))
    }

    /// Whether an endpoint refused the token that is to be replaced.
    pub(super) fn is_of_refused(&self) -> bool {
        matches!(self.reason, Reason::Refused(_)) && self.stale.is_some()
    }

    /// The scopes that the challenge names.
    pub(super) fn challenged(&self) -> Vec<String> {
        let scopes = self.challenge().map(scopes_of);
        scopes.unwrap_or_default()
    }

    pub(super) fn is_stale(&self, authorization: &HeaderValue) -> bool {
        self.stale.as_ref() == Some(authorization)
    }
}

pub(super) fn scopes_of(challenge: &Challenge) -> Vec<String> {
    challenge.scopes().map(str::to_owned).collect()
}
