//! Detection of the transport at an address.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{Connector, Support},
};

use super::helpers::{eventually, request};
use crate::server::{Counterpart, Refusal};

/// A detection recognises the connector's own transport and closes what it opened.
///
/// That holds when the detection is dropped at any time. A connector that cannot detect returns
/// [`Support::Unknown`].
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
    for wait in [10, 100, 195, 200, 205] {
        let wait = Duration::from_millis(wait);
        let _ = tokio::time::timeout(wait, connector.detect(&request)).await;
    }
    // A session that was still being opened would be open by now.
    tokio::time::sleep(delay * 2).await;
    eventually("nothing is open", || server.open_sessions() == 0).await;
}

/// 400, 404 and 405 mean another transport; any other refusal is an error of the detection.
pub async fn a_detection_distinguishes_no_from_a_failure(
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
    let error = detect(connector, server).await.expect_err("no server");
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
