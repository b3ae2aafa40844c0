//! Redirects within an origin are followed, and no other.

use http::{Method, StatusCode};
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PooledClient, Principal,
    error::{AcquireError, CallError, FaultKind, Outcome, RedirectReason, Redirected},
};

use crate::{
    common::{call, close, headers},
    fronts::{arrived, behind, client, listening_pool, passing, request, requests_of},
    over::{Over, pool},
};

fn to(status: u16, location: &str) -> Front {
    let status = StatusCode::from_u16(status).expect("a status");
    Front::Respond(status, headers(&[("location", location)]))
}

fn is_moved(request: &HttpRequest) -> bool {
    request.path.starts_with("/moved")
}

/// Redirects every request of these paths to the same path below `/moved`.
fn moves(status: u16, paths: &'static [&'static str]) -> ScriptedServer {
    behind(
        move |request| match paths.contains(&request.path.as_str()) {
            true => to(status, &format!("/moved{}", request.target)),
            false => passing(),
        },
    )
}

const EVERYWHERE: &[&str] = &["/mcp", "/sse", "/messages"];

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_the_same_request() {
    // With the stream moved, its server announces an address that is below `/moved` already.
    for paths in [EVERYWHERE, &["/mcp", "/messages"]] {
        for (over, status) in Over::ALL.into_iter().zip([307, 308, 307]) {
            let server = moves(status, paths);
            let pool = listening_pool();
            let client = client(&pool, over, &server, "alice").await;
            call(&client, "count").await.expect("a count");
            call(&client, "count").await.expect("a count");
            if over == Over::LegacyHttp {
                arrived(&server, "GET").await;
            }
            close(&pool).await;
            let requests = server.requests();
            let own = requests_of(&server, "alice");
            assert_eq!(own.len(), requests.len(), "{over:?}: with credentials");
            for redirected in requests.iter().filter(|it| !is_moved(it)) {
                if !paths.contains(&redirected.path.as_str()) {
                    continue;
                }
                let path = format!("/moved{}", redirected.path);
                let is_repeated = |it: &&HttpRequest| {
                    it.path == path
                        && it.method == redirected.method
                        && it.message == redirected.message
                };
                let repeated = requests.iter().find(is_repeated).expect("a repetition");
                assert_eq!(repeated.headers, redirected.headers, "{over:?}");
            }
            assert_eq!(server.count("tools/call"), 2, "{over:?}");
            let farewells = requests.iter().filter(|it| it.method == Method::DELETE);
            let expected = if over == Over::LegacyHttp { 2 } else { 0 };
            assert_eq!(farewells.count(), expected, "{over:?}");
        }
    }
}

#[tokio::test]
async fn a_permanent_redirect_is_remembered_by_its_session_and_a_temporary_one_never() {
    for over in Over::ALL {
        for (status, is_remembered) in [(308, true), (307, false)] {
            let server = moves(status, &["/mcp", "/messages"]);
            let pool = pool();
            let client = client(&pool, over, &server, "alice").await;
            for _ in 0..5 {
                call(&client, "count").await.expect("a count");
            }
            close(&pool).await;
            let requests = server.requests();
            let posts = requests.iter().filter(|it| it.method != Method::GET);
            let (moved, first): (Vec<_>, Vec<_>) = posts.partition(|it| is_moved(it));
            let expected = if is_remembered { 1 } else { moved.len() };
            assert_eq!(first.len(), expected, "{over:?} {status}");
        }
    }
}

fn redirected(kind: &FaultKind) -> &Redirected {
    match kind {
        FaultKind::Redirected(redirected) => redirected,
        other => panic!("{other:?}"),
    }
}

/// The fault of a connect.
fn connect_fault(error: &AcquireError) -> &FaultKind {
    match error {
        AcquireError::Connect(error) => error.kind(),
        other => panic!("{other:?}"),
    }
}

/// The fault of a call that is redirected.
async fn call_fault(client: &PooledClient) -> CallError {
    call(client, "count").await.expect_err("a redirect")
}

