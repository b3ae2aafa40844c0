//! Messages that rmcp passes on without seeing what is in them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    ErrorData, RoleClient,
    model::{
        ClientResult, CustomNotification, CustomRequest, GetExtensions, GetMeta,
        ServerNotification, ServerRequest,
    },
    service::{NotificationContext, RequestContext},
};

/// A notification that rmcp passes on without seeing it: rmcp logs whole messages, and a server's
/// text is in no log.
#[derive(Clone)]
pub(crate) struct SealedNotification(ServerNotification);

/// A request that rmcp passes on without seeing it, or its answer.
#[derive(Clone)]
pub(crate) struct SealedRequest {
    request: ServerRequest,
    answer: SealedAnswer,
}

/// The answer to a sealed request, once its handler has given it.
#[derive(Clone, Default)]
pub(crate) struct SealedAnswer(Arc<Mutex<Option<Result<ClientResult, ErrorData>>>>);

impl SealedNotification {
    /// Seals a notification.
    pub(crate) fn seal(notification: ServerNotification) -> ServerNotification {
        let mut sealed = CustomNotification::new(SEALED, None);
        sealed.extensions_mut().insert(Self(notification));
        ServerNotification::CustomNotification(sealed)
    }

    /// The notification inside, with its metadata where a handler looks for it.
    pub(crate) fn open(
        notification: ServerNotification,
        context: &mut NotificationContext<RoleClient>,
    ) -> ServerNotification {
        let Some(Self(mut inner)) = context.extensions.remove() else {
            return notification;
        };
        std::mem::swap(&mut context.meta, inner.get_meta_mut());
        inner
    }
}

impl SealedRequest {
    /// Seals a request. Its answer goes to `answer`.
    pub(crate) fn seal(request: ServerRequest, answer: SealedAnswer) -> ServerRequest {
        let mut sealed = CustomRequest::new(SEALED, None);
        sealed.extensions_mut().insert(Self { request, answer });
        ServerRequest::CustomRequest(sealed)
    }

    /// The request inside, if it is a sealed one, with its metadata where a handler looks for it.
    pub(crate) fn open(
        context: &mut RequestContext<RoleClient>,
    ) -> Option<(ServerRequest, SealedAnswer)> {
        let Self {
            mut request,
            answer,
        } = context.extensions.remove()?;
        std::mem::swap(&mut context.meta, request.get_meta_mut());
        Some((request, answer))
    }
}

impl SealedAnswer {
    pub(crate) fn set(&self, answer: Result<ClientResult, ErrorData>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    pub(crate) fn take(&self) -> Option<Result<ClientResult, ErrorData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for SealedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedAnswer")
    }
}

/// The method that rmcp sees. It never leaves the process.
const SEALED: &str = "sealed";
