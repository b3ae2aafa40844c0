//! The headers that authenticate a request to an upstream, asked for per request.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

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

    /// The same context with these headers of its own.
    pub(crate) fn with_extra(&self, extra: Arc<HeaderMap>) -> Self {
        Self::new(Arc::clone(&self.caller), extra)
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
pub(crate) struct NewestHeaders {
    newest: Mutex<Arc<HeaderMap>>,
    /// Where the newest headers lie in memory, which is theirs alone as long as they are held
    /// above. Changed under the lock, before the older headers are let go of.
    address: AtomicUsize,
}

impl NewestHeaders {
    pub(crate) fn new(headers: Arc<HeaderMap>) -> Self {
        Self {
            address: AtomicUsize::new(address(&headers)),
            newest: Mutex::new(headers),
        }
    }

    pub(crate) fn load(&self) -> Arc<HeaderMap> {
        Arc::clone(&self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes newer headers; costs one comparison of addresses when they are those already known.
    pub(crate) fn note(&self, headers: &Arc<HeaderMap>) {
        // No order is needed: whoever has headers at a new address got the memory from whoever
        // freed it, after the address was changed.
        if self.address.load(Ordering::Relaxed) != address(headers) {
            drop(self.replace(Arc::clone(headers)));
        }
    }

    /// Puts newer headers in place of the older, which are dropped outside of the lock.
    #[cold]
    fn replace(&self, headers: Arc<HeaderMap>) -> Arc<HeaderMap> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        self.address.store(address(&headers), Ordering::Relaxed);
        std::mem::replace(&mut newest, headers)
    }
}

fn address(headers: &Arc<HeaderMap>) -> usize {
    Arc::as_ptr(headers).addr()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(token: &'static str) -> Arc<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(token));
        Arc::new(headers)
    }

    #[test]
    fn the_newest_headers_are_those_of_the_last_note() {
        let (one, two) = (headers("one"), headers("two"));
        let newest = NewestHeaders::new(Arc::clone(&one));
        for noted in [&two, &two, &one] {
            newest.note(noted);
            assert!(Arc::ptr_eq(&newest.load(), noted));
        }
    }

    #[test]
    fn headers_that_were_superseded_are_let_go_of() {
        let first = headers("one");
        let newest = NewestHeaders::new(Arc::clone(&first));
        newest.note(&headers("two"));
        assert_eq!(Arc::strong_count(&first), 1);
    }

    #[test]
    fn headers_in_recycled_memory_are_new_headers() {
        let newest = NewestHeaders::new(headers("first"));
        for token in ["one", "two"].repeat(100) {
            newest.note(&headers(token));
            assert_eq!(newest.load()["authorization"], token);
        }
    }
}
