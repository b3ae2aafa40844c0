//! Secrets.

use mcp_pool_testkit::conformance::Counterpart;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, Scope, TransportKind,
    rmcp::model::CallToolRequestParams,
};
use serde_json::json;
use tracing::{Instrument, info_span};

use crate::{Setup, builder, common::headers, otel::OTEL};

/// Every secret that the test uses.
const PLANTED: [&str; 7] = [
    "pl4nted-token",
    "pl4nted-cookie",
    "pl4nted-key",
    "pl4nted-query",
    "pl4nted-argument",
    "pl4nted-conversation",
    "pl4nted-principal",
];

pub(crate) async fn no_signal_shows_a_secret<S: Setup>() {
    let server = S::server();
    let name = format!("secrets over {}", server.endpoint());
    let config = PoolConfig::default().with_name(name.clone());
    let pool = builder::<S>(config).build().expect("a pool");
    let mut url = server.endpoint().url().clone();
    url.set_query(Some("key=pl4nted-query"));
    let transport: TransportKind = server.endpoint().transport().clone();
    let endpoint = Endpoint::new(url.as_str(), transport).expect("a url");
    let request = AcquireRequest::new(endpoint, Principal::user("pl4nted-principal"))
        .with_scope(Scope::conversation("pl4nted-conversation"))
        .with_headers(headers(&[
            ("authorization", "Bearer pl4nted-token"),
            ("cookie", "sid=pl4nted-cookie"),
            ("x-api-key", "pl4nted-key"),
        ]));
    let client = pool.client(request).await.expect("a client");
    let secret = json!({ "secret": "pl4nted-argument" });
    let secret = secret.as_object().cloned().unwrap_or_default();
    async {
        let params = CallToolRequestParams::new("increment").with_arguments(secret.clone());
        client.call_tool(params).await.expect("a count");
        // The error contains a text of the server.
        let params = CallToolRequestParams::new("fail").with_arguments(secret);
        client.call_tool(params).await.expect_err("an error");
        server.forget_sessions();
        let params = CallToolRequestParams::new("increment");
        let _ = client.call_tool(params).await;
    }
    .instrument(info_span!("downstream"))
    .await;
    pool.close(std::time::Duration::from_secs(10)).await;
    let everything = OTEL.everything();
    assert!(everything.contains(&name), "its metrics arrived");
    assert!(
        everything.contains("tools/call increment"),
        "its spans arrived"
    );
    let sessions = server
        .requests()
        .into_iter()
        .filter_map(|seen| seen.session);
    let planted = PLANTED.iter().map(|planted| (*planted).to_owned());
    for secret in planted.chain(sessions) {
        assert!(!everything.contains(&secret), "exported: {secret}");
    }
}
