//! Token exchange (RFC 8693).

use std::{fmt, sync::Arc};

use super::subject::{InboundToken, SubjectSource, TokenType};

/// The exchange of a token of the principal for one of the resource. Default: the access token that
/// the caller sent to the gateway.
#[derive(Clone)]
pub struct TokenExchange {
    pub(crate) subject: Arc<dyn SubjectSource>,
    pub(crate) subject_type: TokenType,
    pub(crate) audience: Option<String>,
}

impl TokenExchange {
    /// The exchange of the tokens of this source.
    #[must_use]
    pub fn new(subject: impl SubjectSource + 'static, subject_type: TokenType) -> Self {
        Self {
            subject: Arc::new(subject),
            subject_type,
            audience: None,
        }
    }

    /// The same exchange for an audience, for servers that know resources by a name (section 2.1).
    #[must_use]
    pub fn for_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }
}

impl Default for TokenExchange {
    fn default() -> Self {
        Self::new(InboundToken, TokenType::AccessToken)
    }
}

impl fmt::Debug for TokenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenExchange")
            .field("subject_type", &self.subject_type)
            .finish_non_exhaustive()
    }
}
