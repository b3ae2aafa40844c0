//! The headers that authenticate each request to an upstream.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::HeaderMap;

use super::request::CredentialRequest;
use crate::error::CredentialError;

/// Supplies the headers for a request to an endpoint on behalf of a caller.
///
/// The pool requests headers for every request, so that a session outlives the tokens it is used
/// with; and again after each [refusal](CredentialRequest::refusal), before the request is repeated:
/// once after a 401, once more where the endpoint wants a nonce, and twice where a scope is missing
/// (403). The default source is [`CallerHeaders`].
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The headers for one request.
    ///
    /// # Errors
    /// [`CredentialError`] when there are none to be had; the request is then not sent.
    ///
    /// # Cancel safety
    /// The pool may drop the future at any await.
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError>;

    /// Whether this source renews what it gives by itself, so that the end of a caller's own
    /// credential ([`Identity::expires_at`](crate::extend::Identity::expires_at)) is none of a session's.
    /// Default: no.
    fn renews(&self) -> bool {
        false
    }
}

/// The default source: the caller's own headers as long as they hold, the newest of the caller's
/// identity after that.
///
/// Each caller of a shared session sends its own headers. Those are given up for the newest ones
/// that the pool has seen for the same key in two cases: when they are known to have ended
/// ([`Identity::expires_at`](crate::extend::Identity::expires_at)), and for the one repetition of a request
/// that the endpoint refused with 401. A client made with an early token thus goes on working once a
/// later token of the same identity has come in by any other request.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallerHeaders;

#[async_trait]
impl CredentialSource for CallerHeaders {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let refused = request
            .rejected
            .is_some_and(|rejected| rejected == request.caller);
        let headers = match refused || request.caller_has_ended {
            true => request.newest,
            false => request.caller,
        };
        Ok(Arc::clone(headers))
    }
}

/// The source's own future is passed on: one of an `async fn` around it would be one more block of memory.
impl<T: CredentialSource + ?Sized> CredentialSource for Arc<T> {
    fn headers<'a, 'r, 'p, 'f>(
        &'a self,
        request: &'r CredentialRequest<'p>,
    ) -> BoxFuture<'f, Result<Arc<HeaderMap>, CredentialError>>
    where
        'a: 'f,
        'r: 'f,
        'p: 'f,
        Self: 'f,
    {
        (**self).headers(request)
    }

    fn renews(&self) -> bool {
        (**self).renews()
    }
}
