//! An rmcp service runs over a session only while it has a user.

use std::sync::{Arc, Mutex};

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    extend::HandlerFactory,
    rmcp::{
        ErrorData,
        model::{
            CallToolRequest, CallToolRequestParams, CallToolResult, ClientNotification,
            ClientRequest, ClientResult, CustomNotification, ProgressNotificationParam,
            ProgressToken, RequestMetaObject, ServerNotification, ServerRequest, ServerResult,
        },
        service::PeerRequestOptions,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    closures::Closures,
    common::{call, close, eventually},
    over::{Over, builder, pool},
    task_counts::{back_to, settled, tasks_beside},
};

/// A pool over both transports with these handlers.
fn pool_with(handlers: impl HandlerFactory + 'static) -> SessionPool {
    let builder = builder(PoolConfig::default()).handlers(handlers);
    builder.build().expect("a pool")
}

async fn alice(pool: &SessionPool, over: Over, server: &ScriptedServer) -> PooledClient {
    let client = pool.client(over.request(server, "alice")).await;
    client.expect("a client")
}

/// Reports progress on every call, and lists one tool.
async fn reports(exchange: Exchange) {
    match exchange.method() {
        "tools/list" => {
            let tools = r#"{"tools":[{"name":"work","inputSchema":{"type":"object"}}]}"#;
            exchange.answer(tools).await
        }
        "tools/call" => {
            let token = exchange.token();
            let params = format!(r#"{{"progressToken":{token},"progress":1}}"#);
            let progress = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#
            );
            exchange.send(&progress).await && exchange.answer_plainly().await
        }
        _ => exchange.answer_plainly().await,
    };
}

#[tokio::test]
async fn a_peer_lists_calls_and_notifies_and_its_service_ends_with_it() {
    for over in Over::ALL {
        let server = ScriptedServer::start(reports);
        let progress = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&progress);
        let handlers = Closures::default().on_notification(move |notification, _context| {
            if let ServerNotification::ProgressNotification(notification) = notification {
                into.lock().expect("progress").push(notification.params);
            }
            async {}
        });
        let pool = pool_with(handlers);
        let client = alice(&pool, over, &server).await;
        let lease = client.acquire().await.expect("a session");
        let before = settled(&server).await;
        let peer = lease.peer().await.expect("a peer");
        let tools = peer.list_all_tools().await.expect("tools");
        assert_eq!(tools[0].name, "work");
        assert!(peer.peer_info().is_some());
        let token = call_with_own_token(&peer).await;
        let received: Vec<ProgressNotificationParam> = progress.lock().expect("progress").clone();
        assert_eq!(received.len(), 1, "{over:?}");
        assert_eq!(
            received[0].progress_token, token,
            "the token that rmcp knows"
        );
        let note = CustomNotification::new("notifications/mine", None);
        let note = ClientNotification::CustomNotification(note);
        peer.send_notification(note).await.expect("it is sent");
        assert_eq!(server.count("notifications/mine"), 1);
        assert!(tasks_beside(&server) > before, "a service runs");
        drop(peer);
        back_to(&server, before).await;
        drop(lease);
        close(&pool).await;
        let again = server.count("initialize") + server.count("server/discover");
        assert_eq!(again, 1, "the service has no handshake of its own");
    }
}

/// Calls a tool over rmcp, and returns the token that rmcp knows.
async fn call_with_own_token(
    peer: &mcp_session_pool::rmcp::Peer<mcp_session_pool::rmcp::RoleClient>,
) -> ProgressToken {
    let params = CallToolRequestParams::new("work");
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    let options = PeerRequestOptions::no_options();
    let handle = peer.send_request_with_option(request, options).await;
    let handle = handle.expect("it is sent");
    let token = handle.progress_token.clone();
    let result = handle.await_response().await.expect("an answer");
    assert!(
        matches!(result, ServerResult::CallToolResult(_)),
        "{result:?}"
    );
    token
}

/// A request of the server, for tools of these names.
fn server_request(tool: &str) -> Value {
    let meta = json!({ "origin": tool });
    let question = json!({ "role": "user", "content": { "type": "text", "text": "who?" } });
    let schema = json!({ "type": "object", "properties": { "who": { "type": "string" } } });
    match tool {
        "elicit" => json!({
            "method": "elicitation/create",
            "params": { "_meta": meta, "mode": "form", "message": "who?", "requestedSchema": schema },
        }),
        "sample" => json!({
            "method": "sampling/createMessage",
            "params": { "_meta": meta, "messages": [question], "maxTokens": 8 },
        }),
        "roots" => json!({ "method": "roots/list", "params": { "_meta": meta } }),
        _ => json!({ "method": "custom/ask", "params": { "_meta": meta, "a": 1 } }),
    }
}

