//! The context of one call.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;
use rmcp::model::RequestId;
use tokio::time::Instant;

use crate::handler::{HandlerProxy, ProgressSink};

/// The context of a pooled call, which its transport finds in the extensions of the request: the
/// caller's headers, and the headers of this call alone.
#[derive(Clone)]
pub struct CallContext {
    caller: Arc<HeaderMap>,
    extra: Arc<HeaderMap>,
    ends_at: Option<Instant>,
    /// Where the progress of the call goes. Transports do not see it.
    progress: Option<ProgressSink>,
    /// The proxy of the session that the call is sent on.
    proxy: Option<Arc<HandlerProxy>>,
    /// Where the id of the request is noted, for a call with a span.
    request_id: Option<RequestIdSlot>,
}

/// The id of the last request of a call. The context of a call has this and no span, since a
/// context may outlive its call, and would keep the span open.
#[derive(Clone, Default)]
pub(crate) struct RequestIdSlot(Arc<Mutex<Option<RequestId>>>);

impl RequestIdSlot {
    pub(crate) fn take(&self) -> Option<RequestId> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<RequestId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            proxy: None,
            request_id: None,
        }
    }

    /// Sets the expiry of the caller's credential, where it is known.
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

    /// The same context, with a sink for the progress of the call.
    pub(crate) fn with_progress(&self, progress: ProgressSink) -> Self {
        Self {
            progress: Some(progress),
            ..self.clone()
        }
    }

    /// The same context for a call on the session behind `proxy`.
    pub(crate) fn on_session(
        &self,
        proxy: Arc<HandlerProxy>,
        request_id: Option<RequestIdSlot>,
    ) -> Self {
        Self {
            proxy: Some(proxy),
            request_id,
            ..self.clone()
        }
    }

    /// The proxy of the session that the call is sent on.
    pub(crate) fn proxy(&self) -> Option<&Arc<HandlerProxy>> {
        self.proxy.as_ref()
    }

    /// Notes the id under which the request is sent, for the span of the call. A transport calls it
    /// before it sends.
    pub fn note_request_id(&self, id: &RequestId) {
        if let Some(slot) = &self.request_id {
            *slot.lock() = Some(id.clone());
        }
    }

    pub(crate) fn progress(&self) -> Option<&ProgressSink> {
        self.progress.as_ref()
    }

    /// The headers of the caller.
    pub(crate) fn caller(&self) -> &Arc<HeaderMap> {
        &self.caller
    }

    pub(crate) fn has_ended(&self) -> bool {
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
