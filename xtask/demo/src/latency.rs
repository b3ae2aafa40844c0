//! The same call in three ways, in turns.
//!
//! Pooled, on a session held open, and on a new session.

use mcp_pool_core::{AcquireRequest, Principal, SessionPool};
use mcp_pool_testkit::FaultServer;
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use rmcp::{
    RoleClient, ServiceExt,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion,
    },
    service::RunningService,
    transport::streamable_http_client::{
        StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    },
};
use tokio::time::Instant;

use crate::{Result, figures::percentile};

/// The time of a call in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

/// The three ways.
pub(crate) struct Latencies {
    pub(crate) pooled: Latency,
    pub(crate) held_open: Latency,
    pub(crate) per_call: Latency,
}

/// Measures a call in the three ways, in turns of a few calls each.
///
/// With turns, other load of the machine slows all of them alike.
pub(crate) async fn measure(server: &FaultServer) -> Result<Latencies> {
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new()?)
        .build()?;
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    let client = pool.client(request).await?;
    let http = reqwest::Client::new();
    let held = open(&http, server).await?;
    let mut times = [const { Vec::new() }; 3];
    for turn in 0..WARM_UP + TURNS {
        for way in (0..3).map(|way| (way + turn) % 3) {
            for call in 0..=IN_A_ROW {
                let began = Instant::now();
                match way {
                    0 => drop(client.call_tool(increment()).await?),
                    1 => drop(held.call_tool(increment()).await?),
                    _ => call_once(&http, server).await?,
                }
                // The first call of a turn still feels the effects of another way.
                if turn >= WARM_UP && call > 0 {
                    times[way].push(u64::try_from(began.elapsed().as_nanos())?);
                }
            }
        }
    }
    held.cancel().await?;
    pool.close(std::time::Duration::from_secs(10)).await;
    let [pooled, held_open, per_call] = times.map(Latency::of);
    Ok(Latencies {
        pooled,
        held_open,
        per_call,
    })
}

impl Latency {
    fn of(nanoseconds: Vec<u64>) -> Self {
        let at = |percent| percentile(nanoseconds.clone(), percent) as f64 / 1e3;
        Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
        }
    }
}

/// Opens a session with a plain rmcp client.
async fn open(
    http: &reqwest::Client,
    server: &FaultServer,
) -> Result<RunningService<RoleClient, ClientConfig>> {
    let config = StreamableHttpClientTransportConfig::with_uri(server.endpoint().url().as_str());
    let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
    let client = Implementation::new("demo", "1");
    let info = ClientConfig::new(ClientCapabilities::default(), client)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
    Ok(info.serve(transport).await?)
}

/// A call on a session that is opened for it and closed after it.
async fn call_once(http: &reqwest::Client, server: &FaultServer) -> Result {
    let own = open(http, server).await?;
    own.call_tool(increment()).await?;
    own.cancel().await?;
    Ok(())
}

fn increment() -> CallToolRequestParams {
    CallToolRequestParams::new("increment")
}

const IN_A_ROW: usize = 10;
const WARM_UP: usize = 2;
const TURNS: usize = 30;
