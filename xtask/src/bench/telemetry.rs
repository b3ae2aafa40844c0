//! The cost of a call, through a pool and on a client held open.
//!
//! Each is measured without telemetry, and with every event and span recorded for an exporter that
//! drops them.

use std::time::Duration;

use http::HeaderMap;
use mcp_pool_core::{
    AcquireRequest, PooledClient, Principal, SessionPool, extend::ContextPropagator,
};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    StreamableHttpConnector,
    telemetry::{MetricsObserver, TraceContext},
};
use opentelemetry::{
    KeyValue,
    metrics::{Histogram, Meter, MeterProvider},
    trace::TracerProvider,
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{SdkMeterProvider, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, CallToolResult, ClientConfig, RequestMetaObject},
    service::RunningService,
};
use tokio::{runtime::Runtime, time::Instant};
use tracing::{Dispatch, Instrument, Level, Span, dispatcher, info_span};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};

use crate::{Result, plain, statistics::median};

/// A server, pools with and without telemetry, and a plain client.
pub(super) struct Telemetry {
    pub(super) metrics: MetricsObserver,
    plain: PooledClient,
    traced: PooledClient,
    held: RunningService<RoleClient, ClientConfig>,
    by_hand: ByHand,
    dispatch: Dispatch,
    _tracers: SdkTracerProvider,
    _meters: SdkMeterProvider,
    _server: CounterServer,
}

/// The way of a call.
#[derive(Clone, Copy)]
enum Way {
    Held,
    HeldByHand,
    Pooled,
    PooledTraced,
}

/// The time of a call on each way, in microseconds.
pub(super) struct Calls {
    pub(super) held_us: f64,
    pub(super) by_hand_us: f64,
    pub(super) pooled_us: f64,
    pub(super) traced_us: f64,
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
        let meter = meters.meter("bench");
        let metrics = MetricsObserver::new(&meter);
        let builder = || {
            let connector = StreamableHttpConnector::new()?;
            Result::Ok(SessionPool::builder().connector(connector))
        };
        let plain = builder()?.build()?;
        let traced = builder()?
            .observer(metrics.clone())
            .propagator(TraceContext::new())
            .build()?;
        let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
        Ok(Self {
            metrics,
            plain: plain.client(request.clone()).await?,
            traced: traced.client(request).await?,
            held: plain::open(&reqwest::Client::new(), &server).await?,
            by_hand: ByHand::new(&meter),
            dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)),
            _tracers: tracers,
            _meters: meters,
            _server: server,
        })
    }

    /// Calls a tool on each way, at least `calls` times.
    ///
    /// A few calls in a row take the same way, as all calls of an application do. Each way follows
    /// each other way equally often, so that the after-effects of one do not always slow the same
    /// other one.
    pub(super) fn calls(&self, runtime: &Runtime, calls: u32) -> Calls {
        let mut times = WAYS.map(|_| Vec::new());
        for turn in 0..calls.div_ceil(IN_A_ROW) as usize {
            for way in ORDERS[turn % ORDERS.len()] {
                let row = (0..IN_A_ROW + 1).map(|_| self.call(WAYS[way], runtime));
                // The first call of a row still feels the effects of another way.
                times[way].extend(row.skip(1));
            }
        }
        let [held_us, by_hand_us, pooled_us, traced_us] = times.map(median);
        Calls {
            held_us,
            by_hand_us,
            pooled_us,
            traced_us,
        }
    }

    fn call(&self, way: Way, runtime: &Runtime) -> f64 {
        match way {
            Way::Held => runtime.block_on(timed(async {
                answered(self.held.call_tool(increment()).await);
            })),
            Way::Pooled => runtime.block_on(timed(async {
                answered(self.plain.call_tool(increment()).await);
            })),
            Way::HeldByHand => self.downstream(runtime, self.by_hand.call(&self.held)),
            Way::PooledTraced => self.downstream(runtime, async {
                answered(self.traced.call_tool(increment()).await);
            }),
        }
    }

    /// A call within the span of a downstream request.
    fn downstream(&self, runtime: &Runtime, call: impl Future<Output = ()>) -> f64 {
        dispatcher::with_default(&self.dispatch, || {
            runtime.block_on(timed(call).instrument(info_span!("downstream")))
        })
    }
}

/// The least telemetry by hand for a client held open.
///
/// A span with the attributes of the conventions, its context in the message, and the time of the
/// call.
struct ByHand(Histogram<f64>);

impl ByHand {
    fn new(meter: &Meter) -> Self {
        Self(meter.f64_histogram("mcp.client.operation.duration").build())
    }

    async fn call(&self, held: &RunningService<RoleClient, ClientConfig>) {
        let began = Instant::now();
        let span = info_span!(
            "call",
            otel.name = "tools/call increment",
            otel.kind = "client",
            mcp.method.name = "tools/call",
            mcp.protocol.version = "2025-11-25",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "increment",
            network.protocol.name = "http",
            network.transport = "tcp",
            server.address = "127.0.0.1",
            server.port = 80,
        );
        let mut params = increment();
        params.meta = Some(context_of(&span));
        answered(held.call_tool(params).await);
        let attributes = [
            KeyValue::new("mcp.method.name", "tools/call"),
            KeyValue::new("mcp.protocol.version", "2025-11-25"),
            KeyValue::new("network.protocol.name", "http"),
            KeyValue::new("network.transport", "tcp"),
            KeyValue::new("server.address", "127.0.0.1"),
            KeyValue::new("server.port", 80),
        ];
        self.0.record(began.elapsed().as_secs_f64(), &attributes);
    }
}

fn context_of(span: &Span) -> RequestMetaObject {
    let mut headers = HeaderMap::new();
    TraceContext::new().inject(span, &mut headers);
    let mut meta = RequestMetaObject::new();
    for (name, value) in &headers {
        let value = value.to_str().unwrap_or_default();
        meta.insert(name.as_str().to_owned(), value.into());
    }
    meta
}

/// The time of a future in microseconds.
async fn timed(work: impl Future<Output = ()>) -> f64 {
    let began = Instant::now();
    work.await;
    began.elapsed().as_secs_f64() * 1e6
}

fn answered<E: std::fmt::Debug>(answer: std::result::Result<CallToolResult, E>) {
    answer.expect("the server is there");
}

/// An exporter that drops everything.
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

const WAYS: [Way; 4] = [Way::Held, Way::HeldByHand, Way::Pooled, Way::PooledTraced];
/// Each way stands once at each position, and once after each other way.
const ORDERS: [[usize; 4]; 4] = [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]];
const IN_A_ROW: u32 = 10;
