//! A call is in the trace of its caller, on any session.

#[path = "../suites/common.rs"]
#[expect(dead_code, reason = "the suites use more of it")]
mod common;
mod metrics;
mod otel;
mod secrets;
mod traces;

use std::num::NonZeroU32;

use mcp_pool_testkit::{
    conformance::Counterpart,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{
    Endpoint, PoolBuilder, PoolConfig, SessionPool, SseConnector, StreamableHttpConnector,
    extend::Connector, telemetry::TraceContext,
};

use self::otel::OTEL;

/// A transport, and a server for it.
trait Setup {
    type Server: Counterpart + Send + Sync;
    const KEEPS_SESSIONS: bool = true;

    fn server() -> Self::Server;
    fn connector() -> impl Connector + 'static;
}

struct StreamableHttp;

impl Setup for StreamableHttp {
    type Server = CounterServer;

    fn server() -> CounterServer {
        CounterServer::start()
    }

    fn connector() -> impl Connector + 'static {
        StreamableHttpConnector::new().expect("an http client")
    }
}

/// Streamable HTTP with a server without sessions.
struct Stateless;

impl Setup for Stateless {
    type Server = CounterServer;
    const KEEPS_SESSIONS: bool = false;

    fn server() -> CounterServer {
        CounterServer::start_as(Modes::default().stateless_only())
    }

    fn connector() -> impl Connector + 'static {
        StreamableHttp::connector()
    }
}

struct Sse;

impl Setup for Sse {
    type Server = CounterServer;

    fn server() -> CounterServer {
        CounterServer::start_as(Modes::default().over_sse())
    }

    fn connector() -> impl Connector + 'static {
        SseConnector::new().expect("an http client")
    }
}

/// A builder of a pool with OpenTelemetry metrics and traces.
fn builder<S: Setup>(config: PoolConfig) -> PoolBuilder {
    SessionPool::builder()
        .config(config)
        .connector(S::connector())
        .observer(OTEL.metrics.clone())
        .propagator(TraceContext::new())
}

fn pool<S: Setup>() -> SessionPool {
    builder::<S>(PoolConfig::default())
        .build()
        .expect("a valid configuration")
}

/// The server's address, with many concurrent calls a session.
fn multiplexed(server: &impl Counterpart) -> Endpoint {
    let slots = NonZeroU32::new(64).expect("64 is not zero");
    server.endpoint().with_max_concurrent_per_session(slots)
}

/// Mounts every promise over a transport.
macro_rules! over {
    ($module:ident, $Setup:ty) => {
        over! { $module, $Setup;
            traces::one_request_is_one_trace_from_its_caller_to_the_server
            traces::forty_callers_on_one_session_are_never_mixed
            traces::a_session_is_in_no_trace_but_that_of_its_caller
            traces::a_connect_that_outlives_its_caller_is_linked_and_keeps_no_span_of_it_open
            traces::without_a_propagator_the_headers_of_the_caller_are_sent
            traces::without_a_span_the_call_joins_the_trace_that_the_caller_passed_through
            traces::the_trace_context_of_the_caller_is_replaced_as_a_whole
            traces::the_span_of_a_call_lasts_until_its_answer
            traces::a_failure_is_recorded_in_its_span
            metrics::metrics_arrive
            secrets::no_signal_shows_a_secret
        }
    };
    ($module:ident, $Setup:ty; $($of:ident::$promise:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $promise() {
                super::$of::$promise::<$Setup>().await;
            })*
        }
    };
}

over! { streamable_http, super::StreamableHttp }
over! { sse, super::Sse }
over! { stateless, super::Stateless }
