//! The context of one call.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use tokio::time::Instant;

use crate::handler::ProgressSink;

/// The context of a pooled call, which its transport finds in the extensions of the request: the
/// caller's headers, and the headers of this call alone.
#[derive(Clone)]
pub struct CallContext {
    caller: Arc<HeaderMap>,
    extra: Arc<HeaderMap>,
    ends_at: Option<Instant>,
    /// Where the progress of the call goes. Transports do not see it.
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
