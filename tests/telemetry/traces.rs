//! Traces.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use http::HeaderMap;
use mcp_pool_testkit::{conformance::Counterpart, server::Seen};
use mcp_session_pool::{
    PooledClient, SessionPool,
    rmcp::model::{CallToolRequestParams, RequestMetaObject},
};
use opentelemetry::trace::TraceContextExt;
use serde_json::{Value, json};
use tracing::{Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Setup,
    common::{call, close, eventually, headers, request},
    multiplexed,
    otel::{OTEL, Span},
    pool,
};

/// A downstream request: a trace of its own.
struct Downstream {
    span: tracing::Span,
    trace: String,
}

impl Downstream {
    fn begin() -> Self {
        // The first use sets OpenTelemetry up.
        let _ = &*OTEL;
        let span = info_span!(parent: None, "downstream");
        let trace = span.context().span().span_context().trace_id().to_string();
        Self { span, trace }
    }

    /// Runs `work` as a part of the request, and ends the request.
    async fn serve<T>(self, work: impl Future<Output = T>) -> (String, T) {
        let result = work.instrument(self.span).await;
        (self.trace, result)
    }
}

fn named(spans: &[Span], name: &str) -> Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name() == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0].clone()
}

/// Every tool call that a server saw.
fn calls(server: &impl Counterpart) -> Vec<Seen> {
    let mut seen = server.requests();
    seen.retain(|seen| seen.method == "tools/call");
    seen
}

fn header(seen: &Seen, name: &str) -> Option<String> {
    let value = seen.headers.get(name)?;
    Some(value.to_str().expect("text").to_owned())
}

fn meta(seen: &Seen, name: &str) -> Option<String> {
    let value = seen.message["params"]["_meta"].get(name)?;
    value.as_str().map(str::to_owned)
}

