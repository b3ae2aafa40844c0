//! The context of a call on its way out.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use rmcp::model::{ClientRequest, GetMeta, RequestMetaObject};
use serde_json::Value;
use tracing::Span;

use crate::extend::{CallContext, ContextPropagator};

/// Puts the context of a call into one of its requests, and returns what its transport sends along.
/// `None` when there is no context: then the caller's own headers stay.
pub(super) fn inject(
    propagator: &dyn ContextPropagator,
    call: &Span,
    request: &mut ClientRequest,
    context: &CallContext,
) -> Option<CallContext> {
    let mut injected = HeaderMap::new();
    propagator.inject(call, &mut injected);
    if injected.is_empty() {
        return None;
    }
    let has_parent = injected.contains_key(TRACEPARENT);
    if has_parent && let Some(meta) = own_meta(request) {
        // A state belongs to its parent, and this is another one.
        meta.remove(TRACESTATE.as_str());
    }
    for name in [TRACEPARENT, TRACESTATE, BAGGAGE] {
        let value = injected.get(&name).and_then(|value| value.to_str().ok());
        if let Some(value) = value {
            let value = Value::String(value.to_owned());
            request
                .get_meta_mut()
                .insert(name.as_str().to_owned(), value);
        }
    }
    add_passed(&mut injected, context.extra(), has_parent);
    Some(context.clone().with_extra(Arc::new(injected)))
}

/// Adds what the caller passed through by hand, as far as nothing else was injected in its place.
fn add_passed(injected: &mut HeaderMap, passed: &HeaderMap, has_parent: bool) {
    for name in passed.keys() {
        let is_replaced = injected.contains_key(name) || (has_parent && *name == TRACESTATE);
        if !is_replaced {
            for value in passed.get_all(name) {
                injected.append(name, value.clone());
            }
        }
    }
}

/// Makes the context that the caller passed through by hand the parent of a call's span, where the
/// caller has no span of its own.
pub(super) fn extract(propagator: &dyn ContextPropagator, call: &Span, context: &CallContext) {
    let passed = context.extra().contains_key(TRACEPARENT);
    if passed && !call.is_disabled() && Span::current().is_none() {
        propagator.extract(call, context.extra());
    }
}

/// What the caller wrote into the request's parameters, which rmcp merges with the rest of `_meta`
/// when it sends them.
pub(super) fn own_meta(request: &mut ClientRequest) -> Option<&mut RequestMetaObject> {
    match request {
        ClientRequest::CallToolRequest(request) => request.params.meta.as_mut(),
        ClientRequest::GetPromptRequest(request) => request.params.meta.as_mut(),
        ClientRequest::ReadResourceRequest(request) => request.params.meta.as_mut(),
        _ => None,
    }
}

const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
