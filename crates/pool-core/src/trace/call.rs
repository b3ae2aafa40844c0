//! The span of a call.

use tracing::{
    Instrument, Span,
    field::{Empty, display},
    info_span,
};

use super::record::{note_error, note_session};
use crate::{
    error::CallError,
    extend::SessionInfo,
    types::{Fingerprint, Hex, PoolKey},
    wire::RequestIdSlot,
};

/// What a call is about, besides its method.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    None,
    Prompt(&'a str),
    Tool(&'a str),
}

/// The span of one call of a pooled client, repetition and pages included.
///
/// It is entered only around work that may begin spans or events of its own. A call that finds an
/// idle session has none: its fields are recorded by name, which saves an entry and an exit at each
/// wake-up of its task.
pub(crate) struct CallTrace {
    span: Span,
    entered: bool,
    /// The id of the request; `None` where the span is not recorded.
    request_id: Option<RequestIdSlot>,
}

impl CallTrace {
    /// The call begins; `session` is the one that it found ready.
    pub(crate) fn begin(
        pool: &str,
        key: &PoolKey,
        method: &str,
        target: Target<'_>,
        session: Option<&SessionInfo>,
    ) -> Self {
        let endpoint = key.endpoint();
        let network = session.and_then(|session| session.network);
        let span = info_span!(
            "call",
            otel.name = target.name(method).as_str(),
            otel.kind = "client",
            otel.status_code = Empty,
            mcp.method.name = method,
            mcp.protocol.version = session.map(|session| &*session.protocol_version),
            mcp.session.id = session
                .and_then(|info| info.session)
                .map(Fingerprint::hex)
                .as_ref()
                .map(Hex::as_str),
            mcp.pool.name = pool,
            mcp.pool.key = key.fingerprint().hex().as_str(),
            gen_ai.operation.name = target.operation(),
            gen_ai.prompt.name = target.prompt(),
            gen_ai.tool.name = target.tool(),
            jsonrpc.request.id = Empty,
            rpc.response.status_code = Empty,
            network.protocol.name = network.map(|(protocol, _)| protocol),
            network.transport = network.map(|(_, transport)| transport),
            server.address = endpoint.host(),
            server.port = i64::from(endpoint.port()),
            "error.type" = Empty,
        );
        Self {
            request_id: (!span.is_disabled()).then(RequestIdSlot::default),
            span,
            entered: false,
        }
    }

    /// Where the id of a request is noted.
    pub(crate) fn request_id(&self) -> Option<RequestIdSlot> {
        self.request_id.clone()
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Does something inside of the span.
    pub(crate) async fn cover<F: Future>(&mut self, work: F) -> F::Output {
        self.entered = true;
        work.instrument(self.span.clone()).await
    }

    /// Notes which session the call goes on with.
    pub(crate) fn note_session(&self, session: &SessionInfo) {
        note_session(&self.span, session);
    }

    /// Records that the tool reports a failure of its own.
    pub(crate) fn note_tool_error(&self) {
        note_error(&self.span, "tool_error");
    }

    /// Notes why the call returned no result.
    pub(crate) fn note_error(&self, error: &CallError) {
        if self.span.is_disabled() {
            return;
        }
        let kind = error.label();
        if matches!(error, CallError::Rpc(_)) {
            self.span.record("rpc.response.status_code", kind.as_ref());
        }
        note_error(&self.span, &kind);
    }
}

impl Drop for CallTrace {
    fn drop(&mut self) {
        if let Some(id) = self.request_id.as_ref().and_then(RequestIdSlot::take) {
            self.span.record("jsonrpc.request.id", display(id));
        }
        if self.entered {
            // A span that was ever entered ends, for OpenTelemetry, when it was last left.
            self.span.in_scope(|| {});
        }
    }
}

impl<'a> Target<'a> {
    /// What the span of a call is called: its method and what it is about.
    fn name(self, method: &str) -> String {
        match self {
            Self::None => method.to_owned(),
            Self::Prompt(name) | Self::Tool(name) => [method, " ", name].concat(),
        }
    }

    fn operation(self) -> Option<&'static str> {
        self.tool().map(|_| "execute_tool")
    }

    fn prompt(self) -> Option<&'a str> {
        match self {
            Self::Prompt(name) => Some(name),
            Self::None | Self::Tool(_) => None,
        }
    }

    fn tool(self) -> Option<&'a str> {
        match self {
            Self::Tool(name) => Some(name),
            Self::None | Self::Prompt(_) => None,
        }
    }
}
