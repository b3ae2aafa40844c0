//! Classification of failures.

use std::time::Duration;

use http::{StatusCode, header};
use mcp_pool_core::{
    error::{FaultKind, Outcome, Retry},
    extend::Connector,
};
use rmcp::model::{ClientRequest, PingRequest};

use super::helpers::{LONG, call, open, request};
use crate::server::{Counterpart, Refusal, UnknownSession};

/// A refused connect reports the kind of the refusal and its challenge or delay.
pub async fn a_refused_connect_reports_the_reason(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    let later = Refusal::new(StatusCode::TOO_MANY_REQUESTS).with_header(header::RETRY_AFTER, "7");
    for (refusal, kind) in [
        (Refusal::new(StatusCode::NOT_FOUND), "not_found"),
        (Refusal::new(StatusCode::FORBIDDEN), "forbidden"),
        (
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE),
            "server_error",
        ),
        (Refusal::new(StatusCode::BAD_GATEWAY), "server_error"),
        (later, "rate_limited"),
        (challenge(), "unauthorized"),
    ] {
        server.switches().refuse(refusal);
        let request = request(server, &[]);
        let error = connector.connect(&request).await.expect_err("a refusal");
        assert_eq!(error.kind().label(), kind);
        match error.kind() {
            FaultKind::RateLimited { .. } => {
                assert_eq!(error.retry(), Retry::Later(Some(Duration::from_secs(7))));
            }
            FaultKind::Unauthorized(challenge) => {
                assert_eq!(challenge.parameter("scope"), Some("files"));
            }
            _ => {}
        }
    }
    server.switches().serve();
    assert_eq!(server.open_sessions(), 0);
}

/// A connect to an address without a server fails as unreachable.
pub async fn an_absent_server_is_unreachable(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    server.stop();
    let request = request(server, &[]);
    let error = connector.connect(&request).await.expect_err("no server");
    assert_eq!(error.kind(), &FaultKind::Unreachable);
}

/// A call on a session unknown to the server was not executed, or a check of the session shows it, and
/// the session is over.
///
/// That holds for each way in which servers refuse an unknown session.
pub async fn a_lost_session_is_distinguished_from_a_lost_call(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    for refusal in [UnknownSession::NotFound, UnknownSession::NamelessError] {
        server.switches().answer_unknown_sessions(refusal);
        let session = open(connector, server).await;
        server.forget_sessions();
        let called = tokio::time::timeout(LONG, call(&session, "increment"));
        let mut failure = called.await.expect("an end").expect_err("no such session");
        if *failure.kind() != FaultKind::SessionGone {
            let ping = ClientRequest::PingRequest(PingRequest::default());
            let checked = session.driver().call(ping, None).await;
            failure = checked.expect_err("no such session");
        }
        assert_eq!(failure.outcome(), Outcome::NotExecuted, "{refusal:?}");
        assert_eq!(failure.kind(), &FaultKind::SessionGone, "{refusal:?}");
        assert!(session.is_over(), "{refusal:?}");
    }
}

/// A call that the server may have executed never counts as not executed.
pub async fn a_reply_that_breaks_off_has_an_unknown_outcome(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    let session = open(connector, server).await;
    server.switches().lose_reply("tools/call");
    let failure = call(&session, "increment").await.expect_err("no reply");
    assert_eq!(failure.outcome(), Outcome::Unknown);
    let times = server.requests();
    let times = times.iter().filter(|seen| seen.method == "tools/call");
    assert_eq!(times.count(), 1, "it must not be sent again");
}

/// No debug output or error text of a connector contains a secret.
///
/// Secrets are tokens, cookies, session ids, queries and challenges.
pub async fn nothing_shows_a_secret(connector: &dyn Connector, server: &mut dyn Counterpart) {
    let headers = [
        ("authorization", "Bearer s3cret-token"),
        ("cookie", "sid=s3cret-cookie"),
    ];
    let request = request(server, &headers);
    let session = connector.connect(&request).await.expect("a session");
    server.switches().refuse(
        Refusal::new(StatusCode::UNAUTHORIZED)
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"s3cret-realm\""),
    );
    let failed = connector.connect(&request).await.expect_err("a refusal");
    let failure = call(&session, "count").await.expect_err("a refusal");
    let mut shown = format!("{session:?} {request:?} {failed:?} {failed}");
    let mut source = std::error::Error::source(&failed);
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    shown += &format!("{failure} {failure:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    for seen in server.requests() {
        if let Some(id) = seen.session {
            assert!(!shown.contains(&id), "{shown}");
        }
    }
}

fn challenge() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED)
        .with_header(header::WWW_AUTHENTICATE, "Bearer scope=\"files\"")
}
