//! The headers of each request.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    AcquireRequest, Principal, SessionPool,
    error::CredentialError,
    extend::{Connector, CredentialRequest, CredentialSource},
};
use rmcp::model::CallToolRequestParams;

use super::helpers::header_map;
use crate::server::Counterpart;

/// Each call on a shared session sends the credentials of its own caller.
pub async fn each_request_sends_its_own_credentials(
    connector: &(impl Connector + Clone + 'static),
    server: &mut dyn Counterpart,
) {
    let pool = pool(connector, Rotating::default());
    for token in 1..=3 {
        let headers = header_map(&[("x-user-id", "alice")]);
        let client = client(&pool, server, headers).await;
        client.call_tool(increment()).await.expect("an answer");
        let seen = server.requests();
        let last = seen.iter().rfind(|seen| seen.method == "tools/call");
        let sent = &last.expect("the call").headers["authorization"];
        // The handshake takes tokens too, so the number is above that of the call.
        let number: usize = sent.to_str().expect("text")["Bearer ".len()..]
            .parse()
            .expect("a number");
        assert!(number > token, "{number} > {token}");
    }
    let tokens: std::collections::BTreeSet<_> = server
        .requests()
        .iter()
        .map(|seen| {
            seen.headers["authorization"]
                .to_str()
                .unwrap_or("")
                .to_owned()
        })
        .collect();
    assert_eq!(
        tokens.len(),
        server.requests().len(),
        "each request its own"
    );
    assert_eq!(server.open_sessions(), 1);
    pool.close(std::time::Duration::from_secs(10)).await;
}

/// After a 401 the connector renews the credentials and repeats the call once.
pub async fn a_refused_credential_is_renewed_once(
    connector: &(impl Connector + Clone + 'static),
    server: &mut dyn Counterpart,
) {
    let source = Renewing::default();
    let renewals = Arc::clone(&source.renewals);
    let pool = pool(connector, source);
    let client = client(&pool, server, HeaderMap::new()).await;
    client.call_tool(increment()).await.expect("an answer");
    server.switches().accept_tokens(["renewed"]);
    client.call_tool(increment()).await.expect("an answer");
    assert_eq!(renewals.load(Ordering::SeqCst), 1);
    server.switches().accept_tokens(["another"]);
    let before = count(server, "tools/call");
    let error = client.call_tool(increment()).await.expect_err("a refusal");
    let failure = error.failure().expect("a failure of the transport");
    assert_eq!(failure.kind().label(), "unauthorized");
    assert_eq!(error.outcome(), mcp_pool_core::error::Outcome::NotExecuted);
    assert!(
        count(server, "tools/call") - before <= 2,
        "at most one repetition"
    );
    server.switches().accept_tokens(["stale", "renewed"]);
    pool.close(std::time::Duration::from_secs(10)).await;
}

/// Hop-by-hop headers, framing headers and the gateway's session ids are not forwarded.
pub async fn headers_of_one_hop_or_of_the_gateway_are_not_forwarded(
    connector: &(impl Connector + Clone + 'static),
    server: &mut dyn Counterpart,
) {
    let pool = SessionPool::builder()
        .connector(connector.clone())
        .build()
        .expect("a pool");
    let headers = header_map(&[
        ("authorization", "Bearer t"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic x"),
        ("content-length", "99999"),
        ("host", "gateway.test"),
        ("mcp-session-id", "the-gateways-own"),
        ("x-mcp-session-id", "the-gateways-own"),
        (
            "traceparent",
            "00-11111111111111111111111111111111-2222222222222222-01",
        ),
    ]);
    let client = client(&pool, server, headers).await;
    client.call_tool(increment()).await.expect("an answer");
    let plain = client
        .with_call_headers(&HeaderMap::new())
        .expect("no header is refused");
    plain.call_tool(increment()).await.expect("an answer");
    let seen = server.requests();
    for seen in &seen {
        // A caller's `connection` strips no header that a key may be made of.
        assert_eq!(seen.headers["x-hop"], "1", "{}", seen.method);
        for name in ["te", "proxy-authorization", "x-mcp-session-id"] {
            assert!(
                !seen.headers.contains_key(name),
                "{name} in {}",
                seen.method
            );
        }
        assert_ne!(seen.session.as_deref(), Some("the-gateways-own"));
        assert_ne!(seen.headers["host"], "gateway.test");
    }
    let traced: Vec<_> = seen
        .iter()
        .filter(|seen| seen.headers.contains_key("traceparent"))
        .map(|seen| seen.method.as_str())
        .collect();
    assert_eq!(traced, ["tools/call"], "it belongs to one call");
    pool.close(std::time::Duration::from_secs(10)).await;
}

/// A source that returns another token each time.
#[derive(Default)]
struct Rotating(AtomicUsize);

#[async_trait]
impl CredentialSource for Rotating {
    async fn headers(
        &self,
        _request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Arc::new(header_map(&[(
            "authorization",
            &format!("Bearer {number}"),
        )])))
    }
}

/// A source that returns a stale token until a token was refused.
#[derive(Default)]
struct Renewing {
    renewals: Arc<AtomicUsize>,
}

#[async_trait]
impl CredentialSource for Renewing {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let token = match request.rejected {
            Some(_) => {
                self.renewals.fetch_add(1, Ordering::SeqCst);
                "Bearer renewed"
            }
            None => "Bearer stale",
        };
        Ok(Arc::new(header_map(&[("authorization", token)])))
    }
}

fn pool(
    connector: &(impl Connector + Clone + 'static),
    source: impl CredentialSource + 'static,
) -> SessionPool {
    SessionPool::builder()
        .connector(connector.clone())
        .credentials(source)
        .build()
        .expect("a pool")
}

async fn client(
    pool: &SessionPool,
    server: &dyn Counterpart,
    headers: HeaderMap,
) -> mcp_pool_core::PooledClient {
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    pool.client(request.with_headers(headers))
        .await
        .expect("a client")
}

fn increment() -> CallToolRequestParams {
    CallToolRequestParams::new("increment")
}

fn count(server: &dyn Counterpart, method: &str) -> usize {
    let seen = server.requests();
    seen.iter().filter(|seen| seen.method == method).count()
}
