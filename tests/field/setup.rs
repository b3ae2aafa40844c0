//! Helpers of the suite.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    AcquireRequest, ConversationId, Endpoint, PoolConfig, PooledClient, Principal, Scope,
    SessionPool, SseConnector, StreamableHttpConnector, config::Lifecycle, error::CallError,
    http::HeaderMap, rmcp::model::CallToolRequestParams,
};

/// A pool over both transports.
pub(crate) fn pool(config: PoolConfig) -> SessionPool {
    SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .build()
        .expect("a valid configuration")
}

/// A request of a user with a token of the same name.
pub(crate) fn request(endpoint: Endpoint, user: &str) -> AcquireRequest {
    let mut headers = HeaderMap::new();
    let token = format!("Bearer {user}-token");
    headers.insert("authorization", token.parse().expect("a header value"));
    AcquireRequest::new(endpoint, Principal::user(user)).with_headers(headers)
}

pub(crate) async fn client(pool: &SessionPool, endpoint: Endpoint, user: &str) -> PooledClient {
    let client = pool.client(request(endpoint, user)).await;
    client.expect("a client")
}

/// A client of one conversation of a user.
pub(crate) async fn conversation(
    pool: &SessionPool,
    endpoint: Endpoint,
    name: &str,
) -> PooledClient {
    let id = ConversationId::new(name);
    let request = request(endpoint, "alice").with_scope(Scope::Conversation(id));
    pool.client(request).await.expect("a client")
}

/// Calls a tool without arguments and returns the text of its answer.
pub(crate) async fn call(client: &PooledClient, tool: &'static str) -> Result<String, CallError> {
    let result = client.call_tool(CallToolRequestParams::new(tool)).await?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

pub(crate) async fn close(pool: &SessionPool) {
    let report = pool.close(Duration::from_secs(60)).await;
    assert!(report.complete, "{report:?}");
}

/// A server over Streamable HTTP that keeps a counter for each of its sessions, and refuses a session
/// that it does not know in a way of its own.
pub(crate) struct ForgetfulServer {
    pub(crate) server: RawServer,
    state: Arc<State>,
}

/// How a request is refused.
pub(crate) type Refuse = fn(&RawRequest) -> Reply;

struct State {
    known: Mutex<HashSet<String>>,
    opened: AtomicUsize,
    executed: AtomicUsize,
    refuse: Refuse,
    /// Whether only calls are refused, and a ping is answered all the same.
    answers_pings: bool,
}

impl ForgetfulServer {
    pub(crate) fn start(refuse: Refuse) -> Self {
        Self::start_as(refuse, false)
    }

    /// A server that answers a ping on any session.
    pub(crate) fn start_answering_pings(refuse: Refuse) -> Self {
        Self::start_as(refuse, true)
    }

    fn start_as(refuse: Refuse, answers_pings: bool) -> Self {
        let state = Arc::new(State {
            known: Mutex::default(),
            opened: AtomicUsize::new(0),
            executed: AtomicUsize::new(0),
            refuse,
            answers_pings,
        });
        let shared = Arc::clone(&state);
        let server = RawServer::start(move |request| shared.reply(request));
        Self { server, state }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.server.endpoint(Lifecycle::Legacy)
    }

    /// Forgets every session, as a restart does.
    pub(crate) fn forget(&self) {
        self.state.known().clear();
    }

    /// How many calls were executed.
    pub(crate) fn executed(&self) -> usize {
        self.state.executed.load(Ordering::SeqCst)
    }

    /// How many sessions were opened.
    pub(crate) fn opened(&self) -> usize {
        self.state.opened.load(Ordering::SeqCst)
    }
}

impl State {
    fn reply(&self, request: &RawRequest) -> Reply {
        if request.method() == "initialize" {
            let number = self.opened.fetch_add(1, Ordering::SeqCst);
            let session = format!("session-{number}");
            self.known().insert(session.clone());
            return request.plain_reply(&session);
        }
        let is_answered = self.answers_pings && request.method() == "ping";
        if !is_answered && !self.known().contains(request.session()) {
            return (self.refuse)(request);
        }
        if request.method() == "tools/call" {
            self.executed.fetch_add(1, Ordering::SeqCst);
        }
        request.plain_reply("")
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until this is so, for at most a minute.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
