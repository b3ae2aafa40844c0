//! A failed call, as its downstream client gets it.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;
use mcp_pool_core::error::{AcquireError, CallError, CredentialError, Outcome, Retry, UserAction};
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ErrorCode},
};
use serde_json::{Value, json};

use super::{
    party::Party,
    table::{self, Row},
};

/// A failed call, as its downstream client gets it: one pure table from the pool's errors to
/// JSON-RPC errors and HTTP statuses.
///
/// The upstream's own JSON-RPC errors are passed on unchanged. Nothing else of an upstream is in the
/// texts: no address, no header, no body.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use mcp_pool_core::error::{AcquireError, CallError};
/// use mcp_pool_proxy::{Fault, Party};
///
/// let retry_after = Duration::from_millis(1_500);
/// let error = CallError::Acquire(Arc::new(AcquireError::CircuitOpen { retry_after }));
/// let fault = Fault::of(&error);
/// assert_eq!(fault.party(), Party::Upstream);
/// assert_eq!(fault.status(), 503);
/// assert_eq!(fault.retry_after(), Some(retry_after));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    party: Party,
    code: ErrorCode,
    status: StatusCode,
    retry_after: Option<Duration>,
    outcome: Outcome,
    label: Cow<'static, str>,
    /// The upstream's own error. Shown by its code alone.
    answered: Option<Answered>,
    /// What the user has to do first.
    action: Option<UserAction>,
}

/// The error of an upstream.
#[derive(Clone)]
struct Answered(ErrorData);

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answered({})", self.0.code.0)
    }
}

impl Fault {
    /// What a failed call comes to.
    #[must_use]
    pub fn of(error: &CallError) -> Self {
        let fault = Self::new(table::of_call(error), error.outcome(), error.label());
        let retry = match error {
            CallError::Acquire(error) => error.retry(),
            _ => match error.failure() {
                Some(failure) => failure.kind().retry(),
                None => Retry::Never,
            },
        };
        Self {
            answered: match error {
                CallError::Rpc(error) => Some(Answered(error.clone())),
                _ => None,
            },
            action: user_action(error.credential_error()),
            ..fault.with_retry(retry)
        }
    }

    /// What a failed acquire comes to.
    #[must_use]
    pub fn of_acquire(error: &AcquireError) -> Self {
        let row = table::of_acquire(error);
        let fault = Self::new(row, Outcome::NotExecuted, Cow::Borrowed(error.label()));
        Self {
            action: user_action(error.credential_error()),
            ..fault.with_retry(error.retry())
        }
    }

    /// The party at fault.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
    }

    /// The code of the JSON-RPC error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The HTTP status, for a gateway that answers over plain HTTP. 401 only where the gateway's own
    /// token is to be renewed; what an upstream refuses is 403.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The time after which it may make sense to try again, for `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The JSON-RPC error. Its data name the party at fault, the reason, whether the upstream may have
    /// executed the request, and the time to wait.
    #[must_use]
    pub fn to_error(&self) -> ErrorData {
        match &self.answered {
            Some(answered) => answered.0.clone(),
            None => ErrorData::new(self.code, self.message(), Some(self.data())),
        }
    }

    /// What the user has to do before the call is made again, such as to authorize at the upstream's
    /// authorization server.
    #[must_use]
    pub fn user_action(&self) -> Option<&UserAction> {
        self.action.as_ref()
    }

    /// The JSON-RPC error for a client of revision 2025-11-25 with these capabilities: one that
    /// declares elicitation by URL gets the address that its user has to go to
    /// ([`user_action`](Self::user_action)), as error -32042. Otherwise as [`to_error`](Self::to_error).
    #[must_use]
    pub fn to_error_for(&self, capabilities: &ClientCapabilities) -> ErrorData {
        match &self.action {
            Some(action) if elicits_by_url(capabilities) => {
                let code = ErrorCode(table::URL_ELICITATION_REQUIRED);
                let data = json!({ "elicitations": [elicitation(action)] });
                ErrorData::new(code, self.message(), Some(data))
            }
            _ => self.to_error(),
        }
    }

    fn new(row: Row, outcome: Outcome, label: Cow<'static, str>) -> Self {
        Self {
            party: row.party,
            code: row.code,
            status: row.status,
            retry_after: None,
            outcome,
            label,
            answered: None,
            action: None,
        }
    }

    fn with_retry(mut self, retry: Retry) -> Self {
        if let Retry::Later(after) = retry {
            self.retry_after = after;
        }
        self
    }

    fn message(&self) -> String {
        if let Some(action) = &self.action {
            return format!("{} first, then call again", action.message());
        }
        let what = match self.code.0 {
            table::OUTCOME_UNKNOWN => "no answer came; the request may have been executed",
            table::OVERLOADED => "too many requests at the moment",
            table::STATE_LOST => "the server lost the state of this conversation",
            table::TIMED_OUT => "no answer in time",
            table::UNAUTHORIZED => "the credential does not suffice",
            table::UNAVAILABLE => "the server is not available",
            _ => "the request failed",
        };
        format!("{what} ({})", self.label)
    }

    fn data(&self) -> Value {
        let mut data = json!({
            "fault": self.party.as_str(),
            "reason": match self.action {
                Some(_) => "authorization_needed",
                None => &self.label,
            },
            "outcome": self.outcome.as_str(),
        });
        if let Some(after) = self.retry_after {
            data["retryAfterMs"] = json!(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        }
        data
    }
}

