//! Enterprise-managed authorization: ID-JAG.

use std::{fmt, sync::Arc};

use url::Url;

use super::subject::{SubjectSource, TokenType};
use crate::client::RegisteredClient;

/// An identity provider that lets its users into resources: it exchanges the ID token of a user for an
/// assertion (ID-JAG), which the authorization server of the resource takes for a token.
#[derive(Clone)]
pub struct EnterpriseManaged {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    pub(crate) client: RegisteredClient,
    pub(crate) subject: Arc<dyn SubjectSource>,
    pub(crate) subject_type: TokenType,
}

impl EnterpriseManaged {
    /// The identity provider with this issuer and token endpoint, which knows this client, and the
    /// source of the users' ID tokens.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        token_endpoint: Url,
        client: RegisteredClient,
        id_tokens: impl SubjectSource + 'static,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            token_endpoint,
            client,
            subject: Arc::new(id_tokens),
            subject_type: TokenType::IdToken,
        }
    }

    /// The same provider; the source gives tokens of another type.
    #[must_use]
    pub fn with_subject_type(mut self, subject_type: TokenType) -> Self {
        self.subject_type = subject_type;
        self
    }
}

impl fmt::Debug for EnterpriseManaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterpriseManaged")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
