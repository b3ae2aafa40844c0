//! The seam for identity extractors.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::HeaderMap;

use crate::{error::ExtractError, types::Identity};

/// Reduces the headers of a request to an identity.
///
/// Extractors run in the order in which the pool's builder was given them; the first one that
/// returns `Ok(Some(_))` decides. When none does, the identity headers are hashed
/// ([`HeaderIdentity`](crate::extend::HeaderIdentity)).
///
/// An extractor must never return an identity that it has not verified: a caller who can make an
/// extractor return the identity of another caller gets the sessions of that caller.
///
/// ```
/// use async_trait::async_trait;
/// use http::HeaderMap;
/// use mcp_pool_core::{error::ExtractError, extend::{Identity, IdentityExtractor}};
///
/// /// The gateway in front has verified the user and sends the name.
/// struct TrustedUserHeader;
///
/// #[async_trait]
/// impl IdentityExtractor for TrustedUserHeader {
///     async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
///         Ok(headers
///             .get("x-verified-user")
///             .map(|user| Identity::from_parts("verified-user", [user])))
///     }
/// }
/// ```
#[async_trait]
pub trait IdentityExtractor: Send + Sync {
    /// The identity behind these headers, or `None` when they are not of this extractor's kind.
    ///
    /// Asynchronous since a key set may have to be fetched; the pool bounds it by the deadline of
    /// the acquire.
    ///
    /// # Errors
    /// [`ExtractError`] when the headers are of this extractor's kind and do not hold. What follows
    /// is the pool's [`OnExtractError`] policy.
    ///
    /// # Cancel safety
    /// The pool may drop the future at any await. Nothing of the request may be lost by it; work
    /// that others wait for (a key fetch) belongs on a task of its own.
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError>;
}

/// What the pool does when an extractor fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnExtractError {
    /// Hash the identity headers instead. Safe, because an unverified token is its own identity and
    /// can only reach sessions that were opened with that very token. The default.
    #[default]
    HashHeaders,
    /// Refuse the acquire.
    Refuse,
}

/// The extractor's own future is passed on: one of an `async fn` around it would be one more block of memory.
impl<T: IdentityExtractor + ?Sized> IdentityExtractor for Arc<T> {
    fn extract<'a, 'h, 'f>(
        &'a self,
        headers: &'h HeaderMap,
    ) -> BoxFuture<'f, Result<Option<Identity>, ExtractError>>
    where
        'a: 'f,
        'h: 'f,
        Self: 'f,
    {
        (**self).extract(headers)
    }
}
