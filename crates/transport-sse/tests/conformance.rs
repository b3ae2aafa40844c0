//! The conformance suite on this transport.

use mcp_pool_testkit::{
    connector_suite,
    server::{CounterServer, Form},
};
use mcp_pool_transport_sse::SseConnector;

fn connector() -> SseConnector {
    SseConnector::new().expect("an http client")
}

connector_suite!((
    connector(),
    CounterServer::start_as(Form::default().over_sse())
));
