//! The credentials of one session.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use tokio::time::Instant;

use super::{
    CallerHeaders, Credential, CredentialError, CredentialRequest, CredentialSource, NewestHeaders,
};
use crate::{Endpoint, handler::ProgressSink, moment::Moment};

/// The credentials of one session, as its transport sees them. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    source: Arc<dyn CredentialSource>,
    endpoint: Endpoint,
    newest: Arc<NewestHeaders>,
    /// Of the caller for whom the session was opened.
    opener: Arc<HeaderMap>,
}

impl Credentials {
    pub(crate) fn new(
        source: Arc<dyn CredentialSource>,
        endpoint: Endpoint,
        newest: Arc<NewestHeaders>,
        opener: Arc<HeaderMap>,
    ) -> Self {
        Self {
            source,
            endpoint,
            newest,
            opener,
        }
    }

    /// Fixed headers, for tests of a transport without a pool.
    #[must_use]
    pub fn fixed(endpoint: Endpoint, headers: HeaderMap) -> Self {
        let opener = Arc::new(headers);
        let credential = Credential {
            headers: Arc::clone(&opener),
            ends_at: Moment::NEVER,
        };
        let newest = Arc::new(NewestHeaders::new(credential, Moment::of_nanos(0)));
        Self::new(Arc::new(CallerHeaders), endpoint, newest, opener)
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
        if let Some(rejected) = rejected {
            self.newest.refuse(rejected);
        }
        let newest = self.newest.load();
        let caller = match call {
            Some(call) => &call.caller,
            // The newest are refused, which says nothing against those the session was opened for.
            None if rejected == Some(&newest) => &self.opener,
            None => &newest,
        };
        let request = CredentialRequest {
            endpoint: &self.endpoint,
            caller,
            caller_has_ended: call.is_some_and(CallContext::has_ended),
            newest: &newest,
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
    ends_at: Option<Instant>,
    /// Who hears how the call gets on. Nothing that a transport sees.
    progress: Option<ProgressSink>,
}

impl CallContext {
    /// The context of a call by a caller with these headers.
    #[must_use]
    pub fn new(caller: Arc<HeaderMap>, extra: Arc<HeaderMap>) -> Self {
        Self {
            caller,
            extra,
            ends_at: None,
            progress: None,
        }
    }

    /// Says until when the caller's credential holds, where that is known.
    #[must_use]
    pub fn with_expiry(mut self, at: Option<Instant>) -> Self {
        self.ends_at = at;
        self
    }

    /// The same caller's context with these headers for the call alone.
    #[must_use]
    pub fn with_extra(mut self, extra: Arc<HeaderMap>) -> Self {
        self.extra = extra;
        self
    }

    /// The same context, with somebody to hear how the call gets on.
    pub(crate) fn with_progress(&self, progress: ProgressSink) -> Self {
        Self {
            progress: Some(progress),
            ..self.clone()
        }
    }

    pub(crate) fn progress(&self) -> Option<&ProgressSink> {
        self.progress.as_ref()
    }

    fn has_ended(&self) -> bool {
        self.ends_at.is_some_and(|at| at <= Instant::now())
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
