//! From the headers of a request to an identity: extractors first, headers last.

use std::sync::Arc;

use http::HeaderMap;

use crate::{ExtractError, HeaderIdentity, Identity, IdentityExtractor, OnExtractError};

/// How a pool tells identities.
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

    /// The identity behind these headers.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Identity, ExtractError> {
        for extractor in &self.extractors {
            match extractor.extract(headers).await {
                Ok(Some(identity)) => return Ok(identity),
                Ok(None) => {}
                Err(error) if self.on_error == OnExtractError::Refuse => return Err(error),
                Err(error) => {
                    tracing::debug!(fault = %error.fault(), "identity extractor failed; hashing headers");
                    return Ok(self.headers.of(headers));
                }
            }
        }
        Ok(self.headers.of(headers))
    }
}
