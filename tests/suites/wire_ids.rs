//! Ids and progress tokens are unique over all sessions, so that answers cannot be mixed up.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, Weak},
};

use futures::StreamExt;
use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PooledClient,
    rmcp::model::{CallToolRequestParams, CallToolResult},
};
use serde_json::{Value, json};

use crate::{
    common::close,
    over::{Over, pool},
};

/// Answers as a plain server would, except over the stateless era in which it forgets nothing.
async fn plain(exchange: Exchange) {
    exchange.answer_plainly().await;
}

/// The ids of all requests, and their progress tokens.
fn ids_and_tokens(server: &ScriptedServer) -> (Vec<Value>, Vec<Value>) {
    let requests = server.messages().into_iter();
    let requests = requests.filter(|it| it.get("id").is_some() && it.get("method").is_some());
    requests
        .map(|request| {
            let token = request["params"]["_meta"]["progressToken"].clone();
            (request["id"].clone(), token)
        })
        .unzip()
}

#[tokio::test]
async fn no_id_and_no_token_is_used_twice_over_all_sessions_and_pools() {
    let server = ScriptedServer::start(plain);
    for _generation in 0..3 {
        for over in Over::ALL {
            let pools = [pool(), pool()];
            for pool in &pools {
                for user in ["alice", "bob", "carol"] {
                    use_sessions(&pool_client(pool, over, &server, user).await).await;
                }
            }
            for pool in &pools {
                close(pool).await;
            }
        }
    }
    let (ids, tokens) = ids_and_tokens(&server);
    assert!(ids.len() > 100, "{}", ids.len());
    for values in [ids, tokens] {
        let count = values.len();
        let different: HashSet<String> = values.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), count);
        assert!(values.iter().all(Value::is_string), "{values:?}");
    }
}

async fn pool_client(
    pool: &mcp_session_pool::SessionPool,
    over: Over,
    server: &ScriptedServer,
    user: &str,
) -> PooledClient {
    let client = pool.client(over.request(server, user)).await;
    client.expect("a client")
}

/// Makes calls at the same time, and requests of every other origin: rmcp's and a health check's.
async fn use_sessions(client: &PooledClient) {
    let calls = (0..3).map(|_| client.call_tool(CallToolRequestParams::new("count")));
    for result in futures::future::join_all(calls).await {
        result.expect("an answer");
    }
    let lease = client.acquire().await.expect("a session");
    let peer = lease.peer().await.expect("a peer");
    peer.list_all_tools().await.expect("tools");
    peer.call_tool(CallToolRequestParams::new("count"))
        .await
        .expect("an answer");
}

/// A bridge that writes every answer to every client, on whatever stream is open.
#[derive(Clone, Default)]
struct Bridge {
    server: Arc<OnceLock<Weak<ScriptedServer>>>,
    calls: Arc<std::sync::Mutex<Vec<Exchange>>>,
}

impl Bridge {
    fn start() -> Arc<ScriptedServer> {
        let bridge = Self::default();
        let script = bridge.clone();
        let server = Arc::new(ScriptedServer::start(move |exchange| {
            script.clone().answer(exchange)
        }));
        let _ = bridge.server.set(Arc::downgrade(&server));
        server
    }

    async fn answer(self, exchange: Exchange) {
        let Some(result) = result_of(&exchange) else {
            return;
        };
        self.calls.lock().expect("calls").push(exchange.clone());
        // Other calls arrive meanwhile.
        tokio::task::yield_now().await;
        let answer = exchange.result(&result);
        if let Some(server) = self.server.get().and_then(Weak::upgrade) {
            server.broadcast(&answer).await;
        }
        let open = self.calls.lock().expect("calls").clone();
        for other in open {
            other.try_send(&answer);
        }
        exchange.send(&answer).await;
        let id = exchange.id();
        let mut open = self.calls.lock().expect("calls");
        open.retain(|call| call.id() != id);
    }
}

/// The plain result, or the echo of a call.
fn result_of(exchange: &Exchange) -> Option<String> {
    match exchange.method() {
        "tools/call" => {
            let text = exchange.argument("text");
            Some(json!({ "content": [{ "type": "text", "text": text }] }).to_string())
        }
        _ => exchange.plain_result(),
    }
}

fn text_of(result: &CallToolResult) -> &str {
    let text = result.content.first().and_then(|content| content.as_text());
    &text.expect("a text").text
}

#[tokio::test]
async fn no_caller_gets_the_answer_of_another_behind_a_bridge_that_broadcasts() {
    for over in Over::ALL {
        let server = Bridge::start();
        let pool = pool();
        let users = ["alice", "bob", "carol", "dave", "eve"];
        let users = users.map(|user| pool_client(&pool, over, &server, user));
        let clients = futures::future::join_all(users).await;
        let calls = (0..1_000).map(|number| {
            let client = &clients[number % clients.len()];
            async move {
                let text = format!("{number}");
                let arguments = json!({ "text": text }).as_object().cloned();
                let params = CallToolRequestParams::new("echo");
                let params = params.with_arguments(arguments.expect("an object"));
                let answer = client.call_tool(params).await.expect("an answer");
                assert_eq!(text_of(&answer), text, "{over:?}");
            }
        });
        let answered = futures::stream::iter(calls).buffer_unordered(10).count();
        assert_eq!(answered.await, 1_000);
        close(&pool).await;
    }
}
