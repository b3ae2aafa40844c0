//! The table: from the pool's errors to codes, statuses and parties.

use http::StatusCode;
use mcp_pool_core::error::{
    AcquireError, CallError, FaultKind, InputError, Retry, SubscriptionError,
};
use rmcp::model::ErrorCode;

use super::party::Party;

/// One row of the table.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) party: Party,
    pub(super) code: ErrorCode,
    pub(super) status: StatusCode,
}

impl Row {
    const fn new(party: Party, code: i32, status: StatusCode) -> Self {
        Self {
            party,
            code: ErrorCode(code),
            status,
        }
    }
}

/// The row of a call's error.
pub(super) fn of_call(error: &CallError) -> Row {
    match error {
        CallError::Acquire(error) => of_acquire(error),
        CallError::Arguments(_) => BAD_REQUEST,
        CallError::Input(InputError::Refused(_) | InputError::Unreadable) => NO_INPUT,
        CallError::Input(InputError::TimedOut) => LATE,
        CallError::NotExecuted(failure) => of_fault(failure.kind()),
        CallError::NotInRevision(_) => NO_METHOD,
        CallError::OutcomeUnknown(failure) => Row {
            code: ErrorCode(OUTCOME_UNKNOWN),
            ..of_fault(failure.kind())
        },
        CallError::Rpc(error) => Row {
            code: error.code,
            ..ANSWERED
        },
        CallError::SessionLost => LOST,
        CallError::Subscription(SubscriptionError::NotAccepted) => NO_METHOD,
        CallError::Subscription(SubscriptionError::TooMany(_)) => OVERLOADED_ROW,
        _ => BAD_ANSWER,
    }
}

/// The row of an acquire's error.
pub(super) fn of_acquire(error: &AcquireError) -> Row {
    match error {
        AcquireError::CircuitOpen { .. } => UNAVAILABLE_ROW,
        AcquireError::Connect(error) => of_fault(error.kind()),
        AcquireError::CredentialExpired => UNAUTHORIZED_ROW,
        AcquireError::Identity(_) => match error.retry() {
            Retry::WithOtherCredentials => UNAUTHORIZED_ROW,
            _ => UNAVAILABLE_ROW,
        },
        AcquireError::Overloaded { .. } | AcquireError::Quota { .. } => OVERLOADED_ROW,
        AcquireError::SessionLost => LOST,
        AcquireError::Timeout { .. } => LATE,
        AcquireError::Closed => CLOSING,
        _ => MISCONFIGURED,
    }
}

/// The row of a transport's failure.
fn of_fault(kind: &FaultKind) -> Row {
    match kind {
        FaultKind::Credentials(error) if error.user_action().is_some() => AUTHORIZE,
        FaultKind::Credentials(_) => MISCONFIGURED,
        FaultKind::Forbidden(_) | FaultKind::Unauthorized(_) => REFUSED,
        FaultKind::RateLimited { .. } => LIMITED,
        FaultKind::SessionGone => LOST,
        FaultKind::Timeout => LATE,
        FaultKind::Server { .. } | FaultKind::Tls | FaultKind::Unreachable => UNAVAILABLE_ROW,
        _ => BAD_ANSWER,
    }
}

/// The upstream does not answer, or not with an answer.
pub(super) const UNAVAILABLE: i32 = -32011;
/// Too many callers wait.
pub(super) const OVERLOADED: i32 = -32012;
/// The credential does not suffice.
pub(super) const UNAUTHORIZED: i32 = -32013;
/// The request may have been executed.
pub(super) const OUTCOME_UNKNOWN: i32 = -32014;
/// The upstream's state of the conversation is gone.
pub(super) const STATE_LOST: i32 = -32015;
/// The user has to go to a URL first (revision 2025-11-25, client/elicitation).
pub(super) const URL_ELICITATION_REQUIRED: i32 = -32042;
/// No answer in time.
pub(super) const TIMED_OUT: i32 = -32016;

const ANSWERED: Row = Row::new(Party::Upstream, 0, StatusCode::OK);
// The user has to authorize; the gateway's own token is as good as before.
const AUTHORIZE: Row = Row::new(Party::Caller, UNAUTHORIZED, StatusCode::FORBIDDEN);
const BAD_ANSWER: Row = Row::new(Party::Upstream, UNAVAILABLE, StatusCode::BAD_GATEWAY);
const BAD_REQUEST: Row = Row::new(Party::Caller, -32602, StatusCode::BAD_REQUEST);
const CLOSING: Row = Row::new(Party::Gateway, UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE);
const LATE: Row = Row::new(Party::Upstream, TIMED_OUT, StatusCode::GATEWAY_TIMEOUT);
const LIMITED: Row = Row::new(Party::Load, OVERLOADED, StatusCode::TOO_MANY_REQUESTS);
const LOST: Row = Row::new(Party::Upstream, STATE_LOST, StatusCode::BAD_GATEWAY);
const MISCONFIGURED: Row = Row::new(Party::Gateway, -32603, StatusCode::INTERNAL_SERVER_ERROR);
const NO_INPUT: Row = Row::new(Party::Caller, -32600, StatusCode::BAD_REQUEST);
const NO_METHOD: Row = Row::new(Party::Caller, -32601, StatusCode::NOT_FOUND);
const OVERLOADED_ROW: Row = Row::new(Party::Load, OVERLOADED, StatusCode::SERVICE_UNAVAILABLE);
// The upstream's refusal is no challenge of the gateway's own: the client would renew the wrong token.
const REFUSED: Row = Row::new(Party::Caller, UNAUTHORIZED, StatusCode::FORBIDDEN);
const UNAUTHORIZED_ROW: Row = Row::new(Party::Caller, UNAUTHORIZED, StatusCode::UNAUTHORIZED);
const UNAVAILABLE_ROW: Row = Row::new(
    Party::Upstream,
    UNAVAILABLE,
    StatusCode::SERVICE_UNAVAILABLE,
);