#[tokio::test]
async fn nothing_is_sent_to_another_origin() {
    for over in Over::ALL {
        for status in [301, 302, 303, 307, 308] {
            let other = behind(|_| passing());
            let target = format!("{}/mcp?key=secret", other.origin());
            let of_calls = target.clone();
            let everything = behind(move |_| to(status, &target));
            let calls = behind(move |request| match request.name() {
                "tools/call" => to(status, &of_calls),
                _ => passing(),
            });
            let pool = pool();
            let request = request(over, &everything, "alice", &[]);
            let refused = pool.acquire(&request).await.expect_err("a redirect");
            let client = client(&pool, over, &calls, "alice").await;
            let failed = call_fault(&client).await;
            let failure = failed.failure().expect("a failure");
            for kind in [connect_fault(&refused), failure.kind()] {
                let redirected = redirected(kind);
                assert_eq!(redirected.reason(), RedirectReason::OtherOrigin);
                assert_eq!(redirected.origin(), Some(other.origin().as_str()));
                assert_eq!(kind.label(), "redirected");
            }
            let outcome = match status {
                307 | 308 => Outcome::NotExecuted,
                _ => Outcome::Unknown,
            };
            assert_eq!(failure.outcome(), outcome, "{over:?} {status}");
            let shown = format!("{refused} {refused:?} {failed} {failed:?}");
            assert!(!shown.contains("secret"), "{shown}");
            assert!(other.requests().is_empty(), "{over:?} {status}");
            assert_eq!(
                calls.sessions_opened(),
                usize::from(over != Over::StatelessHttp)
            );
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_redirect_that_does_not_keep_the_method_is_not_followed_and_its_outcome_is_unknown() {
    for over in Over::ALL {
        for status in [300, 301, 302, 303] {
            let server = behind(move |request| match request.name() {
                "tools/call" => to(status, &format!("/moved{}", request.target)),
                _ => passing(),
            });
            let pool = pool();
            let client = client(&pool, over, &server, "alice").await;
            let failed = call_fault(&client).await;
            let failure = failed.failure().expect("a failure");
            let reason = redirected(failure.kind()).reason();
            assert_eq!(reason, RedirectReason::MethodNotKept, "{over:?} {status}");
            assert_eq!(failure.outcome(), Outcome::Unknown, "{over:?} {status}");
            let calls = server.requests();
            let calls = calls.iter().filter(|it| it.name() == "tools/call");
            assert_eq!(calls.count(), 1, "{over:?} {status}");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends_after_the_third() {
    for over in Over::ALL {
        for status in [307, 308] {
            let server = behind(move |request| match request.name() {
                "tools/call" if is_moved(request) => {
                    to(status, request.target.trim_start_matches("/moved"))
                }
                "tools/call" => to(status, &format!("/moved{}", request.target)),
                _ => passing(),
            });
            let pool = pool();
            let client = client(&pool, over, &server, "alice").await;
            for attempt in 1..=2 {
                let failed = call_fault(&client).await;
                let failure = failed.failure().expect("a failure");
                let reason = redirected(failure.kind()).reason();
                assert_eq!(reason, RedirectReason::TooMany, "{over:?}");
                assert_eq!(failure.outcome(), Outcome::NotExecuted);
                let requests = server.requests();
                let calls = requests.iter().filter(|it| it.name() == "tools/call");
                assert_eq!(calls.count(), 4 * attempt, "{over:?} {status}");
            }
            assert_eq!(server.count("tools/call"), 0);
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_redirect_without_a_valid_target_is_an_error_of_its_own() {
    for location in ["", "http://", "javascript:alert(1)", "http://user:pw@[::1"] {
        let server = behind(move |request| match (request.name(), location) {
            ("tools/call", "") => Front::Respond(StatusCode::TEMPORARY_REDIRECT, headers(&[])),
            ("tools/call", location) => to(307, location),
            _ => passing(),
        });
        let pool = pool();
        let client = client(&pool, Over::LegacyHttp, &server, "alice").await;
        let failed = call_fault(&client).await;
        let kind = failed.failure().expect("a failure").kind().clone();
        assert_eq!(redirected(&kind).reason(), RedirectReason::NoTarget);
        assert_eq!(redirected(&kind).origin(), None);
        close(&pool).await;
    }
}

#[tokio::test]
async fn detection_follows_redirects_within_the_origin_and_names_the_origin_of_others() {
    let server = moves(307, EVERYWHERE);
    for path in ["/mcp", "/sse"] {
        let pool = pool();
        let auto = Endpoint::auto(&format!("{}{path}", server.origin())).expect("a url");
        let request = AcquireRequest::new(auto, Principal::user("alice"));
        let client = pool.client(request).await.expect("a client");
        call(&client, "count").await.expect("a count");
        close(&pool).await;
    }
    let other = behind(|_| passing());
    let target = format!("{}/mcp", other.origin());
    let server = behind(move |_| to(307, &target));
    let pool = pool();
    let auto = Endpoint::auto(&format!("{}/mcp", server.origin())).expect("a url");
    let request = AcquireRequest::new(auto, Principal::user("alice"));
    let refused = pool.acquire(&request).await.expect_err("a redirect");
    let origin = redirected(connect_fault(&refused)).origin();
    assert_eq!(origin, Some(other.origin().as_str()));
    assert!(other.requests().is_empty());
    close(&pool).await;
}