/// Whether a client may be sent to a URL.
pub(crate) fn elicits_by_url(capabilities: &ClientCapabilities) -> bool {
    let elicitation = capabilities.elicitation.as_ref();
    elicitation.is_some_and(|elicitation| elicitation.url.is_some())
}

/// The elicitation of a URL, as error -32042 has it.
fn elicitation(action: &UserAction) -> Value {
    json!({
        "mode": "url",
        "elicitationId": format!("{:032x}", rand::random::<u128>()),
        "url": action.url().as_str(),
        "message": action.message(),
    })
}

fn user_action(error: Option<&CredentialError>) -> Option<UserAction> {
    error?.user_action().cloned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mcp_pool_core::error::{CallFailure, ConnectError, FaultKind, Stage};

    use super::*;

    fn acquire(error: AcquireError) -> CallError {
        CallError::Acquire(Arc::new(error))
    }

    fn connect(kind: FaultKind) -> CallError {
        acquire(AcquireError::Connect(Arc::new(ConnectError::new(kind))))
    }

    #[test]
    fn each_error_has_its_party_and_its_status() {
        let second = Duration::from_secs(1);
        let timeout = AcquireError::Timeout {
            stage: Stage::Queue,
            waited: second,
            last_cause: None,
        };
        let overloaded = AcquireError::Overloaded {
            retry_after: second,
        };
        let limited = FaultKind::RateLimited {
            retry_after: Some(second),
        };
        let lost = CallFailure::new(Outcome::Unknown, FaultKind::Unreachable);
        for (error, party, status) in [
            (acquire(overloaded), Party::Load, 503),
            (acquire(AcquireError::CredentialExpired), Party::Caller, 401),
            (acquire(AcquireError::Closed), Party::Gateway, 503),
            (acquire(AcquireError::NotShareable), Party::Gateway, 500),
            (acquire(timeout), Party::Upstream, 504),
            (connect(FaultKind::Unreachable), Party::Upstream, 503),
            (connect(FaultKind::Protocol), Party::Upstream, 502),
            (connect(limited), Party::Load, 429),
            (CallError::SessionLost, Party::Upstream, 502),
            (CallError::OutcomeUnknown(lost), Party::Upstream, 503),
            (CallError::Arguments("no object"), Party::Caller, 400),
        ] {
            let fault = Fault::of(&error);
            assert_eq!(fault.party(), party, "{error}");
            assert_eq!(fault.status(), status, "{error}");
        }
    }

    #[test]
    fn a_user_who_has_to_authorize_is_sent_to_the_address_only_where_the_client_can_do_that() {
        let url = "https://auth.example.com/authorize?state=sekret".parse();
        let action = UserAction::new(url.unwrap(), "authorize at `auth.example.com`");
        let error = CredentialError::new("none").with_user_action(action);
        let fault = Fault::of(&connect(FaultKind::Credentials(error)));
        assert_eq!(
            (fault.party(), fault.status().as_u16()),
            (Party::Caller, 403)
        );
        assert!(!format!("{fault:?}").contains("sekret"), "{fault:?}");
        let elicitation = json!({ "elicitation": { "url": {} } });
        let able: ClientCapabilities = serde_json::from_value(elicitation).unwrap();
        let error = fault.to_error_for(&able);
        assert_eq!(error.code.0, -32042);
        let elicitation = &error.data.unwrap()["elicitations"][0];
        assert_eq!(elicitation["mode"], "url");
        assert!(elicitation["url"].as_str().unwrap().ends_with("sekret"));
        for unable in [json!({}), json!({ "elicitation": { "form": {} } })] {
            let unable: ClientCapabilities = serde_json::from_value(unable).unwrap();
            let error = fault.to_error_for(&unable);
            assert_eq!(error.code.0, table::UNAUTHORIZED);
            assert!(error.message.contains("authorize"), "{}", error.message);
            let shown = serde_json::to_string(&error).unwrap();
            assert!(!shown.contains("sekret"), "{shown}");
        }
    }

    #[test]
    fn a_requested_wait_reaches_the_client() {
        let limited = FaultKind::RateLimited {
            retry_after: Some(Duration::from_secs(7)),
        };
        let fault = Fault::of(&connect(limited));
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(7)));
        let data = fault.to_error().data.unwrap();
        assert_eq!(data["retryAfterMs"], 7_000);
        assert_eq!(data["outcome"], "not_executed");
    }

    #[test]
    fn the_upstreams_own_error_is_passed_on_unchanged_and_not_shown() {
        let own = ErrorData::new(ErrorCode(-32099), "sekret", Some(json!({"a": 1})));
        let fault = Fault::of(&CallError::Rpc(own.clone()));
        assert_eq!(fault.to_error(), own);
        assert!(!format!("{fault:?}").contains("sekret"));
    }
}
