//! The HTTP headers of a request.

mod header_value;
mod headers;
mod param_headers;

pub(crate) use headers::{
    LAST_EVENT_ID, PROTOCOL_VERSION, RevisionHeader, SESSION_ID, is_valid_session_id,
    known_revision_header, revision_header, standard_headers,
};
pub(crate) use param_headers::{ToolHeaders, may_annotate};
