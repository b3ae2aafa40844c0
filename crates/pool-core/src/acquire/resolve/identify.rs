//! From the headers of a request to an identity: extractors first, headers last.

use std::sync::Arc;

use super::request_parts::RequestParts;
use crate::{
    context::Counters,
    error::ExtractError,
    extend::{HeaderIdentity, IdentityExtractor, OnExtractError},
    types::Identity,
};

/// How a pool identifies callers.
pub(crate) struct Identification {
    pub(crate) extractors: Vec<Arc<dyn IdentityExtractor>>,
    pub(crate) headers: HeaderIdentity,
    pub(crate) on_error: OnExtractError,
}

impl Identification {
    /// Whether an identity follows from the identity headers alone.
    pub(crate) fn is_pure(&self) -> bool {
        self.extractors.is_empty()
    }

    /// The identity that a request brings, or the one behind its headers.
    ///
    /// # Errors
    /// The extractor's, under [`OnExtractError::Refuse`].
    pub(crate) async fn identify(
        &self,
        parts: &RequestParts,
        counters: &Counters,
    ) -> Result<Identity, ExtractError> {
        if let Some(identity) = &parts.identity {
            return Ok(identity.clone());
        }
        let headers = &parts.headers;
        for extractor in &self.extractors {
            match extractor.extract(headers).await {
                Ok(Some(identity)) => return Ok(identity),
                Ok(None) => {}
                Err(error) => {
                    Counters::add(&counters.extract_failures);
                    tracing::debug!(fault = %error.fault(), "an identity extractor failed");
                    return match self.on_error {
                        OnExtractError::HashHeaders => Ok(self.headers.of(headers)),
                        OnExtractError::Refuse => Err(error),
                    };
                }
            }
        }
        Ok(self.headers.of(headers))
    }
}
