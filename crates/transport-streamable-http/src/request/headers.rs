//! The headers of the protocol.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use rmcp::model::{ClientRequest, ProtocolVersion};

use super::header_value::header_value;

/// Adds the headers that repeat the method and the name of a request, so that a proxy can route it
/// without reading its body (revision 2026-07-28, transports, standard headers).
pub(crate) fn standard_headers(request: &ClientRequest, headers: &mut HeaderMap) {
    if let Ok(method) = HeaderValue::from_str(request.method()) {
        headers.insert(METHOD, method);
    }
    if let Some(name) = name_of(request).and_then(|name| header_value(&name)) {
        headers.insert(NAME, name);
    }
}

/// The name of what a request is about, where its method has one.
fn name_of(request: &ClientRequest) -> Option<String> {
    Some(match request {
        ClientRequest::CallToolRequest(request) => request.params.name.to_string(),
        ClientRequest::GetPromptRequest(request) => request.params.name.clone(),
        ClientRequest::ReadResourceRequest(request) => request.params.uri.clone(),
        ClientRequest::SubscribeRequest(request) => request.params.uri.clone(),
        ClientRequest::UnsubscribeRequest(request) => request.params.uri.clone(),
        ClientRequest::GetTaskRequest(request) => request.params.task_id.clone(),
        ClientRequest::UpdateTaskRequest(request) => request.params.task_id.clone(),
        ClientRequest::CancelTaskRequest(request) => request.params.task_id.clone(),
        _ => return None,
    })
}

/// True for an id of visible ASCII (revision 2025-11-25, transports, session management).
pub(crate) fn is_valid_session_id(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    !bytes.is_empty() && bytes.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The header of a revision. That of a known one takes no memory of its own.
pub(crate) fn revision_header(revision: &ProtocolVersion) -> Option<RevisionHeader> {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    match known.into_iter().position(|known| known == revision) {
        Some(known) => u8::try_from(known).ok().map(RevisionHeader::Known),
        None => {
            let header = HeaderValue::from_str(revision.as_str());
            header.ok().map(RevisionHeader::Other)
        }
    }
}

/// The header of a known revision.
pub(crate) fn known_revision_header(known: u8) -> Option<HeaderValue> {
    static HEADERS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
        let known = ProtocolVersion::KNOWN_VERSIONS.iter();
        known
            .map(|known| HeaderValue::from_static(known.as_str()))
            .collect()
    });
    HEADERS.get(usize::from(known)).cloned()
}

/// The header that names a revision. A session keeps a known one as a number.
pub(crate) enum RevisionHeader {
    Known(u8),
    Other(HeaderValue),
}

#[cfg(test)]
mod tests {
    use rmcp::model::{
        CallToolRequest, CallToolRequestParams, PingRequest, ReadResourceRequest,
        ReadResourceRequestParams,
    };

    use super::*;

    #[test]
    fn only_visible_ascii_is_a_session_id() {
        for (id, valid) in [
            (&b"1868a90c-cf0f"[..], true),
            (b"!~", true),
            (b"", false),
            (b"with space", false),
            (b"umlaut-\xe4", false),
            (b"tab\tinside", false),
        ] {
            let value = HeaderValue::from_bytes(id).unwrap();
            assert_eq!(is_valid_session_id(&value), valid, "{id:?}");
        }
    }

    #[test]
    fn the_headers_name_the_method_and_what_it_is_about() {
        let tool = CallToolRequest::new(CallToolRequestParams::new("add"));
        let read = ReadResourceRequest::new(ReadResourceRequestParams::new("file:///a"));
        for (request, method, name) in [
            (
                ClientRequest::CallToolRequest(tool),
                "tools/call",
                Some("add"),
            ),
            (
                ClientRequest::ReadResourceRequest(read),
                "resources/read",
                Some("file:///a"),
            ),
            (
                ClientRequest::PingRequest(PingRequest::default()),
                "ping",
                None,
            ),
        ] {
            let mut headers = HeaderMap::new();
            standard_headers(&request, &mut headers);
            assert_eq!(headers[METHOD], method);
            let named = headers.get(NAME).and_then(|name| name.to_str().ok());
            assert_eq!(named, name);
        }
    }

    #[test]
    fn a_known_revision_is_a_number_and_another_one_its_text() {
        for revision in ProtocolVersion::KNOWN_VERSIONS {
            let header = match revision_header(revision) {
                Some(RevisionHeader::Known(known)) => known_revision_header(known),
                _ => None,
            };
            assert_eq!(header.unwrap(), revision.as_str());
        }
        let other = serde_json::from_str("\"2024-10-07\"").unwrap();
        let header = revision_header(&other);
        assert!(matches!(header, Some(RevisionHeader::Other(header)) if header == "2024-10-07"));
        assert!(known_revision_header(u8::MAX).is_none());
    }
}
