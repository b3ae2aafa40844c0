//! The conformance suite on this transport.

use mcp_pool_testkit::{
    connector_suite,
    server::{CounterServer, Form},
};
use mcp_pool_transport_streamable_http::StreamableHttpConnector;

fn connector() -> StreamableHttpConnector {
    StreamableHttpConnector::new().expect("an http client")
}

mod answers_as_events {
    use super::*;

    connector_suite!((connector(), CounterServer::start()));
}

mod answers_as_json {
    use super::*;

    connector_suite!((
        connector(),
        CounterServer::start_as(Form::default().with_json())
    ));
}
