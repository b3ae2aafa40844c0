//! The header that platforms route by.

use std::collections::HashSet;

use mcp_pool_testkit::{HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, AffinityScope, Fleet, FleetSecret, InMemoryDirectory, PoolConfig, Principal,
    Scope, SessionPool, extend::ServerMessages,
};

use crate::{
    common::{call, close, headers},
    fronts::{arrived, behind, listening_pool, passing},
    over::{Over, builder},
};

const HEADER: &str = "x-route";

/// A request of a user, whose endpoint has an affinity, with a header of that name of its own.
fn request(
    over: Over,
    server: &ScriptedServer,
    user: &str,
    scope: AffinityScope,
) -> AcquireRequest {
    let endpoint = over.endpoint(server).with_affinity(HEADER, scope);
    let token = format!("Bearer {user}");
    let own = headers(&[("authorization", &token), (HEADER, "forged")]);
    let endpoint = endpoint.expect("a header without another purpose");
    AcquireRequest::new(endpoint, Principal::user(user)).with_headers(own)
}

fn replica(naming: [u8; 32]) -> SessionPool {
    let (messages, _) = ServerMessages::channel(1);
    builder(PoolConfig::default())
        .handlers(messages)
        .fleet(Fleet::new(
            InMemoryDirectory::new(),
            FleetSecret::new(naming, 1, [2; 32]),
        ))
        .build()
        .expect("a pool")
}

/// Makes a call, and returns the header of each request that this led to.
async fn routes(pool: &SessionPool, server: &ScriptedServer, request: AcquireRequest) -> Routes {
    let before = server.requests().len();
    let client = pool.client(request).await.expect("a client");
    call(&client, "count").await.expect("a count");
    Routes(server.requests().split_off(before))
}

struct Routes(Vec<HttpRequest>);

impl Routes {
    /// The one value of all requests.
    fn only(&self) -> String {
        let values: HashSet<_> = self.0.iter().map(|it| it.header(HEADER)).collect();
        let mut values = values.into_iter();
        let (Some(Some(value)), None) = (values.next(), values.next()) else {
            panic!("not one value: {:?}", self.0);
        };
        value
    }
}

#[tokio::test]
async fn every_request_of_a_key_carries_one_opaque_digest_in_place_of_the_callers_header() {
    for over in Over::ALL {
        let server = behind(|_| passing());
        let pool = listening_pool();
        let mut seen = HashSet::new();
        for user in ["alice", "bob"] {
            let request = request(over, &server, user, AffinityScope::Key);
            let value = routes(&pool, &server, request).await.only();
            assert!(value.len() == 32 && value.bytes().all(|it| it.is_ascii_hexdigit()));
            assert!(seen.insert(value), "{over:?}: two callers have one route");
        }
        if over == Over::LegacyHttp {
            arrived(&server, "GET").await;
        }
        close(&pool).await;
        for request in server.requests() {
            let value = request.header(HEADER);
            assert!(value.is_some_and(|it| seen.contains(&it)), "{request:?}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_without_an_affinity_sends_none() {
    for over in Over::ALL {
        let server = behind(|_| passing());
        let pool = listening_pool();
        let request = AcquireRequest::new(over.endpoint(&server), Principal::user("alice"));
        let sent = routes(&pool, &server, request).await;
        assert!(sent.0.iter().all(|it| it.header(HEADER).is_none()));
        close(&pool).await;
    }
}

#[tokio::test]
async fn conversations_have_routes_of_their_own_or_that_of_their_identity() {
    for over in Over::ALL {
        for (scope, routes_expected) in [(AffinityScope::Key, 2), (AffinityScope::Identity, 1)] {
            let server = behind(|_| passing());
            let pool = listening_pool();
            let mut seen = HashSet::new();
            for name in ["one", "two"] {
                let talk = request(over, &server, "alice", scope);
                let talk = talk.with_scope(Scope::conversation(name));
                seen.insert(routes(&pool, &server, talk).await.only());
            }
            assert_eq!(seen.len(), routes_expected, "{over:?} {scope:?}");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn replicas_with_the_same_secret_have_the_same_routes() {
    for over in Over::ALL {
        for scope in [AffinityScope::Key, AffinityScope::Identity] {
            let server = behind(|_| passing());
            let mut seen = Vec::new();
            for naming in [[1; 32], [1; 32], [9; 32]] {
                let pool = replica(naming);
                let request = request(over, &server, "alice", scope);
                seen.push(routes(&pool, &server, request).await.only());
                close(&pool).await;
            }
            assert_eq!(seen[0], seen[1], "{over:?} {scope:?}");
            assert_ne!(seen[0], seen[2], "{over:?}: another fleet");
        }
    }
}

#[tokio::test]
async fn no_two_servers_can_match_the_routes_of_a_caller() {
    let servers = [behind(|_| passing()), behind(|_| passing())];
    let pool = replica([1; 32]);
    let mut seen = HashSet::new();
    for server in &servers {
        let request = request(
            Over::StatelessHttp,
            server,
            "alice",
            AffinityScope::Identity,
        );
        seen.insert(routes(&pool, server, request).await.only());
    }
    assert_eq!(seen.len(), 2);
    close(&pool).await;
}
