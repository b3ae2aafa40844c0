//! A session without a pool, for comparison.

use mcp_pool_testkit::server::CounterServer;
use rmcp::{
    RoleClient, ServiceExt,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion},
    service::RunningService,
    transport::streamable_http_client::{
        StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    },
};

use crate::Result;

/// Opens a session with a plain rmcp client.
pub(crate) async fn open(
    http: &reqwest::Client,
    server: &CounterServer,
) -> Result<RunningService<RoleClient, ClientConfig>> {
    let config = StreamableHttpClientTransportConfig::with_uri(server.url());
    let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
    let client = Implementation::new("demo", "1");
    let info = ClientConfig::new(ClientCapabilities::default(), client)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
    Ok(info.serve(transport).await?)
}
