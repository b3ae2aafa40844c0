//! What servers write beside and instead of what the protocol has is read as far as it goes.

use std::sync::{Arc, Mutex};

use mcp_pool_testkit::{Exchange, RawServer, Reply, ScriptedServer};
use mcp_session_pool::{
    Endpoint, PoolConfig, SessionPool, SseConnector, StreamableHttpConnector,
    config::Lifecycle,
    event::PartlyRead,
    extend::Observer,
    rmcp::model::{CallToolRequestParams, ClientRequest, ListToolsRequest},
};
use serde_json::{Value, json};

use crate::setup::{call, client, close, pool};

/// Four tools, of which two can be read, one of them without its title.
const TOOLS: &str = r#"{"tools":[
    {"name":"first","inputSchema":{"type":"object"},"execution":{"taskSupport":"optional"}},
    {"name":7,"inputSchema":{}},
    "tool",
    {"name":"last","inputSchema":{"type":"object"},"title":["x"]}
],"ttlMs":0,"cacheScope":"private","resultType":"complete","later":{"a":1}}"#;
/// Three blocks of content, of which one has an unknown type.
const CONTENT: &str = r#"{"content":[
    {"type":"hologram","depth":3},
    {"type":"text","text":"1","annotations":{"audience":["robot"]}},
    {"type":"text","text":"2"}
],"resultType":"complete"}"#;

async fn odd_results(exchange: Exchange) {
    match exchange.method() {
        "tools/list" => exchange.answer(&TOOLS.replace('\n', "")).await,
        "tools/call" => exchange.answer(&CONTENT.replace('\n', "")).await,
        _ => exchange.answer_plainly().await,
    };
}

/// The scripted server over each transport and in each era.
fn endpoints(server: &ScriptedServer) -> [Endpoint; 3] {
    [
        server.endpoint(Lifecycle::Legacy),
        server.endpoint(Lifecycle::Stateless),
        server.sse_endpoint(),
    ]
}

#[derive(Clone, Default)]
struct LeftOut(Arc<Mutex<Vec<(String, usize)>>>);

impl Observer for LeftOut {
    fn partly_read(&self, event: &PartlyRead<'_>) {
        let seen = (event.method().to_owned(), event.left_out());
        self.0.lock().expect("the events").push(seen);
    }
}

fn observed_pool(observer: LeftOut) -> SessionPool {
    let builder = SessionPool::builder().config(PoolConfig::default());
    let builder = builder.connector(StreamableHttpConnector::new().expect("an http client"));
    let builder = builder.connector(SseConnector::new().expect("an http client"));
    builder.observer(observer).build().expect("a pool")
}

#[tokio::test]
async fn what_cannot_be_read_hides_nothing_else_and_is_counted() {
    let server = ScriptedServer::start(odd_results);
    for endpoint in endpoints(&server) {
        let events = LeftOut::default();
        let pool = observed_pool(events.clone());
        let alice = client(&pool, endpoint, "alice").await;
        let tools = alice.list_all_tools().await.expect("a list");
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(names, ["first", "last"]);
        let called = alice.call_tool(CallToolRequestParams::new("count")).await;
        let content = called.expect("a result").content;
        let texts = content.iter().filter_map(|block| block.as_text());
        let texts: Vec<&str> = texts.map(|text| text.text.as_str()).collect();
        assert_eq!(texts, ["1", "2"]);
        let expected = [("tools/list".to_owned(), 3), ("tools/call".to_owned(), 2)];
        assert_eq!(*events.0.lock().expect("the events"), expected);
        assert_eq!(pool.stats().parts_left_out, 5);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_gateway_gets_the_parts_that_cannot_be_read_too() {
    let server = ScriptedServer::start(odd_results);
    for endpoint in endpoints(&server) {
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, endpoint, "alice").await;
        let list = ClientRequest::ListToolsRequest(ListToolsRequest::default());
        let answer = alice.request_raw(list).await.expect("an answer");
        let raw: Value = serde_json::from_str(answer.raw().expect("the json").get()).expect("json");
        assert_eq!(raw, serde_json::from_str::<Value>(TOOLS).expect("json"));
        assert_eq!(answer.read().expect("a result").left_out, 3);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_result_of_null_is_an_empty_result_and_no_wait() {
    let server = ScriptedServer::start(async |exchange: Exchange| {
        match exchange.method() {
            "ping" => exchange.answer("null").await,
            _ => exchange.answer_plainly().await,
        };
    });
    for endpoint in [server.endpoint(Lifecycle::Legacy), server.sse_endpoint()] {
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, endpoint, "alice").await;
        let ping = ClientRequest::PingRequest(Default::default());
        alice.request(ping).await.expect("an answer");
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_empty_session_id_means_no_session() {
    for value in ["", " "] {
        let server = RawServer::start(move |request| {
            let reply = request.plain_reply("");
            match request.method() {
                "initialize" => reply.with_header("mcp-session-id", value),
                _ => reply,
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        assert_eq!(call(&alice, "count").await.expect("an answer"), "1");
        close(&pool).await;
        let named =
            |seen: &mcp_pool_testkit::RawRequest| seen.headers.contains_key("mcp-session-id");
        assert!(!server.seen().iter().any(named), "{value:?}");
        assert_eq!(server.count("DELETE"), 0);
    }
}

#[tokio::test]
async fn the_body_of_a_response_to_a_notification_is_read_for_a_bounded_time_and_size() {
    let head = b"HTTP/1.1 202 X\r\ncontent-type: text/plain\r\n";
    let endless = [head.as_slice(), b"content-length: 9999999999\r\n\r\nx"].concat();
    let large = [head.as_slice(), b"\r\n", &vec![b'x'; 8 << 20]].concat();
    for reply in [
        Reply::bytes(endless),
        Reply::bytes(large).then_close(),
        Reply::json(200, &json!({ "jsonrpc": "2.0", "id": 1, "result": {} })),
    ] {
        let server = RawServer::start(move |request| match request.method() {
            "notifications/initialized" => reply.clone(),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        assert_eq!(call(&alice, "count").await.expect("an answer"), "1");
        close(&pool).await;
    }
}
