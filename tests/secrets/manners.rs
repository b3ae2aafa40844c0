//! Cookies of servers and the targets of redirects are shown nowhere.

use http::StatusCode;
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool, SseConnector,
    StreamableHttpConnector,
    config::Lifecycle,
    error::{FaultKind, RedirectReason},
};

use crate::{
    common::{call, close, headers},
    shown::Shown,
};

/// Sets cookies, and redirects tools by their names.
fn front(request: &HttpRequest) -> Front {
    let elsewhere = "http://user:pl4nted-redirect@127.0.0.1:1/pl4nted-redirect?a=pl4nted-redirect";
    let away = elsewhere.replace("user:pl4nted-redirect@", "");
    let back = format!(
        "{}&key=pl4nted-redirect",
        request.target.replace('?', "?a=1&")
    );
    let cookie = "sid=pl4nted-cookie; Path=/";
    let location = match request.message["params"]["name"].as_str() {
        Some("away") => &away,
        Some("broken") => elsewhere,
        Some("circle") => &back,
        _ => return Front::Pass(headers(&[("set-cookie", cookie)])),
    };
    let moved = headers(&[("location", location), ("set-cookie", cookie)]);
    Front::Respond(StatusCode::PERMANENT_REDIRECT, moved)
}

async fn show_over(pool: &SessionPool, endpoint: Endpoint, shown: &Shown) {
    let request = AcquireRequest::new(endpoint, Principal::user("pl4nted-principal"));
    let client = pool.client(request.clone()).await.expect("a client");
    call(&client, "count").await.expect("a count");
    for tool in ["away", "broken", "circle"] {
        let error = call(&client, tool).await.expect_err("a redirect");
        shown.fail(&error);
        let failure = error.failure().expect("a failure");
        shown.show(failure);
        let FaultKind::Redirected(redirected) = failure.kind() else {
            panic!("{failure:?}");
        };
        shown.show(redirected);
        shown.add(&redirected.to_string());
        shown.show(&redirected.reason());
        shown.show(&failure.evidence());
        shown.show(&failure.session());
    }
    let circuit = pool.circuit(client.key().endpoint());
    shown.show(&circuit);
    shown.show(&circuit.status());
    let lease = pool.acquire(&request).await.expect("a session");
    shown.show(&lease);
}

/// Shows redirects that are not followed, and sessions with cookies.
pub(crate) async fn show(shown: &Shown) {
    let server = ScriptedServer::start_behind(front, |exchange| async move {
        exchange.answer_plainly().await;
    });
    let pool = SessionPool::builder()
        .config(PoolConfig::default())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .observer(shown.clone())
        .build()
        .expect("a pool");
    for endpoint in [
        server.endpoint(Lifecycle::Legacy),
        server.endpoint(Lifecycle::Stateless),
        server.sse_endpoint(),
    ] {
        show_over(&pool, endpoint, shown).await;
    }
    close(&pool).await;
    let requests = server.requests();
    let with_cookie = requests.iter().filter(|it| it.header("cookie").is_some());
    assert!(with_cookie.count() > 6, "the cookies were used");
    shown.show(&RedirectReason::OtherOrigin);
}
