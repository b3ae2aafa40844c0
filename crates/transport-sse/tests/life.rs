//! The session info, and the end of a session while its handler is busy.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use mcp_pool_core::{
    PoolKey,
    error::{FaultKind, Outcome},
    extend::{ClientHandlerBox, ConnectRequest, Connector, Era, HandlerFactory, SessionInfo},
};
use mcp_pool_testkit::server::{CounterServer, Form, HostileSse, Mischief};
use mcp_pool_transport_sse::SseConnector;
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{CallToolRequest, CallToolRequestParams, ClientRequest},
    service::RequestContext,
};

/// A handler that never answers a request for the roots.
struct Stuck;

#[expect(deprecated, reason = "servers of older revisions request roots")]
impl ClientHandler for Stuck {
    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<rmcp::model::ListRootsResult, ErrorData> {
        std::future::pending().await
    }
}

impl HandlerFactory for Stuck {
    fn profile(&self) -> &str {
        "stuck"
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(Self)
    }
}

fn connector() -> SseConnector {
    SseConnector::new().expect("an http client")
}

fn increment() -> ClientRequest {
    let increment = CallToolRequest::new(CallToolRequestParams::new("increment"));
    ClientRequest::CallToolRequest(increment)
}

#[tokio::test]
async fn a_call_ends_with_the_stream_while_a_handler_is_busy() {
    let roots = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n";
    let server = HostileSse::start(Mischief::Ends(roots));
    let request = ConnectRequest::detached(&server.endpoint(), HeaderMap::new())
        .with_handlers(Arc::new(Stuck));
    let session = connector().connect(&request).await.expect("a session");
    let called = session.driver().call(increment(), None);
    let called = tokio::select! {
        biased;
        called = called => called,
        () = turns_within(HANDLERS / 2) => panic!("the call waits for the handler"),
    };
    let failure = called.expect_err("no answer");
    assert_eq!(failure.outcome(), Outcome::Unknown);
    assert_eq!(failure.kind(), &FaultKind::SessionGone);
    assert!(session.is_over());
}

#[tokio::test]
async fn the_session_info_has_a_fingerprint_of_the_session_id_in_the_endpoint() {
    let server = CounterServer::start_as(Form::default().over_sse());
    let request = ConnectRequest::detached(&server.endpoint(), HeaderMap::new());
    let session = connector().connect(&request).await.expect("a session");
    let id = server.open_sessions().pop().expect("a session");
    let expected = SessionInfo::new(Era::Legacy, "").with_session_id(&id);
    assert!(expected.session.is_some());
    assert_eq!(session.info().session, expected.session);
    assert!(!format!("{:?}", session.info()).contains(&id));
}

/// The turns of the runtime, a hundredth of a second apart, for which this is the time: a machine that
/// stands still makes one of them.
async fn turns_within(time: Duration) {
    let turn = Duration::from_millis(10);
    for _ in 0..time.as_millis() / turn.as_millis() {
        tokio::time::sleep(turn).await;
    }
}

/// How long rmcp waits for busy handlers at the end of a session.
const HANDLERS: Duration = Duration::from_secs(5);
