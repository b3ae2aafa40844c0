//! Two requests that differ in anything that is part of the key never touch the same session.
//! Sessions are told apart by the server's own ids, not by the pool's word.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};

use mcp_pool_testkit::{fake, server::CounterServer};
use mcp_session_pool::{
    AcquireError, AcquireRequest, ClientHandlerBox, Endpoint, HandlerFactory, PoolConfig, PoolKey,
    Principal, Scope, SilentHandlers,
    rmcp::model::{ClientCapabilities, ClientConfig, Implementation, RootsCapabilities},
};

use crate::common::{call, close, headers, pool, pool_over, request};

/// Handlers under another name, or with other capabilities.
struct Declaring {
    profile: &'static str,
    capabilities: ClientCapabilities,
}

impl HandlerFactory for Declaring {
    fn profile(&self) -> &str {
        self.profile
    }

    fn declared(&self) -> ClientCapabilities {
        self.capabilities.clone()
    }

    fn wants_server_messages(&self) -> bool {
        false
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        let client = Implementation::new("test", "1");
        ClientHandlerBox::new(ClientConfig::new(self.capabilities.clone(), client))
    }
}

fn declaring(profile: &'static str, roots: bool) -> Arc<dyn HandlerFactory> {
    let mut capabilities = ClientCapabilities::default();
    capabilities.roots = roots.then(RootsCapabilities::default);
    Arc::new(Declaring {
        profile,
        capabilities,
    })
}

/// Requests to one server of which no two may share a session.
fn strangers(server: &CounterServer) -> Vec<AcquireRequest> {
    let endpoint = server.endpoint();
    let url = server.url();
    let at = |url: &str| Endpoint::streamable_http(url).expect("a url");
    let user = |id: &str| AcquireRequest::new(endpoint.clone(), Principal::user(id.to_owned()));
    let to = |endpoint| AcquireRequest::new(endpoint, Principal::user("alice"));
    let with = |pairs: &[(&str, &str)]| user("alice").with_headers(headers(pairs));
    vec![
        user("alice"),
        user("bob"),
        user(""),
        AcquireRequest::new(endpoint.clone(), Principal::anonymous()),
        AcquireRequest::new(endpoint.clone(), Principal::user("alice").in_tenant("acme")),
        AcquireRequest::new(endpoint.clone(), Principal::user("alice").in_tenant("")),
        AcquireRequest::new(endpoint.clone(), Principal::anonymous().in_tenant("alice")),
        with(&[("authorization", "Bearer a")]),
        with(&[("authorization", "Bearer b")]),
        with(&[("authorization", "bearer a")]),
        with(&[("x-api-key", "Bearer a")]),
        with(&[("cookie", "a=1")]),
        with(&[("cookie", "a=1"), ("cookie", "b=2")]),
        with(&[("cookie", "a=1; b=2")]),
        with(&[("x-tenant-id", "acme")]),
        with(&[("x-tenant-id", "acme"), ("x-user-id", "alice")]),
        with(&[("x-tenant-id", "acmex-user-id"), ("x-user-id", "alice")]),
        with(&[("x-user-id", "")]),
        user("alice").with_scope(Scope::conversation("one")),
        user("alice").with_scope(Scope::conversation("two")),
        user("alice").with_scope(Scope::conversation("")),
        to(endpoint.clone().with_gateway("g1")),
        to(endpoint.clone().with_gateway("g2")),
        to(endpoint.clone().with_gateway("")),
        to(at(&format!("{url}?tenant=a"))),
        to(at(&format!("{url}?tenant=b"))),
        to(at(&format!("{url}/"))),
        to(at(&url.replace("127.0.0.1", "localhost"))),
        to(endpoint.clone().declared_stateless_and_public()).with_scope(Scope::Shared),
        user("alice").with_handlers(declaring("silent", true)),
        user("alice").with_handlers(declaring("other", false)),
        user("alice").with_handlers(declaring("other", true)),
    ]
}

