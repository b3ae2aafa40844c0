//! A user who has to authorize, as input that is requested of a client without a session.

use std::collections::BTreeMap;

use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, ElicitRequest, ElicitRequestParams, ErrorCode, InputRequest,
        InputRequiredResult, InputResponses,
    },
};

use crate::fault::{Fault, elicits_by_url};

/// A user who has to authorize, as input that is requested of a client without a session (revision
/// 2026-07-28, patterns/mrtr). The upstream gets nothing of it.
pub(crate) struct Authorization;

impl Authorization {
    /// The request to send the user to the address; `None` where there is none, or the client cannot
    /// do it.
    pub(crate) fn request(
        fault: &Fault,
        declared: &ClientCapabilities,
    ) -> Option<InputRequiredResult> {
        let action = fault.user_action().filter(|_| elicits_by_url(declared))?;
        let params = ElicitRequestParams::UrlElicitationParams {
            meta: None,
            message: action.message().to_owned(),
            url: action.url().to_string(),
            // This revision has none.
            elicitation_id: String::new(),
        };
        let request = InputRequest::Elicitation(ElicitRequest::new(params));
        let requests = BTreeMap::from([(NAME.to_owned(), request)]);
        Some(InputRequiredResult::new(
            Some(requests),
            Some(STATE.to_owned()),
        ))
    }

    /// Takes the answer to such a request out of the next attempt.
    ///
    /// # Errors
    /// The user does not want to authorize.
    pub(crate) fn take(
        responses: &mut Option<InputResponses>,
        state: &mut Option<String>,
    ) -> Result<(), ErrorData> {
        if state.as_deref() != Some(STATE) {
            return Ok(());
        }
        *state = None;
        let responses = responses.take().unwrap_or_default();
        let action = responses
            .get(NAME)
            .and_then(|answer| answer["action"].as_str());
        match action {
            Some("accept") => Ok(()),
            _ => Err(ErrorData::new(ErrorCode::INVALID_REQUEST, DECLINED, None)),
        }
    }
}

const NAME: &str = "authorize";
/// What the proxy recognises its own request by. A client that makes it up gains nothing.
const STATE: &str = "mcp-session-pool/authorize";
const DECLINED: &str = "the user has not authorized the gateway";
