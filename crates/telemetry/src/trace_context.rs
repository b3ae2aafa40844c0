//! The W3C trace context of each request.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_pool_core::extend::ContextPropagator;
use opentelemetry::{
    Context,
    baggage::BaggageExt,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Sends the W3C trace context and the baggage with each request of a call.
///
/// The context is that of the call's `tracing` span, from the layer of
/// `tracing-opentelemetry`. Without such a span it is OpenTelemetry's current
/// context.
#[derive(Clone, Copy, Debug)]
pub struct TraceContext {
    baggage: bool,
}

impl TraceContext {
    /// A propagator that sends the trace context and the baggage.
    #[must_use]
    pub fn new() -> Self {
        Self { baggage: true }
    }

    /// Sends no baggage. Use it for upstreams of other organisations.
    #[must_use]
    pub fn without_baggage(self) -> Self {
        Self { baggage: false }
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

impl ContextPropagator for TraceContext {
    fn inject(&self, call: &Span, headers: &mut HeaderMap) {
        let context = context_of(call);
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            insert(headers, TRACEPARENT, &traceparent(span));
            insert(headers, TRACESTATE, span.trace_state().header().as_bytes());
        }
        let baggage = context.baggage();
        if self.baggage && !baggage.is_empty() {
            insert(headers, BAGGAGE, baggage.to_string().as_bytes());
        }
    }

    fn extract(&self, call: &Span, headers: &HeaderMap) {
        if Context::current().span().span_context().is_valid() {
            return;
        }
        if let Some(parent) = remote_parent(headers) {
            // It fails only without a layer, and then there is no trace to join.
            let _ = call.set_parent(Context::new().with_remote_span_context(parent));
        }
    }
}

/// The context in the headers of a caller: of version 00, or of a later version
/// that begins like it (W3C Trace Context section 3.2.2).
fn remote_parent(headers: &HeaderMap) -> Option<SpanContext> {
    let text = |name| headers.get(name)?.to_str().ok();
    let mut parts = text(TRACEPARENT)?.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (part.len() == length && part.bytes().all(is_hex)).then_some(part)
    };
    let version = part(2).filter(|version| *version != "ff")?;
    let trace = TraceId::from_hex(part(32)?).ok()?;
    let span = SpanId::from_hex(part(16)?).ok()?;
    let flags = u8::from_str_radix(part(2)?, 16).ok()?;
    if version == "00" && parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(flags & SAMPLED_AND_RANDOM);
    let state = text(TRACESTATE).and_then(|state| TraceState::from_str(state).ok());
    let context = SpanContext::new(trace, span, flags, true, state.unwrap_or_default());
    context.is_valid().then_some(context)
}

/// The context of a call's span, or else of the caller's span.
fn context_of(call: &Span) -> Context {
    let is_valid = |context: &Context| context.span().span_context().is_valid();
    let context = call.context();
    if is_valid(&context) {
        return context;
    }
    let context = Span::current().context();
    match is_valid(&context) {
        true => context,
        false => Context::current(),
    }
}

/// A `traceparent` of version 00. Written without `format!`, since every call
/// has one and formatting would cost more than the rest.
fn traceparent(span: &SpanContext) -> [u8; 55] {
    let mut text = *b"00-________________________________-________________-__";
    write_hex(&mut text[3..35], &span.trace_id().to_bytes());
    write_hex(&mut text[36..52], &span.span_id().to_bytes());
    let flags = span.trace_flags().to_u8() & SAMPLED_AND_RANDOM;
    write_hex(&mut text[53..], &[flags]);
    text
}

fn write_hex(digits: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 0xf)];
    }
}

/// Sets a header, unless the value is empty or not valid in a header.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The flags that W3C defines.
const SAMPLED_AND_RANDOM: u8 = 0b11;

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn read(parent: &str) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        insert(&mut headers, TRACEPARENT, parent.as_bytes());
        insert(&mut headers, TRACESTATE, b"a=b");
        remote_parent(&headers)
    }

    #[test]
    fn a_call_without_a_span_of_its_own_has_the_context_of_its_caller() {
        let provider = SdkTracerProvider::default();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let caller = tracing::info_span!("caller");
            let mut headers = HeaderMap::new();
            caller.in_scope(|| TraceContext::new().inject(&Span::none(), &mut headers));
            let context = remote_parent(&headers).unwrap();
            assert_eq!(
                &context.span_id(),
                &caller.context().span().span_context().span_id()
            );
        });
    }

    #[test]
    fn a_written_context_can_be_read() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = read(text).unwrap();
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(traceparent(&context), text.as_bytes());
        assert_eq!(context.trace_state().header(), "a=b");
    }

    #[test]
    fn a_later_version_is_read_as_version_00() {
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
        assert!(read(later).is_some());
    }

    #[test]
    fn a_text_that_is_no_context_is_ignored() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