/// The id of a request, which is a number or a text.
fn request_id(seen: &Seen) -> String {
    let id = &seen.message["id"];
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The trace parent of a request, which is the same in its headers and in its message.
fn parent(seen: &Seen) -> String {
    let both = (header(seen, "traceparent"), meta(seen, "traceparent"));
    let (Some(header), Some(meta)) = both else {
        panic!("no trace parent in header or message: {both:?}");
    };
    assert_eq!(header, meta);
    header
}

fn trace_of(parent: &str) -> &str {
    parent.split('-').nth(1).expect("a trace parent")
}

pub(crate) async fn one_request_is_one_trace_from_its_caller_to_the_server<S: Setup>() {
    let server = S::server();
    let pool = pool::<S>();
    let alice = request(server.endpoint(), "alice");
    let work = async {
        let client = pool.client(alice).await.expect("a client");
        call(&client, "increment").await.expect("a count");
    };
    let (trace, ()) = Downstream::begin().serve(work).await;
    let spans = OTEL.trace(&trace);
    let downstream = named(&spans, "downstream");
    let call = named(&spans, "tools/call increment");
    let acquire = named(&spans, "acquire");
    let wait = named(&spans, "wait");
    let connect = named(&spans, "connect");
    assert_eq!(call.parent(), downstream.id());
    assert_eq!(acquire.parent(), call.id());
    assert_eq!(wait.parent(), acquire.id());
    assert_eq!(connect.parent(), wait.id());

    let seen = calls(&server);
    assert_eq!(parent(&seen[0]), format!("00-{trace}-{}-01", call.id()));

    let url = server.endpoint().url().clone();
    for (key, value) in [
        ("mcp.method.name", "tools/call".to_owned()),
        ("gen_ai.tool.name", "increment".to_owned()),
        ("gen_ai.operation.name", "execute_tool".to_owned()),
        ("jsonrpc.request.id", request_id(&seen[0])),
        ("server.address", "127.0.0.1".to_owned()),
        ("server.port", url.port().expect("a port").to_string()),
        ("network.transport", "tcp".to_owned()),
    ] {
        assert_eq!(call.attribute(key), Some(value), "{key}");
    }
    assert!(call.is_number("server.port"));
    assert!(call.attribute("mcp.protocol.version").is_some());
    let shown = call.attribute("mcp.session.id");
    assert_eq!(shown.is_some(), seen[0].session.is_some());
    let as_sent = shown.is_some() && shown == seen[0].session;
    assert!(!as_sent, "only a fingerprint is shown");
    assert_eq!(call.attribute("error.type"), None);
    assert_eq!(
        acquire.attribute("mcp.pool.outcome").as_deref(),
        Some("miss")
    );

    expect_opened_once(&trace, &connect);
    close(&pool).await;
    let closed = closed_by_shutdown(&call);
    assert_eq!(closed.attribute("mcp.session.id"), shown);
}

/// Checks that this connect opened one session, in a trace of its own that is linked to it.
fn expect_opened_once(trace: &str, connect: &Span) {
    let linked = (trace.to_owned(), connect.id());
    let opened = |span: &Span| span.name() == "open" && span.links().contains(&linked);
    let open: Vec<_> = OTEL.spans().into_iter().filter(opened).collect();
    assert_eq!(open.len(), 1, "one session was opened for it");
    assert_ne!(open[0].trace_id(), trace);
}

/// The span that closed the session of a call.
fn closed_by_shutdown(call: &Span) -> Span {
    let key = call.attribute("mcp.pool.key");
    let is_it = |span: &Span| span.name() == "close" && span.attribute("mcp.pool.key") == key;
    let closed = OTEL.spans().into_iter().find(is_it);
    let closed = closed.expect("it was closed");
    let reason = closed.attribute("mcp.pool.close.reason");
    assert_eq!(reason.as_deref(), Some("shutdown"));
    closed
}

pub(crate) async fn forty_callers_on_one_session_are_never_mixed<S: Setup>() {
    let server = S::server();
    server.switches().delay_tools(Duration::from_millis(50));
    let pool = pool::<S>();
    let alice = request(multiplexed(&server), "alice");
    let client = pool.client(alice).await.expect("a client");
    let callers = (0..40).map(|caller: u64| {
        let params = numbered(CallToolRequestParams::new("wait"), caller);
        let client = &client;
        async move {
            let work = client.call_tool(params);
            let (trace, result) = Downstream::begin().serve(work).await;
            result.expect("an answer");
            (caller, trace)
        }
    });
    let traces: BTreeMap<u64, String> = join_all(callers).await.into_iter().collect();
    let seen = calls(&server);
    assert_eq!(seen.len(), 40);
    let spans = OTEL.spans();
    let calls = spans.iter().filter(|span| span.name() == "tools/call wait");
    let calls: BTreeMap<_, _> = calls.map(|call| (call.trace_id(), call.id())).collect();
    for seen in &seen {
        let caller = seen.message["params"]["arguments"]["caller"].as_u64();
        let trace = &traces[&caller.expect("a number")];
        let parent = parent(seen);
        assert_eq!(trace_of(&parent), trace);
        assert_eq!(parent, format!("00-{trace}-{}-01", calls[trace]));
    }
    let sessions: std::collections::BTreeSet<_> = seen.iter().map(|seen| &seen.session).collect();
    assert_eq!(sessions.len(), 1, "all of them used one session");
    close(&pool).await;
}

fn numbered(params: CallToolRequestParams, caller: u64) -> CallToolRequestParams {
    let arguments = json!({ "caller": caller });
    params.with_arguments(arguments.as_object().cloned().unwrap_or_default())
}

pub(crate) async fn a_session_is_in_no_trace_but_that_of_its_caller<S: Setup>() {
    let server = S::server();
    let pool = pool::<S>();
    let alice = request(server.endpoint(), "alice");
    let client = pool.client(alice).await.expect("a client");
    let (first, result) = Downstream::begin().serve(call(&client, "increment")).await;
    result.expect("a count");
    let (second, result) = Downstream::begin().serve(call(&client, "increment")).await;
    result.expect("a count");
    let parents: Vec<_> = calls(&server).iter().map(parent).collect();
    assert_eq!(trace_of(&parents[0]), first);
    assert_eq!(trace_of(&parents[1]), second);
    // The session is still open, and the trace of the caller that opened it is complete.
    assert_eq!(pool.stats().total_sessions, 1);
    named(&OTEL.trace(&first), "downstream");
    let spans = OTEL.trace(&second);
    let downstream = named(&spans, "downstream");
    assert_eq!(
        named(&spans, "tools/call increment").parent(),
        downstream.id()
    );
    assert_eq!(
        spans.len(),
        2,
        "a session that was there is had without a span: {spans:#?}"
    );
    close(&pool).await;
}

pub(crate) async fn a_connect_that_outlives_its_caller_is_linked_and_keeps_no_span_of_it_open<
    S: Setup,
>() {
    let server = S::server();
    // A client of a server without sessions begins with another request.
    let first = first_request::<S>().await;
    server.switches().hang(&first);
    let pool = pool::<S>();
    let alice = request(server.endpoint(), "alice");
    let client = pool.client(alice).await.expect("a client");
    let downstream = Downstream::begin();
    let trace = downstream.trace.clone();
    let leaving = tokio::spawn(async move { downstream.serve(call(&client, "increment")).await });
    let connecting = || server.requests().iter().any(|seen| seen.method == first);
    eventually("a session is being opened", connecting).await;
    leaving.abort();
    leaving.await.expect_err("the caller has left");
    let spans = OTEL.trace(&trace);
    named(&spans, "downstream");
    let connect = named(&spans, "connect");
    let linked = (trace.clone(), connect.id());
    let opened = || {
        let spans = OTEL.spans();
        spans
            .iter()
            .filter(|span| span.links().contains(&linked))
            .count()
    };
    assert_eq!(opened(), 0, "it is still being opened");
    drop(server);
    eventually("it is not any more", || opened() == 1).await;
    pool.close(Duration::from_secs(5)).await;
}

pub(crate) async fn the_span_of_a_call_lasts_until_its_answer<S: Setup>() {
    let server = S::server();
    let pool = pool::<S>();
    let alice = request(server.endpoint(), "alice");
    let client = pool.client(alice).await.expect("a client");
    let answers = Duration::from_millis(300);
    server.switches().delay_tools(answers);
    // The first call opens the session, the second reuses it.
    for _ in 0..2 {
        let (trace, result) = Downstream::begin().serve(call(&client, "wait")).await;
        result.expect("an answer");
        let took = named(&OTEL.trace(&trace), "tools/call wait").took();
        assert!(took >= answers, "{took:?}");
    }
    let timeout = answers / 2;
    server.switches().delay_tools(Duration::from_secs(600));
    let brief = client.with_timeout(timeout);
    let (trace, result) = Downstream::begin().serve(call(&brief, "wait")).await;
    result.expect_err("its time was up");
    let took = named(&OTEL.trace(&trace), "tools/call wait").took();
    // The timeout began with the call, a little before its span.
    assert!(took >= timeout / 2, "{took:?}");
    close(&pool).await;
}

/// The first request of a session over this transport.
async fn first_request<S: Setup>() -> String {
    let server = S::server();
    let pool = pool::<S>();
    let lease = pool.acquire(&request(server.endpoint(), "alice")).await;
    drop(lease.expect("a session"));
    let seen = server.requests();
    close(&pool).await;
    let methods = seen.into_iter().map(|seen| seen.method);
    let first = methods.into_iter().find(|method| method != "GET");
    first.expect("a request")
}

pub(crate) async fn without_a_propagator_the_headers_of_the_caller_are_sent<S: Setup>() {
    let server = S::server();
    let plain = SessionPool::builder().connector(S::connector()).build();
    let pool = plain.expect("a pool");
    let own = headers(&[("traceparent", PARENT), ("tracestate", "a=b")]);
    let client = of(&pool, &server, &own).await;
    let (_, result) = Downstream::begin().serve(call(&client, "increment")).await;
    result.expect("a count");
    let seen = calls(&server).pop().expect("a call");
    assert_eq!(header(&seen, "traceparent").as_deref(), Some(PARENT));
    assert_eq!(header(&seen, "tracestate").as_deref(), Some("a=b"));
    close(&pool).await;
}

pub(crate) async fn without_a_span_the_call_joins_the_trace_that_the_caller_passed_through<
    S: Setup,
>() {
    let server = S::server();
    let pool = pool::<S>();
    // The trace is new, since every test exports to the same receiver.
    let trace = Downstream::begin().trace;
    let passed = format!("00-{trace}-b7ad6b7169203331-01");
    let own = headers(&[("traceparent", &passed), ("tracestate", "a=b")]);
    let client = of(&pool, &server, &own).await;
    call(&client, "increment").await.expect("a count");
    let call = named(&OTEL.trace(&trace), "tools/call increment");
    assert_eq!(call.parent(), "b7ad6b7169203331");
    let seen = calls(&server).pop().expect("a call");
    assert_eq!(parent(&seen), format!("00-{trace}-{}-01", call.id()));
    assert_eq!(header(&seen, "tracestate").as_deref(), Some("a=b"));
    assert_eq!(meta(&seen, "tracestate").as_deref(), Some("a=b"));
    close(&pool).await;
}

pub(crate) async fn the_trace_context_of_the_caller_is_replaced_as_a_whole<S: Setup>() {
    let server = S::server();
    let pool = pool::<S>();
    let own = headers(&[
        ("traceparent", PARENT),
        ("tracestate", "a=b"),
        ("baggage", "c=d"),
        ("x-request-id", "own"),
    ]);
    let client = of(&pool, &server, &own).await;
    let mut meta_of_caller = RequestMetaObject::new();
    for (name, value) in [
        ("traceparent", PARENT),
        ("tracestate", "a=b"),
        ("own", "own"),
    ] {
        meta_of_caller.insert(name.to_owned(), Value::from(value));
    }
    let mut params = CallToolRequestParams::new("increment");
    params.meta = Some(meta_of_caller);
    let (trace, result) = Downstream::begin().serve(client.call_tool(params)).await;
    result.expect("a count");
    let seen = calls(&server).pop().expect("a call");
    assert_eq!(trace_of(&parent(&seen)), trace);
    assert_eq!(
        header(&seen, "tracestate"),
        None,
        "it belongs to another parent"
    );
    assert_eq!(
        meta(&seen, "tracestate"),
        None,
        "it belongs to another parent"
    );
    assert_eq!(header(&seen, "baggage").as_deref(), Some("c=d"));
    assert_eq!(header(&seen, "x-request-id").as_deref(), Some("own"));
    assert_eq!(meta(&seen, "own").as_deref(), Some("own"));
    close(&pool).await;
}

async fn of(pool: &SessionPool, server: &impl Counterpart, own: &HeaderMap) -> PooledClient {
    let client = pool.client(request(server.endpoint(), "alice")).await;
    client
        .expect("a client")
        .with_call_headers(own)
        .expect("all are per-call headers")
}

pub(crate) async fn a_failure_is_recorded_in_its_span<S: Setup>() {
    let server = S::server();
    let pool = pool::<S>();
    let alice = request(server.endpoint(), "alice");
    let client = pool.client(alice).await.expect("a client");
    let (trace, result) = Downstream::begin()
        .serve(call(&client, "no-such-tool"))
        .await;
    result.expect_err("there is no such tool");
    let failed = named(&OTEL.trace(&trace), "tools/call no-such-tool");
    assert_eq!(failed.attribute("error.type").as_deref(), Some("-32602"));
    assert_eq!(
        failed.attribute("rpc.response.status_code").as_deref(),
        Some("-32602")
    );
    drop(server);
    pool.drain();
    eventually("the session is closed", || pool.stats().total_sessions == 0).await;
    let (trace, result) = Downstream::begin().serve(call(&client, "increment")).await;
    result.expect_err("there is no such server");
    let spans = OTEL.trace(&trace);
    // A client of a server without sessions needs no request before its call.
    let failed = match S::KEEPS_SESSIONS {
        true => &["tools/call increment", "acquire", "connect"][..],
        false => &["tools/call increment"],
    };
    for name in failed {
        let kind = named(&spans, name).attribute("error.type");
        assert_eq!(kind.as_deref(), Some("unreachable"), "{name}");
    }
    close(&pool).await;
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
