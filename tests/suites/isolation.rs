//! Two requests that differ in anything that is part of the key never touch the same session.
//! The ids of the server decide which sessions are the same, not the pool.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderValue};
use mcp_pool_testkit::{fake, server::CounterServer};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, Scope, Selector, SessionPool,
    StreamableHttpConnector, TransportKind,
    config::{DEFAULT_IDENTITY_HEADERS, OnExtractError},
    error::AcquireError,
};

use crate::{
    common::{call, close, eventually, headers, pool, pool_over},
    forgeries::{forgeries, verified},
    handlers::declaring,
    seed_scenarios::Renamed,
    tokens,
};

/// One session a key, so that callers that share a key share a session.
pub(crate) fn config() -> PoolConfig {
    PoolConfig::default().with_max_sessions_per_key(1)
}

fn alice(endpoint: Endpoint) -> AcquireRequest {
    AcquireRequest::new(endpoint, Principal::user("alice"))
}

/// A request of Alice with these headers.
pub(crate) fn with(server: &CounterServer, pairs: &[(&str, &str)]) -> AcquireRequest {
    alice(server.endpoint()).with_headers(headers(pairs))
}

/// Calls twice with each request, and checks that each has a session of its own.
async fn apart(server: &CounterServer, pool: &SessionPool, requests: &[AcquireRequest]) {
    let mut owner = BTreeMap::new();
    for round in 1..=2 {
        for (number, request) in requests.iter().enumerate() {
            let so_far = server.seen().len();
            let client = pool.client(request.clone()).await.expect("a client");
            let count = call(&client, "increment").await.expect("a count");
            assert_eq!(count, round, "number {number} meets another: {request:?}");
            let mut seen = server.seen().split_off(so_far).into_iter();
            let seen = seen.find(|seen| seen.method == "tools/call");
            let session = seen.and_then(|seen| seen.session).expect("a session");
            assert_eq!(*owner.entry(session).or_insert(number), number);
        }
    }
    assert_eq!(owner.len(), requests.len());
    close(pool).await;
}

#[tokio::test]
async fn users_never_meet() {
    let server = CounterServer::start();
    let of = |principal| AcquireRequest::new(server.endpoint(), principal);
    let user = |id: &'static str| of(Principal::user(id));
    let users = [
        user("alice"),
        user("Alice"),
        user("bob"),
        user(""),
        of(Principal::anonymous()),
    ];
    apart(&server, &pool(config()), &users).await;
}

#[tokio::test]
async fn tenants_never_meet() {
    let server = CounterServer::start();
    let of = |principal| AcquireRequest::new(server.endpoint(), principal);
    let tenants = [
        of(Principal::user("alice")),
        of(Principal::user("alice").in_tenant("acme")),
        of(Principal::user("alice").in_tenant("globex")),
        of(Principal::user("alice").in_tenant("")),
        of(Principal::user("aliceacme")),
        of(Principal::anonymous().in_tenant("alice")),
        with(&server, &[("x-tenant-id", "acme")]),
        with(&server, &[("x-tenant-id", "globex")]),
    ];
    apart(&server, &pool(config()), &tenants).await;
}

#[tokio::test]
async fn credentials_of_every_kind_never_meet() {
    let server = CounterServer::start();
    let mut requests = vec![with(&server, &[])];
    for name in &DEFAULT_IDENTITY_HEADERS {
        for value in ["one", "two"] {
            requests.push(with(&server, &[(name.as_str(), value)]));
        }
    }
    apart(&server, &pool(config()), &requests).await;
}

#[tokio::test]
async fn principals_that_share_one_upstream_credential_never_meet() {
    let server = CounterServer::start();
    let shared = headers(&[("authorization", "Bearer the-gateways-own")]);
    let of = |user: &'static str| {
        AcquireRequest::new(server.endpoint(), Principal::user(user)).with_headers(shared.clone())
    };
    apart(&server, &pool(config()), &[of("alice"), of("bob")]).await;
}

