//! Cookies belong to the session that they came with.

use http::StatusCode;
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::Scope;

use crate::{
    common::{call, close, headers},
    fronts::{adding, arrived, behind, client, listening_pool, passing, request, requests_of},
    over::{Over, pool},
};

/// Pins a session to its own route, as a load balancer does.
fn pin(request: &HttpRequest) -> Front {
    let token = request.header("authorization").unwrap_or_default();
    let user = token.trim_start_matches("Bearer ");
    match request.header("cookie") {
        Some(_) => passing(),
        None => adding(&[("set-cookie", &format!("route={user}; Path=/; HttpOnly"))]),
    }
}

/// The cookies of each request, in the order of arrival.
fn cookies(requests: &[HttpRequest]) -> Vec<Option<String>> {
    requests.iter().map(|it| it.header("cookie")).collect()
}

#[tokio::test]
async fn a_cookie_is_sent_with_every_later_request_of_its_session_and_no_other() {
    for over in Over::ALL {
        let server = behind(pin);
        let pool = listening_pool();
        for user in ["alice", "bob"] {
            let client = client(&pool, over, &server, user).await;
            for _ in 0..3 {
                call(&client, "count").await.expect("a count");
            }
        }
        if over == Over::LegacyHttp {
            arrived(&server, "GET").await;
        }
        close(&pool).await;
        for user in ["alice", "bob"] {
            let requests = requests_of(&server, user);
            let (first, later) = requests.split_first().expect("requests");
            assert_eq!(first.header("cookie"), None, "{over:?}");
            assert!(later.len() >= 2, "{over:?}");
            let route = Some(format!("route={user}"));
            for request in later {
                assert_eq!(request.header("cookie"), route, "{over:?} {request:?}");
            }
            let has_farewell = later.iter().any(|request| request.name() == "DELETE");
            assert_eq!(has_farewell, over == Over::LegacyHttp, "{over:?}");
        }
    }
}

#[tokio::test]
async fn a_response_of_any_kind_sets_cookies() {
    for over in Over::ALL {
        let server = behind(|request| match request.name() {
            "notifications/initialized" => adding(&[("set-cookie", "accepted=1; Path=/")]),
            "tools/call" if request.message["params"]["name"] == "fail" => Front::Respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                headers(&[("set-cookie", "refused=1; Path=/")]),
            ),
            "tools/call" => adding(&[("set-cookie", "called=1; Path=/")]),
            _ => passing(),
        });
        let pool = pool();
        let client = client(&pool, over, &server, "alice").await;
        call(&client, "count").await.expect("a count");
        call(&client, "fail").await.expect_err("a refusal");
        call(&client, "count").await.expect("a count");
        let last = requests_of(&server, "alice").pop().expect("a call");
        let expected = match over {
            Over::StatelessHttp => "called=1; refused=1",
            _ => "accepted=1; called=1; refused=1",
        };
        assert_eq!(last.header("cookie").as_deref(), Some(expected), "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_new_session_begins_without_cookies() {
    for over in Over::IN_SESSIONS {
        let server = behind(pin);
        let pool = pool();
        let client = client(&pool, over, &server, "alice").await;
        call(&client, "count").await.expect("a count");
        pool.drain();
        let before = requests_of(&server, "alice").len();
        call(&client, "count").await.expect("a count");
        let mut later = requests_of(&server, "alice").split_off(before);
        later.retain(|request| request.name() != "DELETE");
        assert_eq!(later[0].header("cookie"), None, "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_cookie_of_the_caller_is_never_replaced() {
    for over in Over::ALL {
        let server = behind(|_| {
            adding(&[
                ("set-cookie", "login=server; Path=/"),
                ("set-cookie", "route=1; Path=/"),
            ])
        });
        let pool = pool();
        let own = [("cookie", "login=alice; theme=dark")];
        let request = request(over, &server, "alice", &own);
        let client = pool.client(request).await.expect("a client");
        call(&client, "count").await.expect("a count");
        call(&client, "count").await.expect("a count");
        close(&pool).await;
        let sent = cookies(&requests_of(&server, "alice"));
        let (first, later) = sent.split_first().expect("requests");
        assert_eq!(first.as_deref(), Some("login=alice; theme=dark"));
        for cookies in later {
            let expected = Some("login=alice; theme=dark; route=1");
            assert_eq!(cookies.as_deref(), expected, "{over:?}");
        }
    }
}

#[tokio::test]
async fn a_cookie_for_elsewhere_or_without_end_in_sight_is_not_sent() {
    for over in Over::ALL {
        let server = behind(|_| {
            adding(&[
                ("set-cookie", "path=1; Path=/elsewhere"),
                ("set-cookie", "secure=1; Path=/; Secure"),
                ("set-cookie", "domain=1; Path=/; Domain=example.com"),
                ("set-cookie", "ended=1; Path=/; Max-Age=0"),
                (
                    "set-cookie",
                    "past=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                ),
                ("set-cookie", "no cookie"),
                (
                    "set-cookie",
                    &format!("large=1{}; Path=/", "x".repeat(5_000)),
                ),
            ])
        });
        let pool = pool();
        let client = client(&pool, over, &server, "alice").await;
        call(&client, "count").await.expect("a count");
        close(&pool).await;
        let sent = cookies(&requests_of(&server, "alice"));
        assert!(sent.iter().all(Option::is_none), "{over:?} {sent:?}");
    }
}

#[tokio::test]
async fn a_session_shared_by_several_callers_keeps_no_cookies() {
    for over in Over::ALL {
        let server = behind(pin);
        let pool = pool();
        for user in ["alice", "bob"] {
            let request = request(over, &server, user, &[]);
            let endpoint = over.endpoint(&server).declared_stateless_and_public();
            let shared =
                mcp_session_pool::AcquireRequest::new(endpoint, request.principal().clone())
                    .with_headers(headers(&[("authorization", &format!("Bearer {user}"))]))
                    .with_scope(Scope::Shared);
            let client = pool.client(shared).await.expect("a client");
            call(&client, "count").await.expect("a count");
        }
        close(&pool).await;
        assert_calls(&server, 2);
        let sent = cookies(&server.requests());
        assert!(sent.iter().all(Option::is_none), "{over:?} {sent:?}");
    }
}

fn assert_calls(server: &ScriptedServer, calls: usize) {
    assert_eq!(server.count("tools/call"), calls);
}
