//! What servers learn of the client.

use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolKey, Principal, SessionPool, SseConnector,
    StreamableHttpConnector,
    extend::{ClientHandlerBox, HandlerFactory},
    reqwest,
    rmcp::{ClientHandler, model::Implementation},
};
use serde_json::Value;

use crate::{
    common::{call, close},
    fronts::{arrived, behind, client, listening_pool, passing, request},
    over::{Over, builder, pool},
};

/// The user agent of each request.
fn agents(server: &ScriptedServer) -> Vec<String> {
    let requests = server.requests();
    let agents = requests.iter().map(|it| it.header("user-agent"));
    agents.map(Option::unwrap_or_default).collect()
}

const OURS: &str = concat!("mcp-session-pool/", env!("CARGO_PKG_VERSION"));

#[tokio::test]
async fn every_request_names_the_pool_as_its_user_agent() {
    for over in Over::ALL {
        let server = behind(|_| passing());
        let pool = listening_pool();
        let client = client(&pool, over, &server, "alice").await;
        call(&client, "count").await.expect("a count");
        if over == Over::LegacyHttp {
            arrived(&server, "GET").await;
        }
        close(&pool).await;
        let agents = agents(&server);
        assert!(agents.len() >= 2);
        assert!(
            agents.iter().all(|agent| agent == OURS),
            "{over:?} {agents:?}"
        );
    }
}

#[tokio::test]
async fn detection_names_the_pool_as_its_user_agent() {
    let server = behind(|_| passing());
    for path in ["/mcp", "/sse", "/none"] {
        let pool = pool();
        let auto = Endpoint::auto(&format!("{}{path}", server.origin())).expect("a url");
        let request = AcquireRequest::new(auto, Principal::user("alice"));
        // A denial is a detection too.
        drop(pool.acquire(&request).await);
        close(&pool).await;
    }
    let agents = agents(&server);
    assert!(agents.iter().all(|agent| agent == OURS), "{agents:?}");
}

#[tokio::test]
async fn a_user_agent_of_the_builder_or_of_the_caller_wins() {
    let named = || reqwest::Client::builder().user_agent("gateway/7");
    for over in Over::ALL {
        for (caller, expected) in [(None, "gateway/7"), (Some("alice/1"), "alice/1")] {
            let server = behind(|_| passing());
            let streamable = StreamableHttpConnector::from_builder(named());
            let sse = SseConnector::from_builder(named());
            let pool = SessionPool::builder()
                .connector(streamable.expect("an http client"))
                .connector(sse.expect("an http client"))
                .build();
            let pool = pool.expect("a pool");
            let own: Vec<_> = caller
                .map(|agent| ("user-agent", agent))
                .into_iter()
                .collect();
            let request = request(over, &server, "alice", &own);
            let client = pool.client(request).await.expect("a client");
            call(&client, "count").await.expect("a count");
            close(&pool).await;
            let agents = agents(&server);
            assert!(agents.iter().all(|agent| agent == expected), "{agents:?}");
        }
    }
}

#[tokio::test]
async fn a_builder_without_a_user_agent_gets_that_of_the_pool() {
    let server = behind(|_| passing());
    let connector = StreamableHttpConnector::from_builder(reqwest::Client::builder());
    let connector = connector.expect("an http client");
    let pool = SessionPool::builder().connector(connector).build();
    let pool = pool.expect("a pool");
    let client = client(&pool, Over::LegacyHttp, &server, "alice").await;
    call(&client, "count").await.expect("a count");
    close(&pool).await;
    assert!(agents(&server).iter().all(|agent| agent == OURS));
}

/// Handlers of a user that set nothing, or their own name.
struct OwnHandlers {
    name: Option<&'static str>,
}

struct OwnHandler {
    name: Option<&'static str>,
}

impl ClientHandler for OwnHandler {
    fn get_info(&self) -> mcp_session_pool::rmcp::model::ClientConfig {
        let mut info = mcp_session_pool::rmcp::model::ClientConfig::default();
        if let Some(name) = self.name {
            info.client_info = Implementation::new(name, "7");
        }
        info
    }
}

impl HandlerFactory for OwnHandlers {
    fn profile(&self) -> &str {
        "own"
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(OwnHandler { name: self.name })
    }
}

/// The names under which clients introduced themselves.
fn introductions(server: &ScriptedServer) -> Vec<Value> {
    let messages = server.messages();
    let in_params = messages.iter().filter_map(|message| {
        let params = message.get("params")?;
        let legacy = params.get("clientInfo");
        legacy.or_else(|| {
            params
                .get("_meta")?
                .get("io.modelcontextprotocol/clientInfo")
        })
    });
    in_params.map(|info| info["name"].clone()).collect()
}

#[tokio::test]
async fn client_info_names_the_pool_unless_handlers_or_the_pool_set_it() {
    for over in Over::ALL {
        for (of_handlers, of_pool, expected) in [
            (None, None, "mcp-session-pool"),
            (Some("handlers"), None, "handlers"),
            (Some("handlers"), Some("gateway"), "gateway"),
            (None, Some("gateway"), "gateway"),
        ] {
            let server = behind(|_| passing());
            let mut builder = builder(mcp_session_pool::PoolConfig::default());
            builder = builder.handlers(OwnHandlers { name: of_handlers });
            if let Some(name) = of_pool {
                builder = builder.client_info(Implementation::new(name, "1"));
            }
            let pool = builder.build().expect("a pool");
            let client = client(&pool, over, &server, "alice").await;
            call(&client, "count").await.expect("a count");
            close(&pool).await;
            let names = introductions(&server);
            assert!(!names.is_empty(), "{over:?}");
            assert!(
                names.iter().all(|name| name == expected),
                "{over:?} {names:?}"
            );
        }
    }
}
