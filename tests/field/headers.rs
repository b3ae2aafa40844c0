//! What a caller's headers may do upstream, and the headers of the protocol.

use http::{HeaderMap, HeaderName};
use mcp_pool_testkit::{HttpRequest, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, StreamableHttpConnector,
    extend::{ConnectRequest, Connector},
};

use crate::{
    common::{call, close, headers},
    fronts::{arrived, behind, client, listening_pool, passing, request},
    over::{Over, builder},
};

/// The headers that no caller sets upstream.
const RESERVED: [&str; 30] = [
    "accept",
    "accept-encoding",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "if-none-match",
    "keep-alive",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-param-region",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "sec-websocket-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-mcp-session-id",
    "x-real-ip",
];

/// The headers with a value that only a caller gives.
fn from_caller(request: &HttpRequest) -> Vec<&str> {
    let from_caller = request
        .headers
        .iter()
        .filter(|(_, value)| *value == "planted");
    let mut names: Vec<_> = from_caller.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Reserved headers with the planted value.
fn planted() -> Vec<(&'static str, &'static str)> {
    RESERVED.iter().map(|name| (*name, "planted")).collect()
}

#[tokio::test]
async fn no_caller_sets_a_reserved_header_or_strips_another_by_connection() {
    for over in Over::ALL {
        let server = behind(|_| passing());
        let pool = listening_pool();
        let mut own = planted();
        own.push(("x-tenant-id", "planted"));
        own.push(("x-vendor", "planted"));
        own.push((
            "connection",
            "authorization, x-tenant-id, mcp-protocol-version",
        ));
        let request = request(over, &server, "alice", &own);
        let client = pool.client(request).await.expect("a client");
        call(&client, "count").await.expect("a count");
        if over == Over::LegacyHttp {
            arrived(&server, "GET").await;
        }
        close(&pool).await;
        for request in server.requests() {
            let names = from_caller(&request);
            assert_eq!(names, ["x-tenant-id", "x-vendor"], "{over:?} {request:?}");
            assert_eq!(
                request.header("authorization").as_deref(),
                Some("Bearer alice")
            );
            let connection = request.header("connection").unwrap_or_default();
            assert!(!connection.contains("authorization"), "{over:?}");
        }
    }
}

#[tokio::test]
async fn headers_of_one_call_set_no_reserved_header_and_no_credential() {
    let credentials = ["authorization", "cookie"];
    let names = RESERVED.iter().chain(&credentials).chain(&["x-request-id"]);
    let passthrough: Vec<HeaderName> = names.map(|name| name.parse().expect("a name")).collect();
    for over in Over::ALL {
        let server = behind(|_| passing());
        let mut config = PoolConfig::default();
        config.identity.passthrough_headers = passthrough.clone();
        let pool = builder(config).build().expect("a pool");
        let client = client(&pool, over, &server, "alice").await;
        let all: HeaderMap = headers(&planted());
        let mut all = all;
        all.extend(headers(&[
            ("authorization", "planted"),
            ("cookie", "planted"),
            ("x-request-id", "planted"),
        ]));
        let client = client.with_call_headers(&all).expect("per-call headers");
        call(&client, "count").await.expect("a count");
        close(&pool).await;
        let requests = server.requests();
        let calls = requests.iter().filter(|it| it.name() == "tools/call");
        let calls: Vec<_> = calls.map(from_caller).collect();
        assert_eq!(calls, [["x-request-id"]], "{over:?}");
    }
}

/// The revisions that the requests name, without those before the revision is known.
fn revisions(server: &ScriptedServer) -> Vec<(String, Option<String>)> {
    let requests = server.requests();
    let later = requests.iter().filter(|request| {
        let is_first = request.name() == "initialize";
        !is_first && request.path != "/sse"
    });
    later
        .map(|it| (it.name().to_owned(), it.header("mcp-protocol-version")))
        .collect()
}

#[tokio::test]
async fn every_request_names_the_revision_once_it_is_known() {
    for (over, revision) in [
        (Over::LegacyHttp, "2025-11-25"),
        (Over::Sse, "2024-11-05"),
        (Over::StatelessHttp, "2026-07-28"),
    ] {
        let server = behind(|_| passing());
        let pool = listening_pool();
        let client = client(&pool, over, &server, "alice").await;
        call(&client, "count").await.expect("a count");
        client.list_all_tools().await.expect("a list");
        if over == Over::LegacyHttp {
            arrived(&server, "GET").await;
        }
        close(&pool).await;
        let named = revisions(&server);
        assert!(named.len() >= 3, "{over:?} {named:?}");
        if over == Over::LegacyHttp {
            assert!(named.iter().any(|(name, _)| name == "DELETE"));
            assert!(named.iter().any(|(name, _)| name == "GET"));
        }
        for (name, named) in named {
            assert_eq!(named.as_deref(), Some(revision), "{over:?} {name}");
        }
    }
}

#[tokio::test]
async fn the_farewell_of_a_detection_names_the_revision_too() {
    let server = behind(|_| passing());
    let connector = StreamableHttpConnector::new().expect("an http client");
    let endpoint = Over::LegacyHttp.endpoint(&server);
    let request = ConnectRequest::detached(&endpoint, HeaderMap::new());
    connector.detect(&request).await.expect("an answer");
    let named = revisions(&server);
    let farewell = named.iter().find(|(name, _)| name == "DELETE");
    let (_, revision) = farewell.expect("a farewell");
    assert_eq!(revision.as_deref(), Some("2025-11-25"));
}
