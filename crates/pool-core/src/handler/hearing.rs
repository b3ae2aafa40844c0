//! The pool between a session and its handler: it hears first, and lets nobody ask what was not
//! declared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rmcp::{
    ErrorData, RoleClient, Service,
    model::{
        ClientCapabilities, ClientConfig, ClientResult, ElicitRequestParams, ErrorCode,
        ServerNotification, ServerRequest,
    },
    service::{DynService, NotificationContext, RequestContext, ServiceExt},
};
use tokio_util::sync::CancellationToken;

use super::{ClientHandlerBox, ListKind, progress::Routes};
use crate::bucket::Bucket;

/// The listening side of one session.
#[derive(Default)]
pub(crate) struct Hearing {
    ears: Arc<Ears>,
    /// The handler of the session, once it has one.
    handler: Mutex<Option<Arc<Attended>>>,
}

/// What a handler shares with the pool.
#[derive(Default)]
struct Ears {
    /// The key of the session; none where there is no pool.
    bucket: Weak<Bucket>,
    /// Where the progress of single calls goes.
    routes: Routes,
    /// Cancelled when the session leaves its key.
    over: CancellationToken,
}

/// A handler with the pool in front of it.
pub(crate) struct Attended {
    handler: Box<dyn DynService<RoleClient>>,
    declared: ClientCapabilities,
    ears: Arc<Ears>,
}

impl Hearing {
    pub(crate) fn of(bucket: &Arc<Bucket>) -> Arc<Self> {
        let ears = Ears {
            bucket: Arc::downgrade(bucket),
            ..Ears::default()
        };
        Arc::new(Self {
            ears: Arc::new(ears),
            handler: Mutex::default(),
        })
    }

    /// Where the progress of single calls goes.
    pub(crate) fn routes(&self) -> &Routes {
        &self.ears.routes
    }

    /// Puts the pool in front of a handler, which from now on is the one of this session.
    pub(crate) fn attend(
        &self,
        handler: ClientHandlerBox,
        declared: ClientCapabilities,
    ) -> ClientHandlerBox {
        let attended = Arc::new(Attended {
            handler: handler.0,
            declared,
            ears: Arc::clone(&self.ears),
        });
        *self.lock() = Some(Arc::clone(&attended));
        ClientHandlerBox(Shared(attended).into_dyn())
    }

    /// The handler of the session, with the pool in front of it.
    pub(crate) fn handler(&self) -> Option<Arc<Attended>> {
        self.lock().clone()
    }

    /// The session is over: what was held back is told at once.
    pub(crate) fn end(&self) {
        self.ears.over.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Attended>>> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attended {
    /// Whether the session declared that it answers such a request.
    pub(crate) fn declares(&self, request: &ServerRequest) -> bool {
        self.refusal(request).is_none()
    }

    /// What the server is told that asks for something that was not declared.
    fn refusal(&self, request: &ServerRequest) -> Option<ErrorData> {
        let declared = &self.declared;
        let code = match request {
            ServerRequest::CreateMessageRequest(_) if declared.sampling.is_none() => {
                ErrorCode::METHOD_NOT_FOUND
            }
            ServerRequest::ListRootsRequest(_) if declared.roots.is_none() => {
                ErrorCode::METHOD_NOT_FOUND
            }
            ServerRequest::ElicitRequest(request) => {
                let Some(elicitation) = &declared.elicitation else {
                    return Some(not_declared(ErrorCode::METHOD_NOT_FOUND));
                };
                // An elicitation capability without modes means forms (revision 2025-11-25,
                // client/elicitation); asking for another mode is answered by -32602.
                let has_mode = match &request.params {
                    ElicitRequestParams::UrlElicitationParams { .. } => elicitation.url.is_some(),
                    _ => elicitation.form.is_some() || elicitation.url.is_none(),
                };
                return (!has_mode).then(|| not_declared(ErrorCode::INVALID_PARAMS));
            }
            _ => return None,
        };
        Some(not_declared(code))
    }

    /// Has the handler answer a request, if that was declared.
    ///
    /// # Errors
    /// What the server is to be told.
    pub(crate) async fn answer(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match self.refusal(&request) {
            Some(refusal) => Err(refusal),
            None => Service::handle_request(&self.handler, request, context).await,
        }
    }

    async fn hear(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        if let ServerNotification::ProgressNotification(progress) = &notification
            && self.ears.routes.deliver(&progress.params)
        {
            return Ok(());
        }
        if let Some(list) = ListKind::changed_by(&notification)
            && let Some(bucket) = self.ears.bucket.upgrade()
        {
            bucket.note_list_changed(list);
            if !self.is_my_turn(bucket, list).await {
                return Ok(());
            }
        }
        Service::handle_notification(&self.handler, notification, context).await
    }

    /// Waits until it is time to tell the handler of a change; no, where somebody else of this key
    /// is about to.
    async fn is_my_turn(&self, bucket: Arc<Bucket>, list: ListKind) -> bool {
        let pause = bucket.hub.config.timeouts.list_changed_debounce;
        if pause.is_zero() {
            return true;
        }
        let Some(_turn) = Turn::take(bucket, list) else {
            return false;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.ears.over.cancelled() => {}
        }
        // The turn is given up before the handler is told: a change from now on is another one.
        true
    }
}

/// The right to tell the handler of a key that a list has changed.
struct Turn {
    bucket: Arc<Bucket>,
    list: ListKind,
}

impl Turn {
    fn take(bucket: Arc<Bucket>, list: ListKind) -> Option<Self> {
        // Lazily: a turn that was not taken must not be given up.
        bucket.news.begin(list).then(|| Self { bucket, list })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.bucket.news.end(self.list);
    }
}

/// The handler as rmcp serves it.
struct Shared(Arc<Attended>);

impl Service<RoleClient> for Shared {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        self.0.answer(request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        self.0.hear(notification, context).await
    }

    fn get_info(&self) -> ClientConfig {
        let mut info = Service::get_info(&self.0.handler);
        // What is declared is part of the key; a handler cannot declare more, nor less.
        info.capabilities = self.0.declared.clone();
        info
    }
}

fn not_declared(code: ErrorCode) -> ErrorData {
    ErrorData::new(
        code,
        "this client did not declare that it answers that",
        None,
    )
}
