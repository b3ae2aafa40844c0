//! The identity extractor of a world.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
};
use tokio::time::Instant;

/// What the extractor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extraction {
    Works,
    Refuses,
    Unavailable,
    Slow(Duration),
}

/// An extractor that trusts two headers. All clones do the same.
#[derive(Clone)]
pub(super) struct Extractor {
    extraction: Arc<Mutex<Extraction>>,
    began: Instant,
}

impl Extractor {
    pub(super) fn new() -> Self {
        Self {
            extraction: Arc::new(Mutex::new(Extraction::Works)),
            began: Instant::now(),
        }
    }

    pub(super) fn set(&self, extraction: Extraction) {
        *self
            .extraction
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = extraction;
    }

    fn get(&self) -> Extraction {
        *self
            .extraction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The identity of a user, without an expiry.
    pub(super) fn identity(user: &str) -> Identity {
        Identity::from_parts("simulated", [user])
    }
}

#[async_trait]
impl IdentityExtractor for Extractor {
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        match self.get() {
            Extraction::Works => {}
            Extraction::Refuses => return Err(ExtractError::credential("simulated")),
            Extraction::Unavailable => return Err(ExtractError::unavailable("simulated")),
            Extraction::Slow(pause) => tokio::time::sleep(pause).await,
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(user) = text(USER) else {
            return Ok(None);
        };
        let identity = Self::identity(user);
        let ends = text(ENDS).and_then(|text| text.parse().ok());
        Ok(Some(match ends {
            Some(millis) => identity.with_expiry(self.began + Duration::from_millis(millis)),
            None => identity,
        }))
    }
}

/// The header with the name of the user.
pub(super) const USER: &str = "x-user";

/// The header with the end of the credential, in milliseconds from the beginning of the world.
pub(super) const ENDS: &str = "x-ends";