#[tokio::test]
async fn strangers_never_meet_in_one_session() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig {
        max_sessions_per_key: 1,
        ..PoolConfig::default()
    });
    let requests = strangers(&server);
    for round in 1..=2 {
        for (number, request) in requests.iter().enumerate() {
            let client = pool.client(request.clone()).await.expect("a client");
            let count = call(&client, "increment").await.expect("a count");
            assert_eq!(count, round, "stranger {number}: {request:?}");
        }
    }
    assert_eq!(server.sessions_opened(), requests.len());
    let by_session = server.count_by_session("tools/call");
    assert!(
        by_session.values().all(|calls| *calls == 2),
        "{by_session:?}"
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn every_part_of_the_key_is_part_of_its_digest() {
    let server = CounterServer::start();
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let mut seen = BTreeSet::new();
    for request in strangers(&server) {
        let key = pool.key(&request).await.expect("a key");
        assert!(seen.insert(key.fingerprint()), "{request:?}");
        assert_eq!(pool.key(&request).await.expect("a key"), key);
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn sharing_with_everybody_has_to_be_declared_by_name() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let shared = |endpoint, user: &'static str| {
        AcquireRequest::new(endpoint, Principal::user(user)).with_scope(Scope::Shared)
    };
    let undeclared = fake::endpoint("a");
    let error = pool.acquire(&shared(undeclared, "alice")).await;
    assert!(matches!(error, Err(AcquireError::NotShareable)));
    let declared = fake::endpoint("a").declared_stateless_and_public();
    for user in ["alice", "bob"] {
        drop(
            pool.acquire(&shared(declared.clone(), user))
                .await
                .expect("a session"),
        );
    }
    assert_eq!(remote.connects(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_session_of_everybody_is_opened_and_closed_on_nobodys_behalf() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    for user in ["alice", "bob"] {
        let endpoint = server.endpoint().declared_stateless_and_public();
        let request = request(endpoint, user).with_scope(Scope::Shared);
        let client = pool.client(request).await.expect("a client");
        call(&client, "increment").await.expect("a count");
    }
    close(&pool).await;
    let (calls, own): (Vec<_>, Vec<_>) = server
        .seen()
        .into_iter()
        .partition(|seen| seen.method == "tools/call");
    let tokens = calls.iter().map(|seen| &seen.headers["authorization"]);
    assert!(tokens.eq(["Bearer alice-token", "Bearer bob-token"]));
    assert!(own.iter().any(|seen| seen.method == "DELETE"));
    for seen in own {
        assert!(!seen.headers.contains_key("authorization"), "{seen:?}");
    }
}

#[tokio::test]
async fn concurrent_callers_of_one_session_each_send_their_own_credentials() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig {
        max_sessions_per_key: 1,
        max_concurrent_per_session: NonZeroU32::new(40).expect("not zero"),
        identity_headers: vec!["x-user-id".parse().expect("a name")],
        ..PoolConfig::default()
    });
    let of = |number: usize| {
        AcquireRequest::new(server.endpoint(), Principal::user("alice")).with_headers(headers(&[
            ("x-user-id", "alice"),
            ("authorization", &format!("Bearer token-{number}")),
        ]))
    };
    let callers = (0..40).map(|number| {
        let (pool, request) = (&pool, of(number));
        async move {
            let client = pool.client(request).await.expect("a client");
            call(&client, "increment").await.expect("a count")
        }
    });
    let counts: BTreeSet<_> = futures::future::join_all(callers)
        .await
        .into_iter()
        .collect();
    assert_eq!(counts, (1..=40).collect(), "one session");
    let sent: BTreeSet<_> = server
        .seen()
        .iter()
        .filter(|seen| seen.method == "tools/call")
        .map(|seen| {
            seen.headers["authorization"]
                .to_str()
                .unwrap_or("")
                .to_owned()
        })
        .collect();
    assert_eq!(sent.len(), 40, "each its own token");
    close(&pool).await;
}

#[test]
fn the_default_handlers_declare_nothing() {
    let silent = SilentHandlers::default();
    assert_eq!(silent.declared(), ClientCapabilities::default());
    assert!(!silent.wants_server_messages());
}

#[tokio::test]
async fn two_pools_of_one_process_do_not_give_a_key_the_same_fingerprint() {
    let server = CounterServer::start();
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    let (one, other) = (pool(PoolConfig::default()), pool(PoolConfig::default()));
    let keys = (one.key(&request).await, other.key(&request).await);
    let (one, other) = (keys.0.expect("a key"), keys.1.expect("a key"));
    assert_ne!(one.fingerprint(), other.fingerprint());
}
