//! Tokens in use.

use std::time::SystemTime;

use http::HeaderValue;
use tokio::time::Instant;

use crate::{error::OAuthError, token::Tokens};

/// Tokens in use, and when they are to be renewed.
pub(crate) struct Current {
    pub(crate) tokens: Tokens,
    /// The value of `Authorization`.
    pub(crate) authorization: HeaderValue,
    ends_at: Option<Instant>,
    renew_at: Option<Instant>,
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It holds.
    Fresh,
    /// It holds, and is to be renewed.
    Due,
    /// It has ended.
    Ended,
}

impl Current {
    pub(crate) fn new(tokens: Tokens) -> Result<Self, OAuthError> {
        let scheme = match tokens.is_bound {
            true => "DPoP",
            false => "Bearer",
        };
        let value = format!("{scheme} {}", tokens.access.expose());
        let value = HeaderValue::try_from(value).map_err(|_| OAuthError::Unusable {
            step: crate::error::Step::Token,
            what: "the token is no value of a header",
        });
        let mut authorization = value?;
        authorization.set_sensitive(true);
        let left = tokens.remaining(SystemTime::now());
        let ends_at = left.map(|left| Instant::now() + left);
        let renew_at = ends_at.and_then(|at| at.checked_sub(tokens.lead()));
        Ok(Self {
            tokens,
            authorization,
            ends_at,
            renew_at,
        })
    }

    pub(crate) fn moment(&self, now: Instant) -> Moment {
        let has_come = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match (has_come(self.ends_at), has_come(self.renew_at)) {
            (true, _) => Moment::Ended,
            (false, true) => Moment::Due,
            (false, false) => Moment::Fresh,
        }
    }

    /// Whether all of these scopes were requested with the tokens.
    pub(crate) fn covers(&self, scopes: &[String]) -> bool {
        scopes
            .iter()
            .all(|scope| self.tokens.scopes.contains(scope))
    }
}
