//! Requests for capabilities that were not declared.

use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ElicitRequestParams, ErrorCode, ServerRequest},
};

use super::handler_proxy::ProxiedHandler;

impl ProxiedHandler {
    /// True when the session declared the capability that this request needs.
    pub(crate) fn declares(&self, request: &ServerRequest) -> bool {
        self.refusal(request).is_none()
    }

    /// The error for a request that needs a capability which was not declared.
    pub(crate) fn refusal(&self, request: &ServerRequest) -> Option<ErrorData> {
        let none = ClientCapabilities::default();
        let declared = self.declared.as_deref().unwrap_or(&none);
        let code = match request {
            ServerRequest::CreateMessageRequest(_) if declared.sampling.is_none() => {
                ErrorCode::METHOD_NOT_FOUND
            }
            ServerRequest::ListRootsRequest(_) if declared.roots.is_none() => {
                ErrorCode::METHOD_NOT_FOUND
            }
            ServerRequest::ElicitRequest(request) => {
                let Some(elicitation) = &declared.elicitation else {
                    return Some(not_declared(ErrorCode::METHOD_NOT_FOUND));
                };
                // An elicitation capability without modes means forms (revision 2025-11-25,
                // client/elicitation); a request for another mode gets -32602.
                let has_mode = match &request.params {
                    ElicitRequestParams::UrlElicitationParams { .. } => elicitation.url.is_some(),
                    _ => elicitation.form.is_some() || elicitation.url.is_none(),
                };
                return (!has_mode).then(|| not_declared(ErrorCode::INVALID_PARAMS));
            }
            _ => return None,
        };
        Some(not_declared(code))
    }
}

fn not_declared(code: ErrorCode) -> ErrorData {
    ErrorData::new(code, "this client did not declare the capability", None)
}
