//! The time that is left for a call, as its server learns it.

use std::time::Duration;

use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::rmcp::model::{CallToolRequestParams, RequestMetaObject};
use serde_json::Value;

use crate::{
    common::{call, close},
    fronts::{behind, client, passing},
    over::{Over, pool},
};

const KEY: &str = "example.com/remaining-ms";

/// The `_meta` of each request with this method.
fn metas(server: &ScriptedServer, method: &str) -> Vec<Value> {
    let messages = server.messages().into_iter();
    let of_method = messages.filter(|message| message["method"] == method);
    of_method
        .map(|message| message["params"]["_meta"].clone())
        .collect()
}

#[tokio::test]
async fn a_server_learns_how_much_time_is_left_for_a_call_where_the_client_wants_it() {
    for over in Over::ALL {
        let server = behind(|_| passing());
        let pool = pool();
        let plain = client(&pool, over, &server, "alice").await;
        call(&plain, "count").await.expect("a count");
        assert!(
            metas(&server, "tools/call")[0].get(KEY).is_none(),
            "{over:?}"
        );
        let timed = plain.with_timeout(Duration::from_secs(20));
        let timed = timed.with_remaining_time_meta(KEY).expect("a key");
        let mut own = RequestMetaObject::new();
        own.insert("example.com/own".to_owned(), Value::from(7));
        let mut params = CallToolRequestParams::new("count");
        params.meta = Some(own);
        timed.call_tool(params).await.expect("a count");
        let meta = metas(&server, "tools/call").pop().expect("a call");
        let left = meta[KEY].as_u64().expect("a number");
        assert!((1..=20_000).contains(&left), "{over:?}: {left} ms");
        assert_eq!(meta["example.com/own"], 7, "the caller's own is kept");
        for meta in metas(&server, "initialize") {
            assert!(meta.get(KEY).is_none(), "it is of no call");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_key_of_the_protocol_is_refused_for_the_remaining_time() {
    let server = behind(|_| passing());
    let pool = pool();
    let client = client(&pool, Over::ALL[0], &server, "alice").await;
    for key in ["progressToken", "io.modelcontextprotocol/left", ""] {
        let error = client.with_remaining_time_meta(key).expect_err(key);
        assert!(error.to_string().contains("remaining_time_meta"), "{error}");
    }
    close(&pool).await;
}
