//! The level of the log is kept for a key, whatever its server becomes.
#![expect(deprecated, reason = "servers with sessions do log")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, StatusCode};
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, PooledClient, Principal, SessionPool, TransportKind, config::Lifecycle,
    rmcp::model::LoggingLevel,
};
use serde_json::Value;

use crate::{common::close, moving_server::MovingServer, over::pool};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// The level that the server logs at for the last request for tools: that of the request in the revision
/// without sessions, else that of the session.
fn last_level(server: &ScriptedServer) -> Value {
    let (mut of_session, mut last) = (Value::Null, Value::Null);
    for message in server.messages() {
        let meta = &message["params"]["_meta"];
        match message["method"].as_str() {
            Some("initialize") => of_session = Value::Null,
            Some("logging/setLevel") => of_session = message["params"]["level"].clone(),
            Some("tools/list") if meta[VERSION].is_string() => last = meta[LEVEL].clone(),
            Some("tools/list") => last = of_session.clone(),
            _ => {}
        }
    }
    last
}

async fn level_of_call(client: &PooledClient, server: &ScriptedServer) -> Value {
    client.list_tools(None).await.expect("tools");
    last_level(server)
}

async fn set(client: &PooledClient, level: LoggingLevel) {
    client.set_log_level(level).await.expect("a level");
}

#[tokio::test]
async fn the_level_of_a_key_holds_over_each_transport_that_is_detected() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
        let server = MovingServer::start();
        let pool = pool();
        let client = server.client(&pool, lifecycle).await;
        set(&client, LoggingLevel::Debug).await;
        let transports = [TransportKind::SSE, TransportKind::STREAMABLE_HTTP];
        for (round, transport) in transports.iter().cycle().take(4).enumerate() {
            server.go_over();
            // A caller that has never used the transport of before, and one that has.
            let new = server.client(&pool, lifecycle).await;
            for client in [&new, &client] {
                let level = level_of_call(client, &server.scripted).await;
                assert_eq!(level, "debug", "{lifecycle:?} {round}");
                assert_eq!(client.key().transport(), transport, "{lifecycle:?}");
            }
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_level_that_is_set_over_one_transport_replaces_that_of_another() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
        let server = MovingServer::start();
        let pool = pool();
        let client = server.client(&pool, lifecycle).await;
        set(&client, LoggingLevel::Debug).await;
        server.go_over();
        client.list_tools(None).await.expect("tools");
        set(&client, LoggingLevel::Error).await;
        server.go_over();
        let level = level_of_call(&client, &server.scripted).await;
        assert_eq!(level, "error", "{lifecycle:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_level_of_one_user_is_no_other_users_over_another_transport() {
    let server = MovingServer::start();
    let pool = pool();
    let client = server.client(&pool, Lifecycle::Legacy).await;
    set(&client, LoggingLevel::Debug).await;
    server.go_over();
    let request = AcquireRequest::new(server.endpoint(Lifecycle::Legacy), Principal::user("bob"));
    let bob = pool.client(request).await.expect("a client");
    let level = level_of_call(&bob, &server.scripted).await;
    assert_eq!(level, Value::Null);
    close(&pool).await;
}

/// A server that serves one era at a time.
struct ChangingServer {
    scripted: ScriptedServer,
    has_sessions: Arc<AtomicBool>,
}

impl ChangingServer {
    fn start(has_sessions: bool) -> Self {
        let has_sessions = Arc::new(AtomicBool::new(has_sessions));
        let now = Arc::clone(&has_sessions);
        let scripted = ScriptedServer::start_behind(
            move |request| front(request, now.load(Ordering::SeqCst)),
            |exchange| async move {
                exchange.answer_plainly().await;
            },
        );
        Self {
            scripted,
            has_sessions,
        }
    }

    async fn client(&self, pool: &SessionPool) -> PooledClient {
        let endpoint = self.scripted.endpoint(Lifecycle::Auto);
        let request = AcquireRequest::new(endpoint, Principal::user("alice"));
        pool.client(request).await.expect("a client")
    }

    fn change_era(&self) {
        self.has_sessions.fetch_xor(true, Ordering::SeqCst);
        self.scripted.end_streams();
    }
}

/// Lets those requests pass that belong to the era of the moment.
fn front(request: &HttpRequest, has_sessions: bool) -> Front {
    let is_of_session = request.header("mcp-session-id").is_some();
    let opens = request.name() == "initialize";
    let status = match has_sessions {
        true if is_of_session || opens => return Front::Pass(HeaderMap::new()),
        true => StatusCode::BAD_REQUEST,
        false if is_of_session => StatusCode::NOT_FOUND,
        false if opens => StatusCode::BAD_REQUEST,
        false => return Front::Pass(HeaderMap::new()),
    };
    Front::Respond(status, HeaderMap::new())
}

#[tokio::test]
async fn the_level_of_a_key_holds_when_its_server_changes_its_era() {
    for has_sessions in [true, false] {
        let server = ChangingServer::start(has_sessions);
        let pool = pool();
        let client = server.client(&pool).await;
        set(&client, LoggingLevel::Debug).await;
        for round in 0..4 {
            server.change_era();
            let level = level_of_call(&client, &server.scripted).await;
            assert_eq!(level, "debug", "{has_sessions} {round}");
        }
        close(&pool).await;
    }
}
