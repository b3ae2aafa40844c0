//! The example of a gateway: users apart, tokens that rotate, and an end without loss.

use std::{fs, net::SocketAddr, sync::Arc};

use axum::{Json, Router, routing::get};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool,
    config::Lifecycle,
    extend::{Identity, IdentityExtractor, ServerMessages},
    file_config::{FileConfig, Format},
    jwt::{JwtIdentity, JwtKeys},
    reqwest,
};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

#[path = "../suites/common.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod common;
#[path = "../../crates/mcp-session-pool/examples/gateway/main.rs"]
#[allow(dead_code, reason = "the test has a main of its own")]
mod example;
#[path = "../../crates/mcp-session-pool/examples/issuer.rs"]
#[allow(dead_code, reason = "the test has a main of its own")]
mod issuer;
#[path = "../../crates/identity-jwt/tests/it/support.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "this test uses a part of it")]
mod tokens;

use common::{call, eventually, headers, pool};
use tokens::{AUDIENCE, ISSUER, Rsa, claims};

/// The issuer's key set, on loopback.
async fn key_set() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let set = json!({ "keys": [Rsa::first().jwk("first")] });
    let app = Router::new().route("/jwks.json", get(async move || Json(set)));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
    format!("http://{address}/jwks.json")
}

/// An address that no one listens at. Its port is none of those that the system gives to others.
async fn free_address() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("a small number");
    for port in first..first + 1_000 {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
    panic!("no free port");
}

/// A gateway before these upstreams, and what it reports at its end.
struct Running {
    address: SocketAddr,
    /// Where operators reach it.
    operators: SocketAddr,
    report: JoinHandle<String>,
}

impl Running {
    async fn start(one: &CounterServer, two: &CounterServer) -> Self {
        let operators = free_address().await;
        let text = format!(
            "gateway: {{ listen: '127.0.0.1:0', public_url: 'http://127.0.0.1/mcp', issuer: '{ISSUER}', \
             audience: '{AUDIENCE}', jwks_url: '{}', admin_listen: '{operators}', admin_hosts: [127.0.0.1] }}\n\
             upstreams:\n  one: {{ url: '{}', transport: streamable_http, lifecycle: legacy }}\n  two: {{ url: '{}', transport: streamable_http }}\n",
            key_set().await,
            one.url(),
            two.url(),
        );
        let path = std::env::temp_dir().join(format!("mcp-gateway-{}.yaml", std::process::id()));
        fs::write(&path, text).expect("a file");
        let (sender, address) = oneshot::channel();
        let file = path.display().to_string();
        let serve = async move {
            let ready = |address| sender.send(address).expect("a receiver");
            example::run(&file, ready).await.expect("a gateway")
        };
        let report = tokio::spawn(serve);
        let address = address.await.expect("an address");
        fs::remove_file(path).expect("the file");
        Self {
            address,
            operators,
            report,
        }
    }

    fn endpoint(&self) -> Endpoint {
        let url = format!("http://{}/mcp", self.address);
        let endpoint = Endpoint::streamable_http(&url).expect("a url");
        endpoint.with_lifecycle(Lifecycle::Stateless)
    }
}

/// A token of a user; no two are the same.
fn token(user: &str, number: u32) -> String {
    Rsa::first().token_of("first", &claims(user, json!({ "jti": number })))
}

async fn client(
    clients: &SessionPool,
    endpoint: Endpoint,
    user: &str,
    token: &str,
) -> PooledClient {
    let bearer = format!("Bearer {token}");
    let request = AcquireRequest::new(endpoint, Principal::user(user))
        .with_headers(headers(&[("authorization", &bearer)]))
        .with_identity(Identity::from_parts("test", [token]));
    clients.client(request).await.expect("a client")
}

async fn text(address: SocketAddr, path: &str) -> (u16, String, String) {
    let answer = reqwest::get(format!("http://{address}{path}"))
        .await
        .expect("an answer");
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.map(|value| value.to_str().expect("a text").to_owned());
    let status = answer.status().as_u16();
    (
        status,
        challenge.unwrap_or_default(),
        answer.text().await.expect("a body"),
    )
}

/// Checks the routes that need no token, and the challenge of the one that does.
async fn open_routes(address: SocketAddr) {
    let (status, challenge, _) = text(address, "/mcp").await;
    assert_eq!(status, 401);
    let metadata = "http://127.0.0.1/.well-known/oauth-protected-resource/mcp";
    assert_eq!(
        challenge,
        format!("Bearer resource_metadata=\"{metadata}\"")
    );
    let (_, _, metadata) = text(address, "/.well-known/oauth-protected-resource/mcp").await;
    assert!(metadata.contains(ISSUER), "{metadata}");
    for path in ["/metrics", "/pool", "/pool/stats.json"] {
        assert_eq!(text(address, path).await.0, 401, "it is not for users");
    }
}

