//! Each request that the router refuses.

use http::{Method, StatusCode, header};
use mcp_pool_core::PoolConfig;
use mcp_pool_testkit::fake;
use serde_json::json;

use crate::setup::{OF_PAGE, Setup, request};

const PATHS: [&str; 8] = [
    "/pool",
    "/pool/stats.json",
    "/pool/history.json",
    "/pool/keys.json",
    "/pool/keys/0123456789abcdef",
    "/pool/events",
    "/metrics",
    "/health",
];

const ACTIONS: [&str; 3] = ["/pool/evict", "/pool/reset-circuit", "/pool/drain"];

#[tokio::test(start_paused = true)]
async fn a_request_to_another_host_is_refused_whatever_it_asks_for() {
    let setup = Setup::new(PoolConfig::default());
    drop(
        setup
            .pool
            .acquire(&request("alice"))
            .await
            .expect("a session"),
    );
    for path in PATHS.iter().chain(&ACTIONS) {
        for host in [None, Some("rebound.example"), Some("rebound.example:9090")] {
            for method in [Method::GET, Method::POST, Method::HEAD] {
                let mut headers: Vec<_> = OF_PAGE[1..].to_vec();
                headers.extend(host.map(|host| ("host", host)));
                let answer = setup.send(method.clone(), path, &headers, "{}").await;
                let refused = StatusCode::MISDIRECTED_REQUEST;
                assert_eq!(answer.status, refused, "{method} {path} {host:?}");
                assert!(!answer.text.contains("rebound"), "it repeats nothing");
            }
        }
    }
    assert_eq!(setup.pool.status().sessions, 1, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn configured_hosts_are_served_and_loopback_is_not_then() {
    let setup = Setup::with(PoolConfig::default(), |it| it.hosts(["pool.example:8443"]));
    for (host, status) in [
        ("pool.example:8443", StatusCode::OK),
        ("POOL.example:8443", StatusCode::OK),
        ("pool.example", StatusCode::MISDIRECTED_REQUEST),
        ("localhost:9090", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let answer = setup
            .send(Method::GET, "/pool", &[("host", host)], "")
            .await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_without_its_header_or_from_another_origin_is_refused() {
    let setup = Setup::new(PoolConfig::default());
    drop(
        setup
            .pool
            .acquire(&request("alice"))
            .await
            .expect("a session"),
    );
    let changed = |name: &'static str, value: &'static str| {
        let mut headers = OF_PAGE.to_vec();
        headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            headers.push((name, value));
        }
        headers
    };
    for path in ACTIONS {
        for headers in [
            changed("x-mcp-pool-action", ""),
            changed("origin", "http://evil.example"),
            changed("origin", "http://localhost:9091"),
            changed("origin", "null"),
            changed("sec-fetch-site", "cross-site"),
            changed("sec-fetch-site", "same-site"),
            changed("sec-fetch-site", "none"),
        ] {
            let answer = setup.send(Method::POST, path, &headers, "{}").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        let answer = setup.send(Method::GET, path, &OF_PAGE, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        // A form of another site cannot send JSON.
        let form = changed("content-type", "text/plain");
        let answer = setup.send(Method::POST, path, &form, "{}").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
        let preflight = setup.send(Method::OPTIONS, path, &OF_PAGE[..2], "").await;
        assert!(!preflight.status.is_success(), "{path}");
        assert!(
            !preflight
                .headers
                .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        );
    }
    assert_eq!(setup.pool.status().sessions, 1, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn every_response_forbids_storing_framing_and_scripts_of_others() {
    let setup = Setup::new(PoolConfig::default());
    let refused = setup.send(Method::GET, "/pool", &[], "").await;
    let unknown = setup.get("/none").await;
    let mut answers = vec![refused, unknown];
    for path in PATHS.iter().filter(|path| !path.ends_with("events")) {
        answers.push(setup.get(path).await);
    }
    for answer in answers {
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY");
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "script-src 'sha256-",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_action_changes_nothing() {
    let setup = Setup::new(PoolConfig::default());
    drop(
        setup
            .pool
            .acquire(&request("alice"))
            .await
            .expect("a session"),
    );
    for (path, body) in [
        ("/pool/evict", json!({})),
        ("/pool/evict", json!({ "key": "all" })),
        ("/pool/evict", json!({ "key": "0123456789abcdef" })),
        ("/pool/evict", json!({ "key": 7, "force": true })),
        (
            "/pool/reset-circuit",
            json!({ "endpoint": fake::endpoint("a").to_string() }),
        ),
        ("/pool/drain", json!({ "really": true })),
        ("/pool/drain", json!("x".repeat(5_000))),
    ] {
        let answer = setup.act(path, &body).await;
        assert!(
            answer.status.is_client_error(),
            "{path} {body}: {}",
            answer.status
        );
    }
    assert_eq!(setup.pool.status().sessions, 1, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn event_streams_are_bounded_and_their_places_come_back() {
    let setup = Setup::new(PoolConfig::default());
    let mut open = Vec::new();
    let status = loop {
        let stream = setup.open_stream().await;
        if stream.status() != StatusCode::OK {
            break stream.status();
        }
        open.push(stream);
    };
    assert_eq!((status, open.len()), (StatusCode::SERVICE_UNAVAILABLE, 32));
    open.pop();
    assert_eq!(setup.open_stream().await.status(), StatusCode::OK);
}
