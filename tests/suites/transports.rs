//! The transport of a real server is detected, and again when another server replaces it.

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    Endpoint, PoolConfig, PooledClient, SessionPool, SseConnector, StreamableHttpConnector,
    TransportKind,
    error::{AcquireError, FaultKind, Outcome, Retry},
};

use crate::common::{call, close, request};

/// A pool over both transports, in the order of the specification.
fn pool() -> SessionPool {
    SessionPool::builder()
        .config(PoolConfig::default())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .build()
        .expect("a valid configuration")
}

fn over_sse() -> Modes {
    Modes::default().over_sse()
}

fn auto(server: &CounterServer) -> Endpoint {
    Endpoint::auto(&server.url()).expect("a valid url")
}

/// Calls until there is an answer: a call on a connection that was just closed may be lost.
async fn notice(client: &PooledClient) {
    for _ in 0..100 {
        match call(client, "count").await {
            Ok(count) => return assert_eq!(count, 0, "it is a new session"),
            Err(error) => assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}"),
        }
    }
    panic!("a hundred calls were lost");
}

#[tokio::test]
async fn the_session_that_detects_a_streamable_http_server_serves_its_first_caller() {
    let server = CounterServer::start();
    let pool = pool();
    let alice = request(auto(&server), "alice");
    let key = pool.resolve_key(&alice).await.unwrap();
    assert_eq!(key.transport(), &TransportKind::STREAMABLE_HTTP);
    assert_eq!((server.sessions_opened(), server.sessions_closed()), (1, 0));
    let client = pool.client(alice).await.unwrap();
    for count in 1..=3 {
        assert_eq!(call(&client, "increment").await.unwrap(), count);
    }
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn a_401_during_detection_is_an_error_and_no_answer() {
    let server = CounterServer::start();
    server.switches().accept_tokens(["alice-token"]);
    let pool = pool();
    let endpoint = auto(&server);
    let refused = pool
        .resolve_key(&request(endpoint.clone(), "mallory"))
        .await;
    let AcquireError::Connect(error) = refused.unwrap_err() else {
        panic!("not a failed connect");
    };
    let FaultKind::Unauthorized(challenge) = error.kind() else {
        panic!("not a refused credential: {error}");
    };
    assert_eq!(challenge.parameter("error"), Some("invalid_token"));
    let client = pool.client(request(endpoint, "alice")).await.unwrap();
    assert_eq!(call(&client, "increment").await.unwrap(), 1);
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn an_sse_server_is_detected_by_its_first_event() {
    let server = CounterServer::start_as(over_sse());
    let pool = pool();
    let alice = request(auto(&server), "alice");
    let key = pool.resolve_key(&alice).await.unwrap();
    assert_eq!(key.transport(), &TransportKind::SSE);
    let client = pool.client(alice).await.unwrap();
    for count in 1..=3 {
        assert_eq!(call(&client, "increment").await.unwrap(), count);
    }
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn of_a_server_of_both_transports_the_first_registered_is_used() {
    let server = CounterServer::start_as(Modes::default().over_both());
    let pool = pool();
    let key = pool
        .resolve_key(&request(auto(&server), "alice"))
        .await
        .unwrap();
    assert_eq!(key.transport(), &TransportKind::STREAMABLE_HTTP);
    close(&pool).await;
    let pool = SessionPool::builder()
        .connector(SseConnector::new().expect("an http client"))
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .build()
        .expect("a valid configuration");
    let key = pool
        .resolve_key(&request(auto(&server), "alice"))
        .await
        .unwrap();
    assert_eq!(key.transport(), &TransportKind::SSE);
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn a_server_without_initialize_is_detected_as_streamable_http() {
    let server = CounterServer::start_as(Modes::default().stateless_only());
    let pool = pool();
    let client = pool.client(request(auto(&server), "alice")).await.unwrap();
    assert_eq!(call(&client, "increment").await.unwrap(), 1);
    assert_eq!(client.key().transport(), &TransportKind::STREAMABLE_HTTP);
    close(&pool).await;
}

#[tokio::test]
async fn calls_continue_when_the_server_changes_its_transport() {
    let mut server = CounterServer::start();
    let pool = pool();
    // Both are kept over every change.
    let alice = request(auto(&server), "alice");
    let bob = pool.client(request(auto(&server), "bob")).await.unwrap();
    let all_modes = [
        (Modes::default(), TransportKind::STREAMABLE_HTTP),
        (over_sse(), TransportKind::SSE),
        (
            Modes::default().stateless_only(),
            TransportKind::STREAMABLE_HTTP,
        ),
        (over_sse(), TransportKind::SSE),
        (Modes::default(), TransportKind::STREAMABLE_HTTP),
    ];
    for (modes, transport) in all_modes {
        server.restart_as(modes);
        notice(&bob).await;
        for count in 1..=3 {
            assert_eq!(call(&bob, "increment").await.unwrap(), count, "{transport}");
        }
        assert_eq!(bob.key().transport(), &transport);
        let client = pool.client(alice.clone()).await.unwrap();
        assert_eq!(call(&client, "increment").await.unwrap(), 1, "{transport}");
        assert_eq!(
            pool.resolve_key(&alice).await.unwrap().transport(),
            &transport
        );
    }
    close(&pool).await;
    server.expect_no_session().await;
}

/// The error of an acquire for an endpoint as a configuration file has it.
async fn refused_scheme(pool: &SessionPool, endpoint: &str) -> AcquireError {
    let endpoint: Endpoint = serde_json::from_str(endpoint).expect("an endpoint");
    let me = request(endpoint, "alice");
    let error = pool.acquire(&me).await.expect_err("the scheme");
    let of_client = pool.client(me).await.expect_err("the scheme");
    assert_eq!(of_client.to_string(), error.to_string());
    assert_eq!(error.label(), "unsupported_scheme");
    assert!(matches!(error.retry(), Retry::Never));
    error
}

#[tokio::test]
async fn a_scheme_that_the_transport_does_not_claim_is_named_with_the_transport() {
    let pool = pool();
    let text = r#"{"url": "gopher://example.com/mcp?key=sekret", "transport": "sse"}"#;
    let error = refused_scheme(&pool, text).await;
    let AcquireError::UnsupportedScheme { scheme, transport } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(scheme.as_ref(), "gopher");
    assert_eq!(transport.as_deref(), Some(&TransportKind::SSE));
    let text = "endpoint url: transport `sse` does not support scheme `gopher`";
    assert_eq!(error.to_string(), text);
    assert!(!format!("{error:?}").contains("sekret"));
    close(&pool).await;
}

#[tokio::test]
async fn a_scheme_that_no_transport_claims_is_named_where_the_transport_is_detected() {
    let pool = pool();
    for text in [
        r#""gopher://example.com/mcp?key=sekret""#,
        r#"{"url": "GOPHER://example.com/mcp", "transport": "auto"}"#,
    ] {
        let error = refused_scheme(&pool, text).await;
        let AcquireError::UnsupportedScheme { scheme, transport } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((scheme.as_ref(), transport), ("gopher", &None));
        let text = "endpoint url: no transport supports scheme `gopher`";
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(pool.stats().pool_key_count, 0);
    close(&pool).await;
}

#[tokio::test]
async fn a_transport_without_a_connector_is_an_error_of_its_own_whatever_the_scheme() {
    let pool = pool();
    let text = r#"{"url": "gopher://example.com/mcp", "transport": "carrier"}"#;
    let endpoint: Endpoint = serde_json::from_str(text).expect("an endpoint");
    let error = pool.acquire(&request(endpoint, "alice")).await;
    let error = error.expect_err("no connector");
    assert!(matches!(error, AcquireError::NoConnector(_)), "{error:?}");
    close(&pool).await;
}