/// Checks what operators see, and that it is nothing of a user.
async fn operators_view(operators: SocketAddr, token: &str) {
    let (_, _, metrics) = text(operators, "/metrics").await;
    assert!(metrics.contains("mcp_pool_"), "{metrics}");
    let (_, _, page) = text(operators, "/pool").await;
    assert!(page.contains("<main>"), "{page}");
    let (_, _, stats) = text(operators, "/pool/stats.json").await;
    assert!(stats.contains("\"recorded\":true"), "{stats}");
    for text in [metrics, stats] {
        assert!(!text.contains(token) && !text.contains("alice"));
    }
}

#[tokio::test]
async fn the_settings_of_the_first_try_accept_the_tokens_of_its_issuer() {
    let text = include_str!("../../crates/mcp-session-pool/examples/gateway/first-try.yaml");
    let config = FileConfig::parse(Format::Yaml, text, &["gateway"], []).expect("settings");
    let settings: serde_json::Value = config.section("gateway").expect("a section");
    let setting = |name: &str| settings[name].as_str().expect("a text").to_owned();
    let issuer = issuer::Issuer::generate().expect("a key");
    let keys = JwtKeys::jwks(issuer.keys().to_string()).expect("a set of keys");
    let jwt = JwtIdentity::builder(keys)
        .issuer(setting("issuer"))
        .audience(setting("audience"))
        .build()
        .expect("an extractor");
    let bearer = |token: String| headers(&[("authorization", &format!("Bearer {token}"))]);
    let token = issuer.token("alice").expect("a token");
    let identity = jwt.extract(&bearer(token)).await.expect("a valid token");
    assert!(identity.is_some());
    let other = issuer::Issuer::generate().expect("a key");
    let forged = other.token("alice").expect("a token");
    assert!(jwt.extract(&bearer(forged)).await.is_err());
}

#[tokio::test]
async fn users_are_apart_tokens_rotate_and_a_signal_loses_no_call() {
    let (one, two) = (CounterServer::start(), CounterServer::start());
    let gateway = Running::start(&one, &two).await;
    let clients = pool(PoolConfig::default());
    let (first, second, bobs) = (token("alice", 1), token("alice", 2), token("bob", 1));
    let alice = client(&clients, gateway.endpoint(), "alice", &first).await;
    let bob = client(&clients, gateway.endpoint(), "bob", &bobs).await;

    let tools = alice.list_all_tools().await.expect("a list");
    for name in ["one__increment", "two__increment"] {
        assert!(tools.iter().any(|tool| tool.name == name), "{name}");
    }
    assert_eq!(call(&alice, "one__increment").await.expect("a number"), 1);
    assert_eq!(call(&bob, "one__increment").await.expect("a number"), 1);
    let alice = client(&clients, gateway.endpoint(), "alice", &second).await;
    assert_eq!(call(&alice, "one__increment").await.expect("a number"), 2);
    assert_eq!(one.sessions_opened(), 2);
    let forwarded = one
        .seen()
        .into_iter()
        .filter_map(|seen| seen.headers.get("authorization").cloned());
    assert_eq!(forwarded.count(), 0);

    open_routes(gateway.address).await;
    operators_view(gateway.operators, &first).await;

    // A session whose stream stays open must not keep the gateway from stopping.
    let (handlers, _messages) = ServerMessages::channel(8);
    let legacy = gateway.endpoint().with_lifecycle(Lifecycle::Legacy);
    let bearer = format!("Bearer {bobs}");
    let request = AcquireRequest::new(legacy, Principal::user("bob"))
        .with_headers(headers(&[("authorization", &bearer)]))
        .with_handlers(Arc::new(handlers));
    let listening = clients.client(request).await.expect("a client");
    assert_eq!(
        call(&listening, "two__increment").await.expect("a number"),
        1
    );

    two.switches().gather(2);
    let calls = two.count("tools/call");
    let waiting = tokio::spawn(async move { call(&alice, "two__wait").await });
    eventually("the call is under way", || two.count("tools/call") > calls).await;
    kill_process(getpid(), Signal::TERM).expect("a signal");
    while tokio::net::TcpStream::connect(gateway.address)
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    let direct = common::client(&clients, &two, "carol").await;
    call(&direct, "wait").await.expect("a number");
    waiting
        .await
        .expect("no panic")
        .expect("the call's own answer");
    let report = gateway.report.await.expect("no panic");
    assert_eq!(report, "calls ended: true, sessions closed: true");
    assert!(one.open_sessions().is_empty());
}
