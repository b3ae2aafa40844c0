//! What a server sends on its own, and where it goes.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use once_cell::race::OnceBox;
use rmcp::{
    ErrorData,
    model::{
        ClientConfig, ClientResult, JsonRpcNotification, JsonRpcRequest, RequestId,
        ServerNotification, ServerRequest,
    },
};
use tokio::sync::Semaphore;

use super::{
    call_route::CallRoute,
    inbox_bounds::InboxBounds,
    inbox_services::InboxServices,
    message::{Incoming, IncomingKind, RequestIds, progress_token},
    replies::Replies,
    service::{Delivery, OnDemand, ServiceHost, SessionPeer},
    wire::{SharedWire, WeakWire, Wire, WireCall},
};
use crate::{
    error::CallFailure,
    handler::{HandlerOwner, ListKind, ProxiedHandler},
};

/// Receives what the server of one session sends on its own: requests and notifications, whichever
/// stream they come on.
///
/// Pings, refusals, the progress of calls and list changes need no rmcp service. A handler that
/// wants a message gets it from one that is started for the purpose and ends when its last user is
/// gone.
pub struct ServerInbox {
    handler: ProxiedHandler,
    services: Arc<InboxServices>,
    ids: RequestIds,
    wire: OnceLock<WeakWire>,
    /// Made for the first message that needs it.
    rare: OnceBox<Rare>,
}

/// What a session needs once its server sends more than a handler ignores. An idle session has none of it.
#[derive(Default)]
struct Rare {
    service: OnDemand,
    replies: Replies,
    requests: OnceLock<Arc<Semaphore>>,
}

impl ServerInbox {
    pub(crate) fn new(handler: ProxiedHandler, services: Arc<InboxServices>) -> Self {
        Self {
            handler,
            services,
            ids: RequestIds::random(),
            wire: OnceLock::new(),
            rare: OnceBox::new(),
        }
    }

    /// Names the session that answers are sent on. Only the first call has an effect.
    pub fn attach<W: Wire>(&self, wire: &Arc<W>) {
        let _ = self.wire.set(Arc::<W>::downgrade(wire));
    }

    /// The ids of the session's requests.
    #[must_use]
    pub fn ids(&self) -> &RequestIds {
        &self.ids
    }

