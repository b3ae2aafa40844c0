//! What telemetry costs: a pool whose every event and span is recorded, and exported to nowhere.

use std::time::Duration;

use mcp_pool_core::{AcquireRequest, PooledClient, Principal, SessionPool};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    StreamableHttpConnector,
    telemetry::{MetricsObserver, TraceContext},
};
use opentelemetry::{metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{SdkMeterProvider, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ClientConfig},
    service::RunningService,
};
use tokio::{runtime::Runtime, time::Instant};
use tracing::{Dispatch, Instrument, Level, dispatcher, info_span};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};

use crate::{Result, plain, statistics::median};

/// A server, a pool with telemetry, and a plain client to compare it with.
pub(super) struct Telemetry {
    pub(super) metrics: MetricsObserver,
    traced: PooledClient,
    held: RunningService<RoleClient, ClientConfig>,
    dispatch: Dispatch,
    _tracers: SdkTracerProvider,
    _meters: SdkMeterProvider,
    _server: CounterServer,
}

/// How long a call takes, in microseconds.
pub(super) struct Calls {
    pub(super) traced_us: f64,
    pub(super) held_us: f64,
}

impl Telemetry {
    pub(super) async fn new() -> Result<Self> {
        let server = CounterServer::start();
        let meters = SdkMeterProvider::builder()
            .with_periodic_exporter(Nowhere)
            .build();
        let tracers = SdkTracerProvider::builder()
            .with_batch_exporter(Nowhere)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracers.tracer("bench"))
            .with_filter(
                Targets::new()
                    .with_target("mcp_pool_core", Level::INFO)
                    .with_target("xtask", Level::INFO),
            );
        let metrics = MetricsObserver::new(&meters.meter("bench"));
        let pool = SessionPool::builder()
            .connector(StreamableHttpConnector::new()?)
            .observer(metrics.clone())
            .propagator(TraceContext::new())
            .build()?;
        let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
        Ok(Self {
            metrics,
            traced: pool.client(request).await?,
            held: plain::open(&reqwest::Client::new(), &server).await?,
            dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)),
            _tracers: tracers,
            _meters: meters,
            _server: server,
        })
    }

    /// Calls a tool both ways, in turns.
    pub(super) fn calls(&self, runtime: &Runtime, turns: u32) -> Calls {
        let (mut traced, mut held) = (Vec::new(), Vec::new());
        for turn in 0..turns {
            for way in [turn % 2, (turn + 1) % 2] {
                match way {
                    0 => traced.push(self.traced_call(runtime)),
                    _ => held.push(self.held_call(runtime)),
                }
            }
        }
        Calls {
            traced_us: median(traced),
            held_us: median(held),
        }
    }

    /// A call as a part of a downstream request that has a span.
    fn traced_call(&self, runtime: &Runtime) -> f64 {
        dispatcher::with_default(&self.dispatch, || {
            let call = async {
                let began = Instant::now();
                let answer = self.traced.call_tool(increment()).await;
                answer.expect("the server is there");
                micros(began.elapsed())
            };
            runtime.block_on(call.instrument(info_span!("downstream")))
        })
    }

    fn held_call(&self, runtime: &Runtime) -> f64 {
        runtime.block_on(async {
            let began = Instant::now();
            let answer = self.held.call_tool(increment()).await;
            answer.expect("the server is there");
            micros(began.elapsed())
        })
    }
}

/// An exporter that forgets everything.
#[derive(Debug)]
struct Nowhere;

impl PushMetricExporter for Nowhere {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

fn increment() -> CallToolRequestParams {
    CallToolRequestParams::new("increment")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
