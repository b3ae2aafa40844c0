//! What a server sends on its own: which message waits for which, and for how long.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    Endpoint, PoolKey,
    error::{CallFailure, FaultKind, Outcome},
    extend::{
        Answer, ClientHandlerBox, ConnectRequest, HandlerFactory, ServerInbox, Wire, WireCall,
        read_messages,
    },
};
use rmcp::{
    ErrorData, RoleClient, Service,
    model::{
        ClientCapabilities, ClientConfig, ClientJsonRpcMessage, ClientResult, Implementation,
        InitializeResult, ServerCapabilities, ServerNotification, ServerPeerInfo, ServerRequest,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};
use tokio::{runtime::Handle, time::Instant};

/// A session without a network.
#[derive(Default)]
struct Memory {
    /// What the server got, and when.
    sent: Mutex<Vec<(Duration, Value)>>,
    /// The server takes no message.
    is_stuck: bool,
    /// The server gives no information of itself.
    is_silent: bool,
}

#[async_trait]
impl Wire for Memory {
    async fn call(&self, _call: WireCall) -> Result<Answer, CallFailure> {
        Err(CallFailure::new(Outcome::Unknown, FaultKind::Other))
    }

    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), CallFailure> {
        if self.is_stuck {
            std::future::pending::<()>().await;
        }
        let message = serde_json::to_value(message).expect("json");
        lock(&self.sent).push((since_begin(), message));
        Ok(())
    }

    async fn peer_info(&self) -> Result<ServerPeerInfo, CallFailure> {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        Ok(InitializeResult::new(ServerCapabilities::default()).into())
    }
}

impl Memory {
    /// The ids that were answered, and when.
    fn answers(&self) -> Vec<(u64, Value)> {
        let sent = lock(&self.sent);
        let sent = sent.iter();
        sent.map(|(at, message)| (at.as_secs(), message["id"].clone()))
            .collect()
    }
}

/// A handler that notes what it gets and when, and hangs where it is to.
#[derive(Clone, Default)]
struct Handler {
    got: Arc<Mutex<Vec<(u64, String)>>>,
    hangs: bool,
}

impl HandlerFactory for Handler {
    fn profile(&self) -> &str {
        "test"
    }

    fn declared(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(self.clone())
    }
}

impl Service<RoleClient> for Handler {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        if let ServerRequest::CustomRequest(request) = request
            && request.method == "hang"
        {
            context.ct.cancelled().await;
        }
        Ok(ClientResult::empty(()))
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        _context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        let ServerNotification::CustomNotification(notification) = notification else {
            return Ok(());
        };
        let got = (since_begin().as_secs(), notification.method);
        lock(&self.got).push(got);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(self.declared(), Implementation::new("test", "1"))
    }
}

struct Session {
    inbox: Arc<ServerInbox>,
    wire: Arc<Memory>,
    handler: Handler,
}

impl Session {
    fn new(wire: Memory, handler: Handler) -> Self {
        let _ = since_begin();
        let endpoint: Endpoint = "http://127.0.0.1/mcp".parse().expect("a url");
        let request = ConnectRequest::detached(&endpoint, HeaderMap::new());
        let inbox = request.with_handlers(Arc::new(handler.clone())).inbox();
        let wire = Arc::new(wire);
        inbox.attach(&wire);
        Self {
            inbox,
            wire,
            handler,
        }
    }

    fn with_hanging_handler() -> Self {
        let handler = Handler {
            hangs: true,
            ..Handler::default()
        };
        Self::new(Memory::default(), handler)
    }

    /// Receives a message, and returns when its handler has it.
    async fn receive(&self, message: Value) -> mcp_pool_core::extend::Delivery {
        let text = message.to_string();
        let messages = read_messages(text.as_bytes()).expect("a message");
        self.inbox.receive(&messages[0]).await
    }

    async fn notify(&self, method: &str) {
        drop(
            self.receive(json!({ "jsonrpc": "2.0", "method": method }))
                .await,
        );
    }

    async fn request(&self, id: u32, method: &str) {
        drop(
            self.receive(json!({ "jsonrpc": "2.0", "id": id, "method": method }))
                .await,
        );
    }
}

/// The paused time since the first call in this test.
fn since_begin() -> Duration {
    thread_local! {
        static BEGIN: Instant = Instant::now();
    }
    BEGIN.with(|begin| begin.elapsed())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_keeps_each_notification_waiting_for_a_second() {
    let session = Session::with_hanging_handler();
    for method in ["a", "b", "c"] {
        session.notify(method).await;
    }
    seconds(10).await;
    let got = lock(&session.handler.got).clone();
    let expected = [(0, "a"), (1, "b"), (2, "c")];
    assert_eq!(got, expected.map(|(at, method)| (at, method.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn pings_and_requests_do_not_wait_for_a_notification() {
    let session = Session::with_hanging_handler();
    for method in ["a", "b"] {
        session.notify(method).await;
    }
    session.request(1, "ping").await;
    session.request(2, "custom").await;
    seconds(10).await;
    assert_eq!(session.wire.answers(), [(0, json!(1)), (0, json!(2))]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_a_second_for_the_progress_before_it() {
    let session = Session::with_hanging_handler();
    let delivery = session
        .receive(json!({ "jsonrpc": "2.0", "method": "a" }))
        .await;
    delivery.handled().await;
    assert_eq!(since_begin(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_are_bounded_and_the_others_are_refused() {
    let session = Session::new(Memory::default(), Handler::default());
    for id in 0..400 {
        session.request(id, "hang").await;
    }
    seconds(1).await;
    let refused = session.wire.answers().len();
    assert_eq!(refused, 400 - 256);
    assert!(tasks() < 300, "{}", tasks());
    session.inbox.close();
    seconds(5).await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_that_a_server_does_not_take_are_bounded_and_given_up() {
    let wire = Memory {
        is_stuck: true,
        ..Memory::default()
    };
    let session = Session::new(wire, Handler::default());
    let flood = async {
        for id in 0..100 {
            session.request(id, "ping").await;
        }
    };
    let late = tokio::time::timeout(Duration::from_secs(5), flood).await;
    late.expect_err("the flood has to wait");
    assert_eq!(tasks(), 16);
    seconds(10).await;
    assert_eq!(tasks(), 0);
    // The answer of a handler ends like the pool's own.
    session.request(1, "custom").await;
    seconds(60).await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_an_introduction_holds_up_no_message_for_long() {
    let wire = Memory {
        is_silent: true,
        ..Memory::default()
    };
    let session = Session::new(wire, Handler::default());
    session.notify("a").await;
    session.request(1, "custom").await;
    assert!(
        since_begin() <= Duration::from_secs(20),
        "{:?}",
        since_begin()
    );
    session.request(2, "ping").await;
    seconds(1).await;
    let answered = session.wire.answers();
    assert!(answered.iter().any(|(_, id)| *id == json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_starts_no_service() {
    let session = Session::new(Memory::default(), Handler::default());
    session.notify("a").await;
    session.inbox.peer().await.expect("a peer");
    session.inbox.close();
    session.inbox.peer().await.expect_err("the session is over");
    session.notify("b").await;
    seconds(5).await;
    assert_eq!(tasks(), 0);
}