    /// Hands over work that outlives the future it belongs to, such as the cancellation of a request
    /// whose caller is gone. Needs no runtime, so that it may be called in a drop. The work has to
    /// bound its own time.
    pub fn run_in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.services.background.run(work);
    }

    /// What the session declares in its handshake.
    #[must_use]
    pub fn client_config(&self) -> ClientConfig {
        self.handler.client_config()
    }

    /// Opens the way for the progress of a call. Call it before the request is sent, and keep the
    /// result until the answer has come.
    #[must_use]
    pub fn route(&self, call: &WireCall) -> CallRoute<'_> {
        let sink = call.progress().cloned();
        let routes = self.handler.routes();
        CallRoute::new(sink.map(|sink| routes.route(progress_token(&call.id), sink)))
    }

    /// Receives a request or a notification. Results and errors are ignored.
    ///
    /// Waits while too many answers to the server are under way, so that a flood of requests slows
    /// down its own session and fills no memory; and for at most a second in all while a flood of
    /// notifications finds the queue of its handler full. Further ones are dropped and counted
    /// ([`max_server_notifications_per_session`](crate::config::LimitsConfig::max_server_notifications_per_session)).
    ///
    /// # Cancel safety
    /// Not cancel safe: the message may be lost.
    pub async fn receive(self: &Arc<Self>, message: &Incoming<'_>) -> Delivery {
        match message.kind() {
            IncomingKind::Request => {
                if let Ok(request) =
                    serde_json::from_str::<JsonRpcRequest<ServerRequest>>(message.text())
                {
                    self.request(request.id, request.request).await;
                }
                Delivery::DONE
            }
            IncomingKind::Notification if self.is_of_interest(message.method()) => {
                let read =
                    serde_json::from_str::<JsonRpcNotification<ServerNotification>>(message.text());
                match read {
                    Ok(read) => self.notification(read.notification).await,
                    Err(_) => Delivery::DONE,
                }
            }
            _ => Delivery::DONE,
        }
    }

    /// The client side of rmcp over this session. The service behind it ends some time after the
    /// last user of it is gone.
    ///
    /// # Errors
    /// [`CallFailure`]: the session is over, or what its server says of itself had to be requested
    /// and did not come.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn peer(self: &Arc<Self>) -> Result<SessionPeer, CallFailure> {
        let service = self.rare().service.introduced(self).await?;
        Ok(SessionPeer::of_service(service).await)
    }

    /// Ends the rmcp service of the session, if there is one. There will be no other.
    pub fn close(&self) {
        self.rare().service.close();
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// False for a notification that has no effect but on handlers, where those ignore all.
    fn is_of_interest(&self, method: Option<&str>) -> bool {
        !self.handler.ignores() || method.is_some_and(|method| method != LOG_METHOD)
    }

    async fn request(self: &Arc<Self>, id: RequestId, request: ServerRequest) {
        let answer = match &request {
            ServerRequest::PingRequest(_) => Some(Ok(ClientResult::empty(()))),
            _ => self.handler.refusal(&request).map(Err),
        };
        let answer = match answer {
            Some(answer) => answer,
            None => match self.hand_over(&id, request).await {
                Ok(()) => return,
                Err(refusal) => Err(refusal),
            },
        };
        self.reply(id, answer).await;
    }

    /// Hands a request to the handler, which answers through the rmcp service.
    async fn hand_over(
        self: &Arc<Self>,
        id: &RequestId,
        request: ServerRequest,
    ) -> Result<(), ErrorData> {
        if self.handler.ignores() {
            return Err(ErrorData::new(
                rmcp::model::ErrorCode::METHOD_NOT_FOUND,
                "this client handles no such request",
                None,
            ));
        }
        let bounds = self.bounds();
        let permits = &self.rare().requests;
        let permits = permits.get_or_init(|| Arc::new(Semaphore::new(bounds.requests())));
        let permit = Arc::clone(permits).try_acquire_owned();
        let permit = permit.map_err(|_| {
            bounds.note_refused();
            ErrorData::internal_error("too many open requests", None)
        })?;
        let service = self.rare().service.service(self).await;
        let service =
            service.map_err(|_| ErrorData::internal_error("the session is over", None))?;
        service.request(id.clone(), request, permit);
        Ok(())
    }

    async fn notification(self: &Arc<Self>, notification: ServerNotification) -> Delivery {
        use rmcp::model::GetMeta;
        if notification.get_meta().subscription_id().is_some() {
            let service = self.rare().service.running();
            if !service.is_some_and(|service| service.subscribed(&notification)) {
                self.subscribed(&notification);
            }
            return Delivery::DONE;
        }
        match &notification {
            ServerNotification::ProgressNotification(progress)
                if self.handler.routes().deliver(&progress.params) =>
            {
                return Delivery::DONE;
            }
            ServerNotification::CancelledNotification(cancelled) => {
                if let Some(service) = self.rare().service.running() {
                    service.cancelled(cancelled.clone());
                }
                return Delivery::DONE;
            }
            _ => {}
        }
        if let Some(list) = ListKind::changed_by(&notification) {
            self.handler.list_changed(list);
        }
        if let ServerNotification::ResourceUpdatedNotification(update) = &notification {
            self.handler.resource_updated(&update.params.uri);
        }
        if self.handler.ignores() {
            return Delivery::DONE;
        }
        match self.rare().service.service(self).await {
            Ok(service) => service.notification(notification).await,
            Err(_) => Delivery::DONE,
        }
    }

    /// Receives a notification of the subscription that the pool itself keeps for its key.
    fn subscribed(&self, notification: &ServerNotification) {
        match notification {
            ServerNotification::ResourceUpdatedNotification(update) => {
                self.handler.resource_updated(&update.params.uri);
            }
            ServerNotification::SubscriptionsAcknowledgedNotification(acknowledged) => {
                let accepted = &acknowledged.params.notifications.resource_subscriptions;
                self.handler
                    .acknowledged(accepted.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    async fn reply(&self, id: RequestId, answer: Result<ClientResult, ErrorData>) {
        if let Some(wire) = self.wire() {
            self.rare().replies.send(wire, id, answer).await;
        }
    }
}

impl HandlerOwner for ServerInbox {
    fn proxied(&self) -> &ProxiedHandler {
        &self.handler
    }
}

impl ServiceHost for ServerInbox {
    fn wire(&self) -> Option<SharedWire> {
        self.wire.get()?.upgrade()
    }

    fn request_ids(&self) -> &RequestIds {
        &self.ids
    }

    fn bounds(&self) -> &InboxBounds {
        &self.services.bounds
    }
}

impl fmt::Debug for ServerInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerInbox").finish_non_exhaustive()
    }
}

const LOG_METHOD: &str = "notifications/message";
