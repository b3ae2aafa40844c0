//! What a server sends on its own, and where it goes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use rmcp::{
    ErrorData,
    model::{
        ClientConfig, ClientResult, JsonRpcNotification, JsonRpcRequest, RequestId,
        ServerNotification, ServerPeerInfo, ServerRequest,
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    background::Background,
    message::{Incoming, IncomingKind, RequestIds, progress_token},
    service::{Delivery, RmcpService, SessionPeer},
    wire::{REPLY_TIMEOUT, SharedWire, WeakWire, Wire, WireCall, reply},
};
use crate::{
    error::{CallFailure, FaultKind, Outcome},
    handler::{ListKind, ProgressRoute, ProxiedHandler},
};

/// Receives what the server of one session sends on its own: requests and notifications, whichever
/// stream they come on.
///
/// Pings, refusals, the progress of calls and list changes need no rmcp service. A handler that
/// wants a message gets it from one that is started for the purpose and ends when its last user is
/// gone.
pub struct ServerInbox {
    handler: Arc<ProxiedHandler>,
    background: Background,
    ids: Arc<RequestIds>,
    wire: OnceLock<WeakWire>,
    service: Mutex<Slot>,
    replies: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

/// The rmcp service of the session, while there is one.
#[derive(Default)]
struct Slot {
    running: Weak<RmcpService>,
    closed: bool,
}

/// The way of a call's progress to its sink. Dropping it ends the way.
pub struct CallRoute<'i>(Option<ProgressRoute<'i>>);

impl ServerInbox {
    pub(crate) fn new(handler: Arc<ProxiedHandler>, background: Background) -> Arc<Self> {
        Arc::new(Self {
            handler,
            background,
            ids: Arc::new(RequestIds::random()),
            wire: OnceLock::new(),
            service: Mutex::default(),
            replies: Arc::new(Semaphore::new(MAX_REPLIES)),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        })
    }

    /// Names the session that answers are sent on. Only the first call has an effect.
    pub fn attach<W: Wire>(&self, wire: &Arc<W>) {
        let wire: WeakWire = Arc::<W>::downgrade(wire);
        let _ = self.wire.set(wire);
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
        self.background.run(work);
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
        CallRoute(sink.map(|sink| routes.route(progress_token(&call.id), sink)))
    }

    /// Receives a request or a notification. Results and errors are ignored.
    ///
    /// Waits while too many answers to the server are under way, so that a flood of requests slows
    /// down its own session and fills no memory.
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
        let introduced = self
            .running()
            .filter(|service| service.peer().peer_info().is_some());
        let service = match introduced {
            Some(service) => service,
            None => {
                let wire = self.wire().ok_or_else(session_over)?;
                let info = wire.peer_info().await?;
                let service = self.start(wire, Some(&info))?;
                // One that was started for a message may not know its server.
                service.peer().set_peer_info(info);
                service
            }
        };
        Ok(SessionPeer::of_service(service).await)
    }

    /// Ends the rmcp service of the session, if there is one. There will be no other.
    pub fn close(&self) {
        let mut slot = self.lock();
        slot.closed = true;
        let running = slot.running.upgrade();
        drop(slot);
        if let Some(running) = running {
            running.cancel();
        }
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
        let permit = Arc::clone(&self.requests).try_acquire_owned();
        let permit =
            permit.map_err(|_| ErrorData::internal_error("too many open requests", None))?;
        let service = self.service().await;
        let service =
            service.map_err(|_| ErrorData::internal_error("the session is over", None))?;
        service.request(id.clone(), request, permit);
        Ok(())
    }

    async fn notification(self: &Arc<Self>, notification: ServerNotification) -> Delivery {
        use rmcp::model::GetMeta;
        if notification.get_meta().subscription_id().is_some() {
            if let Some(service) = self.running() {
                service.subscribed(notification);
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
                if let Some(service) = self.running() {
                    service.cancelled(cancelled.clone());
                }
                return Delivery::DONE;
            }
            _ => {}
        }
        if let Some(list) = ListKind::changed_by(&notification) {
            self.handler.list_changed(list);
        }
        if self.handler.ignores() {
            return Delivery::DONE;
        }
        match self.service().await {
            Ok(service) => service.notification(notification).await,
            Err(_) => Delivery::DONE,
        }
    }

    /// Sends an answer on a task of its own, so that a server that does not take it cannot hold up
    /// what comes after its request.
    async fn reply(&self, id: RequestId, answer: Result<ClientResult, ErrorData>) {
        let Some(wire) = self.wire() else {
            return;
        };
        let Ok(permit) = Arc::clone(&self.replies).acquire_owned().await else {
            return;
        };
        tokio::spawn(send_reply(wire, id, answer, permit));
    }

    /// The rmcp service for a message of the server, started where there is none.
    ///
    /// A server that gives no information on itself holds up its own messages for a second only:
    /// the service is started without.
    async fn service(&self) -> Result<Arc<RmcpService>, CallFailure> {
        if let Some(running) = self.running() {
            return Ok(running);
        }
        let wire = self.wire().ok_or_else(session_over)?;
        let info = timeout(INTRODUCTION_TIMEOUT, wire.peer_info()).await;
        let info = info.ok().and_then(Result::ok);
        self.start(wire, info.as_ref())
    }

    fn start(
        &self,
        wire: SharedWire,
        info: Option<&ServerPeerInfo>,
    ) -> Result<Arc<RmcpService>, CallFailure> {
        let mut slot = self.lock();
        if slot.closed {
            return Err(session_over());
        }
        // Another caller may have started one meanwhile.
        if let Some(running) = slot.running.upgrade() {
            return Ok(running);
        }
        let (ids, handler) = (Arc::clone(&self.ids), Arc::clone(&self.handler));
        let service = RmcpService::start(ids, handler, wire, info.cloned());
        slot.running = Arc::downgrade(&service);
        Ok(service)
    }

    /// The service that runs. One of a closed session is ending.
    fn running(&self) -> Option<Arc<RmcpService>> {
        let slot = self.lock();
        slot.running.upgrade().filter(|_| !slot.closed)
    }

    fn wire(&self) -> Option<SharedWire> {
        self.wire.get()?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send_reply(
    wire: SharedWire,
    id: RequestId,
    answer: Result<ClientResult, ErrorData>,
    _permit: OwnedSemaphorePermit,
) {
    // A server that does not take an answer has no use for it.
    let _ = timeout(REPLY_TIMEOUT, wire.send(reply(id, answer))).await;
}

fn session_over() -> CallFailure {
    CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone)
}

impl fmt::Debug for ServerInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerInbox").finish_non_exhaustive()
    }
}

impl fmt::Debug for CallRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallRoute").field(&self.0.is_some()).finish()
    }
}

/// Answers to a server that are under way at the same time.
const MAX_REPLIES: usize = 16;
/// Requests of a server that wait for a handler at the same time. More are refused.
const MAX_REQUESTS: usize = 256;
/// How long a message waits for the information on its server.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(1);
const LOG_METHOD: &str = "notifications/message";