/// Sends its client a request for each call, and answers with what the client answered.
fn asking_server() -> ScriptedServer {
    let waiting: Arc<Mutex<Option<mpsc::UnboundedSender<Value>>>> = Arc::default();
    ScriptedServer::start(move |exchange| {
        let waiting = Arc::clone(&waiting);
        async move {
            match exchange.method() {
                "tools/call" => {
                    let (sender, mut answers) = mpsc::unbounded_channel();
                    *waiting.lock().expect("waiting") = Some(sender);
                    let mut request = server_request(exchange.tool());
                    request["jsonrpc"] = json!("2.0");
                    request["id"] = json!("server-1");
                    exchange.send(&request.to_string()).await;
                    let answer = answers.recv().await.expect("an answer");
                    let text = answer.to_string();
                    let result = json!({ "content": [{ "type": "text", "text": text }] });
                    exchange.answer(&result.to_string()).await
                }
                "response" => {
                    let waiting = waiting.lock().expect("waiting").take();
                    let waiting = waiting.expect("a call waits");
                    waiting.send(exchange.message().clone()).is_ok()
                }
                _ => exchange.answer_plainly().await,
            };
        }
    })
}

fn answers() -> [(&'static str, Value); 3] {
    let text = json!({ "type": "text", "text": "me" });
    [
        (
            "elicit",
            json!({ "action": "accept", "content": { "who": "me" } }),
        ),
        (
            "sample",
            json!({ "role": "assistant", "content": text, "model": "m" }),
        ),
        ("roots", json!({ "roots": [{ "uri": "file:///me" }] })),
    ]
}

/// What a handler saw of a request: the request itself, and its metadata.
type Seen = Arc<Mutex<Vec<(Value, Value)>>>;

fn answering(seen: &Seen) -> Closures {
    let seen = Arc::clone(seen);
    let declared = json!({ "elicitation": {}, "sampling": {}, "roots": {} });
    Closures::default()
        .declaring(declared)
        .on_request(move |request, context| {
            let seen = Arc::clone(&seen);
            async move { answer(&seen, &request, context.meta) }
        })
}

fn answer(
    seen: &Seen,
    request: &ServerRequest,
    meta: RequestMetaObject,
) -> Result<ClientResult, ErrorData> {
    let tool = match request {
        ServerRequest::ElicitRequest(_) => "elicit",
        ServerRequest::CreateMessageRequest(_) => "sample",
        ServerRequest::ListRootsRequest(_) => "roots",
        _ => {
            return Err(ErrorData::invalid_params(
                "not this",
                Some(json!({ "my": 1 })),
            ));
        }
    };
    let as_json = serde_json::to_value(request).expect("json");
    let meta = serde_json::to_value(meta).expect("json");
    seen.lock().expect("seen").push((as_json, meta));
    let answers = answers().into_iter().find(|(name, _)| *name == tool);
    let (_, answer) = answers.expect("an answer");
    Ok(serde_json::from_value(answer).expect("a result"))
}

fn text_of(result: &CallToolResult) -> Value {
    let text = result.content[0].as_text().expect("a text");
    serde_json::from_str(&text.text).expect("json")
}

#[tokio::test]
async fn a_handler_sees_a_request_whole_and_the_server_gets_the_handlers_answer() {
    for over in Over::IN_SESSIONS {
        let server = asking_server();
        let seen = Seen::default();
        let pool = pool_with(answering(&seen));
        let client = alice(&pool, over, &server).await;
        drop(client.acquire().await.expect("a session"));
        let before = settled(&server).await;
        for (tool, expected) in answers() {
            let result = client.call_tool(CallToolRequestParams::new(tool)).await;
            let received = text_of(&result.expect("an answer"));
            assert_eq!(received["id"], "server-1");
            assert_eq!(received["result"], expected, "{over:?} {tool}");
            let (request, meta) = seen.lock().expect("seen").pop().expect("a request");
            assert_eq!(meta["origin"], tool, "{over:?}");
            let sent = server_request(tool);
            assert_eq!(request["method"], sent["method"]);
            for (name, value) in sent["params"].as_object().expect("an object") {
                let is_meta = name == "_meta";
                assert!(
                    is_meta || request["params"][name] == *value,
                    "{tool} {name}"
                );
            }
        }
        let refused = client.call_tool(CallToolRequestParams::new("custom")).await;
        let refused = text_of(&refused.expect("an answer"));
        assert_eq!(
            refused["error"]["data"],
            json!({ "my": 1 }),
            "the handler's error"
        );
        back_to(&server, before).await;
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_handler_sees_notifications_whole() {
    for over in Over::ALL {
        let server = ScriptedServer::start(|exchange| async move {
            if exchange.method() == "tools/call" {
                let log = json!({
                    "jsonrpc": "2.0", "method": "notifications/message",
                    "params": { "level": "info", "data": { "a": 1 }, "_meta": { "k": "v" } },
                });
                let custom = json!({
                    "jsonrpc": "2.0", "method": "notifications/custom",
                    "params": { "b": 2, "_meta": { "k": "w" } },
                });
                exchange.send(&log.to_string()).await;
                exchange.send(&custom.to_string()).await;
            }
            exchange.answer_plainly().await;
        });
        let (sender, mut received) = mpsc::unbounded_channel();
        let pool = pool_with(Closures::default().on_notification(move |what, context| {
            let meta = serde_json::to_value(context.meta).expect("json");
            let what = serde_json::to_value(what).expect("json");
            let _ = sender.send((what, meta));
            async {}
        }));
        let client = alice(&pool, over, &server).await;
        call(&client, "work").await.expect("an answer");
        let (log, meta) = received.recv().await.expect("a log");
        assert_eq!(log["method"], "notifications/message", "{over:?}");
        assert_eq!(
            (&log["params"]["data"], &meta["k"]),
            (&json!({ "a": 1 }), &json!("v"))
        );
        let (custom, meta) = received.recv().await.expect("a notification");
        assert_eq!(custom["method"], "notifications/custom", "{over:?}");
        assert_eq!(
            (&custom["params"]["b"], &meta["k"]),
            (&json!(2), &json!("w"))
        );
        close(&pool).await;
    }
}

/// Sends everything that a server may send, where the tool is `noisy`, and waits before it answers.
fn noisy_server(release: &Arc<tokio::sync::Semaphore>) -> ScriptedServer {
    let release = Arc::clone(release);
    ScriptedServer::start(move |exchange| {
        let release = Arc::clone(&release);
        async move {
            if exchange.method() == "tools/call" {
                exchange.send_bytes(": the response begins\n\n").await;
                if exchange.tool() == "noisy" {
                    make_noise(&exchange).await;
                }
                release.acquire().await.expect("it is open").forget();
            }
            exchange.answer_plainly().await;
        }
    })
}

async fn make_noise(exchange: &Exchange) {
    let token: Value = serde_json::from_str(&exchange.token()).expect("json");
    for number in 0..20 {
        for (method, params) in [
            (
                "notifications/message",
                json!({ "level": "info", "data": number }),
            ),
            (
                "notifications/progress",
                json!({ "progressToken": token, "progress": number }),
            ),
            ("notifications/tools/list_changed", json!({})),
            (
                "notifications/resources/updated",
                json!({ "uri": "test://a" }),
            ),
            ("notifications/unknown", json!({})),
        ] {
            let note = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            exchange.send(&note.to_string()).await;
        }
        for tool in ["elicit", "sample", "roots", "custom"] {
            let mut request = server_request(tool);
            request["jsonrpc"] = json!("2.0");
            request["id"] = json!(number);
            exchange.send(&request.to_string()).await;
        }
    }
}

/// The number of answers to requests of the server.
fn answered(server: &ScriptedServer) -> usize {
    let messages = server.messages().into_iter();
    messages.filter(|it| it.get("method").is_none()).count()
}

#[tokio::test]
async fn a_session_with_handlers_that_do_nothing_never_has_a_service() {
    for over in Over::ALL {
        let release = Arc::new(tokio::sync::Semaphore::new(0));
        let server = noisy_server(&release);
        let pool = pool();
        let client = alice(&pool, over, &server).await;
        let mut counts = Vec::new();
        // The HTTP client has a task of its own after the first noise, for its idle connections.
        for (number, tool) in ["noisy", "quiet", "noisy"].into_iter().enumerate() {
            let call = call(&client, tool);
            let requests = 80 * (number / 2 + 1);
            let watch = async {
                eventually("it is called and every request is refused", || {
                    server.count("tools/call") == number + 1 && answered(&server) == requests
                })
                .await;
                let during = settled(&server).await;
                release.add_permits(1);
                during
            };
            let (count, during) = tokio::join!(call, watch);
            count.expect("a count");
            counts.push(during);
        }
        assert_eq!(counts, [counts[0]; 3], "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_is_closed_at_once_while_its_handler_is_busy() {
    for over in Over::IN_SESSIONS {
        let server = ScriptedServer::start(|exchange| async move {
            exchange.answer_plainly().await;
        });
        let (sender, mut begun) = mpsc::unbounded_channel();
        let other = sender.clone();
        let declared = json!({ "elicitation": {} });
        let handlers = Closures::default()
            .declaring(declared)
            .on_request(move |_request, context| {
                let _ = sender.send("a request");
                async move {
                    context.ct.cancelled().await;
                    Ok(ClientResult::empty(()))
                }
            })
            .on_notification(move |_notification, context| {
                let _ = other.send("a notification");
                async move {
                    let _peer = context.peer;
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            });
        let pool = pool_with(handlers);
        let client = alice(&pool, over, &server).await;
        drop(client.acquire().await.expect("a session"));
        eventually("the stream is open", || server.open_streams() == 1).await;
        let mut request = server_request("elicit");
        request["jsonrpc"] = json!("2.0");
        request["id"] = json!(1);
        server.broadcast(&request.to_string()).await;
        let log = json!({ "jsonrpc": "2.0", "method": "notifications/custom" });
        server.broadcast(&log.to_string()).await;
        for _ in 0..2 {
            begun.recv().await.expect("the handler is called");
        }
        // It is complete, and cuts nothing.
        close(&pool).await;
        drop((pool, client));
        // The HTTP client's task for idle connections outlives its client for a moment.
        eventually("every task has ended", || tasks_beside(&server) <= 1).await;
    }
}
