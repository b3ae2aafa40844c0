//! The headers that authenticate a request to an upstream, asked for per request.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderMap;

use crate::Endpoint;

/// Supplies the headers for a request to an endpoint on behalf of a caller.
///
/// Asked for every request, so that a session outlives the tokens it is used with. The default
/// source ([`CallerHeaders`]) gives the caller's own headers.
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
}

/// For which request credentials are wanted.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CredentialRequest<'a> {
    /// Where the request goes. Never hand out a credential that was not meant for it.
    pub endpoint: &'a Endpoint,
    /// The headers of the caller on whose behalf the request is made; for requests the pool makes
    /// of its own accord (closing a session, for example) those of the newest acquire.
    pub caller: &'a Arc<HeaderMap>,
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

/// The default source: the headers of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallerHeaders;

#[async_trait]
impl CredentialSource for CallerHeaders {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        Ok(Arc::clone(request.caller))
    }
}

/// Why there are no credentials for a request. `reason` must hold no part of one.
#[derive(Debug, thiserror::Error)]
#[error("credentials: {reason}")]
pub struct CredentialError {
    reason: String,
}

impl CredentialError {
    /// There are none, for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// The credentials of one session, as its transport sees them. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    source: Arc<dyn CredentialSource>,
    endpoint: Endpoint,
    newest: Arc<NewestHeaders>,
}

impl Credentials {
    pub(crate) fn new(
        source: Arc<dyn CredentialSource>,
        endpoint: Endpoint,
        newest: Arc<NewestHeaders>,
    ) -> Self {
        Self {
            source,
            endpoint,
            newest,
        }
    }

    /// Fixed headers, for tests of a transport without a pool.
    #[must_use]
    pub fn fixed(endpoint: Endpoint, headers: HeaderMap) -> Self {
        let newest = Arc::new(NewestHeaders::new(Arc::new(headers)));
        Self::new(Arc::new(CallerHeaders), endpoint, newest)
    }

    /// The headers to send with a request now.
    ///
    /// `call` is the context that came with the request; `None` for a request that the transport
    /// makes of its own accord.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn headers(
        &self,
        call: Option<&CallContext>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.ask(call, None).await
    }

    /// Fresh headers after the endpoint refused `rejected` with 401.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn renewed(
        &self,
        call: Option<&CallContext>,
        rejected: &Arc<HeaderMap>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.ask(call, Some(rejected)).await
    }

    async fn ask(
        &self,
        call: Option<&CallContext>,
        rejected: Option<&Arc<HeaderMap>>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let newest;
        let caller = match call {
            Some(call) => &call.caller,
            None => {
                newest = self.newest.load();
                &newest
            }
        };
        let request = CredentialRequest {
            endpoint: &self.endpoint,
            caller,
            rejected,
        };
        self.source.headers(&request).await
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What a pooled call brings along to its transport, in the extensions of its request: whose call
/// it is, and the headers that belong to this call alone.
#[derive(Clone)]
pub struct CallContext {
    caller: Arc<HeaderMap>,
    extra: Arc<HeaderMap>,
}

impl CallContext {
    /// The context of a call by a caller with these headers.
    #[must_use]
    pub fn new(caller: Arc<HeaderMap>, extra: Arc<HeaderMap>) -> Self {
        Self { caller, extra }
    }

    /// The headers of this call alone (trace context and the like). They are sent with this one
    /// request and win over equal names of the credentials, except where those authenticate.
    #[must_use]
    pub fn extra(&self) -> &HeaderMap {
        &self.extra
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext").finish_non_exhaustive()
    }
}

/// The headers of the newest acquire of a key.
pub(crate) struct NewestHeaders(ArcSwap<HeaderMap>);

impl NewestHeaders {
    pub(crate) fn new(headers: Arc<HeaderMap>) -> Self {
        Self(ArcSwap::new(headers))
    }

    pub(crate) fn load(&self) -> Arc<HeaderMap> {
        self.0.load_full()
    }

    /// Notes newer headers; costs one pointer comparison when they are those already known.
    pub(crate) fn note(&self, headers: &Arc<HeaderMap>) {
        if !Arc::ptr_eq(&self.0.load(), headers) {
            self.0.store(Arc::clone(headers));
        }
    }
}
