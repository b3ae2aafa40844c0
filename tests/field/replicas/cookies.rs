//! Cookies of servers, which may be logins or routes.

use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{AcquireRequest, Fleet, Principal, Scope, SessionHandle, SessionPool};

use super::setup::{Directory, replica, replica_of};
use crate::{
    common::{call, close, headers},
    fronts::{adding, behind, passing},
    over::Over,
};

/// Sets a route with the first response, as a load balancer does.
fn pin(request: &HttpRequest) -> Front {
    match request.header("cookie") {
        Some(_) => passing(),
        None => adding(&[("set-cookie", "route=a1; Path=/; HttpOnly")]),
    }
}

/// Sets a route with the response to a call.
fn pin_late(request: &HttpRequest) -> Front {
    match (request.name(), request.header("cookie")) {
        ("tools/call", None) => adding(&[("set-cookie", "route=a1; Path=/")]),
        _ => passing(),
    }
}

/// A request of alice, whose endpoint declares that its cookies are no logins, or does not.
fn request(server: &ScriptedServer, is_declared: bool) -> AcquireRequest {
    let endpoint = Over::LegacyHttp.endpoint(server);
    let endpoint = match is_declared {
        true => endpoint.with_shareable_cookies(),
        false => endpoint,
    };
    AcquireRequest::new(endpoint, Principal::user("alice"))
        .with_headers(headers(&[("authorization", "Bearer alice")]))
}

/// Makes a call at each of two replicas, one after the other. Returns how many sessions they opened, and
/// the cookies of the second call.
async fn call_twice(
    server: &ScriptedServer,
    request: &AcquireRequest,
    pools: [SessionPool; 2],
) -> (usize, Option<String>) {
    for pool in pools {
        let client = pool.client(request.clone()).await.expect("a client");
        call(&client, "count").await.expect("a count");
        close(&pool).await;
    }
    let requests = server.requests();
    let opened = requests.iter().filter(|it| it.name() == "initialize");
    let mut calls = requests.iter().filter(|it| it.name() == "tools/call");
    let last = calls.next_back().expect("a call");
    (opened.count(), last.header("cookie"))
}

fn pair() -> [SessionPool; 2] {
    let directory = Directory::default();
    [replica(&directory), replica(&directory)]
}

#[tokio::test]
async fn a_session_whose_server_set_a_cookie_stays_with_its_replica() {
    for scope in [Scope::Identity, Scope::conversation("talk")] {
        let server = behind(pin);
        let request = request(&server, false).with_scope(scope);
        let (opened, _) = call_twice(&server, &request, pair()).await;
        assert_eq!(opened, 2);
    }
}

#[tokio::test]
async fn cookies_that_are_declared_to_be_no_logins_go_with_their_session() {
    for scope in [Scope::Identity, Scope::conversation("talk")] {
        for front in [pin, pin_late] {
            let server = behind(front);
            let request = request(&server, true).with_scope(scope.clone());
            let (opened, cookie) = call_twice(&server, &request, pair()).await;
            assert_eq!(opened, 1);
            assert_eq!(cookie.as_deref(), Some("route=a1"));
        }
    }
}

#[tokio::test]
async fn a_record_with_cookies_gives_none_where_they_are_not_declared() {
    let server = behind(pin);
    let [first, second] = pair();
    let client = first.client(request(&server, true)).await;
    call(&client.expect("a client"), "count")
        .await
        .expect("a count");
    close(&first).await;
    let client = second.client(request(&server, false)).await;
    call(&client.expect("a client"), "count")
        .await
        .expect("a count");
    let requests = server.requests();
    let calls: Vec<_> = requests
        .iter()
        .filter(|it| it.name() == "tools/call")
        .collect();
    assert_eq!(calls[0].header("cookie").as_deref(), Some("route=a1"));
    assert_eq!(calls[1].header("cookie"), None);
    close(&second).await;
}

#[tokio::test]
async fn a_handle_has_the_cookies_of_its_session() {
    let server = behind(pin);
    let secret = || mcp_session_pool::FleetSecret::new([1; 32], 1, [2; 32]);
    let pools = [0; 2].map(|_| replica_of(Fleet::of_handles(secret())));
    let request = request(&server, true).with_scope(Scope::conversation("talk"));
    let client = pools[0].client(request.clone()).await.expect("a client");
    let validity = std::time::Duration::from_secs(60);
    let handle: SessionHandle = pools[0].seal(&client, validity).await.expect("a handle");
    let there = pools[1].resume(&handle, request).await.expect("a client");
    call(&there, "count").await.expect("a count");
    let last = server.requests().pop().expect("a call");
    assert_eq!(last.header("cookie").as_deref(), Some("route=a1"));
    for pool in &pools {
        close(pool).await;
    }
}
