//! What is said of an address of which nothing else is known.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{Connector, Support},
};

use super::{Counterpart, eventually, request};
use crate::server::Refusal;

/// A connector recognises its own transport, and closes what it opened for that, whoever stops
/// waiting for it. One that cannot tell says so.
pub async fn a_detection_leaves_nothing_open(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    match detect(connector, server).await.expect("an answer") {
        Support::Unknown => return,
        answer => assert_eq!(answer, Support::Supported),
    }
    eventually("nothing is open", || server.open_sessions() == 0).await;
    let delay = Duration::from_millis(200);
    server.switches().delay_initialize(delay);
    let request = request(server, &[]);
    for patience in [10, 100, 195, 200, 205] {
        let patience = Duration::from_millis(patience);
        let _ = tokio::time::timeout(patience, connector.detect(&request)).await;
    }
    // Whatever was still being opened has had the time to turn up.
    tokio::time::sleep(delay * 2).await;
    eventually("nothing is open", || server.open_sessions() == 0).await;
}

/// 400, 404 and 405 say that another transport is spoken; anything else that is no yes says
/// nothing of the transport.
pub async fn a_detection_tells_no_from_trouble(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    if detect(connector, server).await.expect("an answer") == Support::Unknown {
        return;
    }
    for status in [400, 404, 405] {
        server.switches().refuse(refusal(status));
        let answer = detect(connector, server).await.expect("an answer");
        assert_eq!(answer, Support::Unsupported, "{status}");
    }
    for (status, kind) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (429, "rate_limited"),
        (500, "server_error"),
        (503, "server_error"),
    ] {
        server.switches().refuse(refusal(status));
        let error = detect(connector, server).await.expect_err("no answer");
        assert_eq!(error.kind().label(), kind, "{status}");
    }
    server.switches().serve();
    server.stop();
    let error = detect(connector, server).await.expect_err("nobody there");
    assert_eq!(error.kind(), &FaultKind::Unreachable);
}

async fn detect(
    connector: &dyn Connector,
    server: &dyn Counterpart,
) -> Result<Support, ConnectError> {
    connector.detect(&request(server, &[])).await
}

fn refusal(status: u16) -> Refusal {
    Refusal::new(StatusCode::from_u16(status).expect("a status"))
}
