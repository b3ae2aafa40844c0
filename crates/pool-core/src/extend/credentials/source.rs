//! The headers that authenticate each request to an upstream.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::HeaderMap;

use crate::{error::CredentialError, types::Endpoint};

/// Supplies the headers for a request to an endpoint on behalf of a caller.
///
/// The pool requests headers for every request, so that a session outlives the tokens it is used
/// with; and once more after a 401, before the one repetition of the request. The default source is
/// [`CallerHeaders`].
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

/// For which request credentials are wanted.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CredentialRequest<'a> {
    /// Where the request goes. Never hand out a credential that was not meant for it.
    pub endpoint: &'a Endpoint,
    /// The headers of the caller that the request is made for; for the pool's own requests (closing
    /// a session, for example) the newest.
    pub caller: &'a Arc<HeaderMap>,
    /// Whether the caller's own credential is known to have ended.
    pub caller_has_ended: bool,
    /// The newest headers that were seen for the same key, and so for the same identity: those
    /// that end last where that is known, otherwise those of the newest acquire.
    pub newest: &'a Arc<HeaderMap>,
    /// The headers that the endpoint has just refused with 401, when this is the repetition.
    pub rejected: Option<&'a Arc<HeaderMap>>,
}

impl fmt::Debug for CredentialRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRequest")
            .field("endpoint", self.endpoint)
            .field("after_rejection", &self.rejected.is_some())
            .finish_non_exhaustive()
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

#[async_trait]
impl<T: CredentialSource + ?Sized> CredentialSource for Arc<T> {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        (**self).headers(request).await
    }

    fn renews(&self) -> bool {
        (**self).renews()
    }
}