#[tokio::test]
async fn conversations_never_meet() {
    let server = CounterServer::start();
    let in_scope = |scope| alice(server.endpoint()).with_scope(scope);
    let shareable = server.endpoint().declared_stateless_and_public();
    let conversations = [
        in_scope(Scope::Identity),
        in_scope(Scope::conversation("one")),
        in_scope(Scope::conversation("two")),
        in_scope(Scope::conversation("")),
        alice(shareable).with_scope(Scope::Shared),
    ];
    apart(&server, &pool(config()), &conversations).await;
}

#[tokio::test]
async fn gateways_on_one_url_never_meet() {
    let server = CounterServer::start();
    let of = |gateway: &str| alice(server.endpoint().with_gateway(gateway));
    let gateways = [alice(server.endpoint()), of("g1"), of("g2"), of("")];
    apart(&server, &pool(config()), &gateways).await;
}

#[tokio::test]
async fn urls_never_meet() {
    let server = CounterServer::start();
    let url = server.url();
    let at = |url: &str| alice(Endpoint::streamable_http(url).expect("a url"));
    let urls = [
        at(&url),
        at(&format!("{url}?tenant=a")),
        at(&format!("{url}?tenant=b")),
        at(&format!("{url}/")),
        at(&url.replace("127.0.0.1", "localhost")),
    ];
    apart(&server, &pool(config()), &urls).await;
}

#[tokio::test]
async fn transports_never_meet() {
    let server = CounterServer::start();
    let connector = Arc::new(StreamableHttpConnector::new().expect("an http client"));
    let (http, other) = (TransportKind::STREAMABLE_HTTP, TransportKind::new("other"));
    let pool = SessionPool::builder()
        .config(config())
        .connector(Renamed(Arc::clone(&connector), http.clone()))
        .connector(Renamed(connector, other.clone()))
        .build()
        .expect("a pool");
    let over = |kind| alice(Endpoint::new(&server.url(), kind).expect("a url"));
    apart(&server, &pool, &[over(http), over(other)]).await;
}

#[tokio::test]
async fn declared_capabilities_and_handlers_never_meet() {
    let server = CounterServer::start();
    let with = |profile, roots| alice(server.endpoint()).with_handlers(declaring(profile, roots));
    let handlers = [
        alice(server.endpoint()),
        with("silent", true),
        with("other", false),
        with("other", true),
    ];
    apart(&server, &pool(config()), &handlers).await;
}

#[tokio::test]
async fn no_trick_with_headers_reaches_the_session_of_another() {
    let server = CounterServer::start();
    let long = |last: &str| format!("{}{last}", "x".repeat(65_535));
    let raw = |bytes: &[u8]| {
        let mut map = HeaderMap::new();
        let value = HeaderValue::from_bytes(bytes).expect("a value");
        map.insert("x-user-id", value);
        alice(server.endpoint()).with_headers(map)
    };
    let tricks = [
        with(&server, &[("x-user-id", "")]),
        with(&server, &[("x-user-id", "a")]),
        with(&server, &[("x-user-id", "A")]),
        // Two values in both orders, joined by commas, and with an empty value.
        with(&server, &[("x-user-id", "a"), ("x-user-id", "b")]),
        with(&server, &[("x-user-id", "b"), ("x-user-id", "a")]),
        with(&server, &[("x-user-id", "a, b")]),
        with(&server, &[("x-user-id", "a,b")]),
        with(&server, &[("x-user-id", "a"), ("x-user-id", "")]),
        // A folded header, unfolded in each of the ways.
        with(&server, &[("x-user-id", "a b")]),
        with(&server, &[("x-user-id", "a  b")]),
        with(&server, &[("x-user-id", "a\t b")]),
        // A value that contains another header, and one that ends in the name of the next.
        with(&server, &[("x-tenant-id", "t"), ("x-user-id", "a")]),
        with(&server, &[("x-tenant-id", "t; x-user-id: a")]),
        with(
            &server,
            &[("x-tenant-id", "tx-user-id"), ("x-user-id", "a")],
        ),
        with(&server, &[("x-tenant-id", "tx-user-ida")]),
        with(&server, &[("x-tenant-id", "a"), ("x-user-id", "t")]),
        with(
            &server,
            &[
                ("x-tenant-id", "t"),
                ("x-tenant-id", "x-user-id"),
                ("x-tenant-id", "a"),
            ],
        ),
        // Bytes that are no text, and very long values.
        raw(b"\xff"),
        raw(b"\xff\xfe"),
        raw("ä".as_bytes()),
        with(&server, &[("x-user-id", &long("1"))]),
        with(&server, &[("x-user-id", &long("2"))]),
    ];
    apart(&server, &pool(config()), &tricks).await;
    let unfolded = ["a\r\n b", "a\n\tb", "a\rb"];
    assert!(
        unfolded
            .iter()
            .all(|value| HeaderValue::from_str(value).is_err())
    );
}

#[tokio::test]
async fn case_and_order_and_other_headers_do_not_change_the_key() {
    let server = CounterServer::start();
    let pool = pool(config());
    let same: [&[(&str, &str)]; 3] = [
        &[("X-User-Id", "alice"), ("X-Tenant-Id", "acme")],
        &[("x-tenant-id", "acme"), ("x-user-id", "alice")],
        &[
            ("X-TENANT-ID", "acme"),
            ("accept", "x"),
            ("X-USER-ID", "alice"),
        ],
    ];
    for (count, pairs) in (1..).zip(same) {
        let client = pool.client(with(&server, pairs)).await.expect("a client");
        assert_eq!(call(&client, "increment").await.expect("a count"), count);
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_forged_token_reaches_a_session_of_its_own_or_none() {
    let (good, forged) = forgeries();
    let server = CounterServer::start();
    // The requests differ by nothing but the tokens.
    let with = |token: &str| {
        AcquireRequest::new(server.endpoint(), Principal::anonymous())
            .with_headers(tokens::bearer(token))
    };
    let mut requests = vec![with(&good)];
    requests.extend(forged.iter().map(|(_, token)| with(token)));
    apart(
        &server,
        &verified(config(), OnExtractError::HashHeaders),
        &requests,
    )
    .await;

    let pool = verified(config(), OnExtractError::Refuse);
    let alice = pool.client(with(&good)).await.expect("a client");
    call(&alice, "increment").await.expect("a count");
    let opened = server.sessions_opened();
    for (what, token) in &forged {
        let error = pool.acquire(&with(token)).await.expect_err("a forgery");
        assert!(
            matches!(error, AcquireError::Identity(_)),
            "{what}: {error:?}"
        );
    }
    assert_eq!(server.sessions_opened(), opened);
    close(&pool).await;
}

#[tokio::test]
async fn after_a_revocation_no_session_of_the_old_identity_is_handed_out() {
    let server = CounterServer::start();
    let pool = pool(config());
    let kept = with(&server, &[("authorization", "Bearer t")]);
    let client = pool.client(kept.clone()).await.expect("a client");
    call(&client, "increment").await.expect("a count");
    let old = server.open_sessions();
    pool.revoke(&Selector::identity(client.key().identity()));
    let anew = with(&server, &[("authorization", "Bearer t")]);
    let later = pool.client(anew).await.expect("a client");
    for (count, client) in [&client, &later].into_iter().enumerate() {
        let seen = call(client, "count").await.expect("a count");
        assert_eq!(seen, 0, "{count}: a session of its own");
    }
    drop(pool.acquire(&kept).await.expect("a session"));
    eventually("the old one is closed", || {
        !server.open_sessions().contains(&old[0])
    })
    .await;
    assert_eq!(server.count_by_session("tools/call")[&old[0]], 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_shared_session_must_be_declared_explicitly() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let shared = |endpoint, user: &'static str| {
        AcquireRequest::new(endpoint, Principal::user(user)).with_scope(Scope::Shared)
    };
    let error = pool.acquire(&shared(fake::endpoint("a"), "alice")).await;
    assert!(matches!(error, Err(AcquireError::NotShareable)));
    let declared = fake::endpoint("a").declared_stateless_and_public();
    for user in ["alice", "bob"] {
        let lease = pool.acquire(&shared(declared.clone(), user)).await;
        drop(lease.expect("a session"));
    }
    assert_eq!(remote.connects(), 1);
    close(&pool).await;
}
