//! What became of a call that did not return a result.

use std::{borrow::Cow, fmt, sync::Arc};

use rmcp::{ErrorData, model::CallToolResult};

use super::{
    acquire::AcquireError,
    credential::CredentialError,
    outcome::{CallFailure, Outcome},
    refusal::Challenge,
};

/// Why a pooled call returned no result. [`outcome`](Self::outcome) tells apart whether it may have
/// been executed. Of a server's error, `Debug` and `Display` show the code alone.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No session could be had; nothing was sent.
    #[error("call not sent")]
    Acquire(#[source] Arc<AcquireError>),
    /// The arguments of a typed call cannot be written as a JSON object; nothing was sent. The
    /// caller's fault.
    #[error("arguments of the tool: {0}")]
    Arguments(&'static str),
    /// The server needs input before it answers, and there was none.
    #[error("the server asked for input")]
    Input(#[from] InputError),
    /// The server's list does not end within the bounds of the pool.
    #[error("the list does not end: {0}")]
    ListTooLong(#[from] ListBound),
    /// The server provably executed nothing. The failure's kind names the party at fault.
    #[error("call not executed: {0}")]
    NotExecuted(CallFailure),
    /// The server's revision of the protocol has no such method; nothing was sent.
    #[error("the server's revision has no `{0}`")]
    NotInRevision(&'static str),
    /// The request was sent and no answer came: it may have been executed. The pool never repeats
    /// such a call.
    #[error("call outcome unknown: {0}")]
    OutcomeUnknown(CallFailure),
    /// The server answered with a JSON-RPC error. The text is the server's.
    #[error("server answered with error {}", .0.code.0)]
    Rpc(ErrorData),
    /// The session of this conversation is gone, and with it the state the server kept for it. The
    /// call was not executed; the next one opens a new session.
    #[error("the conversation's session is gone; the call was not executed")]
    SessionLost,
    /// There is no subscription to the resource.
    #[error("no subscription: {0}")]
    Subscription(#[from] SubscriptionError),
    /// The tool of a typed call reports a failure of its own (`isError`).
    #[error("the tool failed")]
    ToolFailed(Box<CallToolResult>),
    /// The server answered with a result of another kind than the method promises.
    #[error("server answered with a result of another kind")]
    UnexpectedResult,
}

impl CallError {
    /// What is known of the call's effect on the server.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Acquire(_)
            | Self::Arguments(_)
            | Self::NotExecuted(_)
            | Self::NotInRevision(_)
            | Self::SessionLost
            | Self::Subscription(SubscriptionError::TooMany(_)) => Outcome::NotExecuted,
            Self::OutcomeUnknown(_) | Self::Subscription(SubscriptionError::Ended) => {
                Outcome::Unknown
            }
            Self::Input(_)
            | Self::ListTooLong(_)
            | Self::Rpc(_)
            | Self::Subscription(SubscriptionError::NotAccepted)
            | Self::ToolFailed(_)
            | Self::UnexpectedResult => Outcome::Answered,
        }
    }

    /// What a failed acquire comes to for its caller.
    pub(crate) fn of_acquire(error: AcquireError) -> Self {
        match error {
            AcquireError::SessionLost => Self::SessionLost,
            error => Self::Acquire(Arc::new(error)),
        }
    }

    /// What a failed request comes to for its caller.
    pub(crate) fn of_failure(failure: CallFailure) -> Self {
        match failure.outcome() {
            Outcome::NotExecuted => Self::NotExecuted(failure),
            Outcome::Unknown => Self::OutcomeUnknown(failure),
            Outcome::Answered => Self::UnexpectedResult,
        }
    }

    /// A short word for labels and spans: the code of a JSON-RPC error as text, otherwise the kind
    /// of the failure.
    #[must_use]
    pub fn label(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Acquire(error) => error.label(),
            Self::Arguments(_) => "arguments",
            Self::Input(_) => "input",
            Self::ListTooLong(_) => "list_too_long",
            Self::NotExecuted(failure) | Self::OutcomeUnknown(failure) => failure.kind().label(),
            Self::NotInRevision(_) => "not_in_revision",
            Self::Rpc(error) => return Cow::Owned(error.code.0.to_string()),
            Self::SessionLost => "session_lost",
            Self::Subscription(_) => "subscription",
            Self::ToolFailed(_) => "tool_error",
            Self::UnexpectedResult => "unexpected_result",
        })
    }

    /// The failure behind it, when the transport reported one.
    #[must_use]
    pub fn failure(&self) -> Option<&CallFailure> {
        match self {
            Self::NotExecuted(failure) | Self::OutcomeUnknown(failure) => Some(failure),
            _ => None,
        }
    }

    /// What the upstream demands of a credential that it refused: with 401, or with 403 and, where
    /// the server names them, the missing scopes ([`Challenge::scopes`]).
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::Acquire(error) => error.challenge(),
            _ => self.failure()?.kind().challenge(),
        }
    }

    /// Why the credential source had no headers for the call or its session, where it had none.
    #[must_use]
    pub fn credential_error(&self) -> Option<&CredentialError> {
        match self {
            Self::Acquire(error) => error.credential_error(),
            _ => self.failure()?.kind().credential_error(),
        }
    }
}

/// The bound at which the pool stopped reading a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListBound {
    /// More items than [`max_list_items`](crate::config::LimitsConfig::max_list_items).
    #[error("more than {0} items")]
    Items(usize),
    /// More pages than [`max_list_pages`](crate::config::LimitsConfig::max_list_pages).
    #[error("more than {0} pages")]
    Pages(usize),
    /// The server gave a cursor that it had given before. The server's fault.
    #[error("the same cursor twice")]
    RepeatedCursor,
}

/// Why there is no subscription to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// It was ended with its key, before the server had answered.
    #[error("it was ended")]
    Ended,
    /// The server accepts none to this resource.
    #[error("the server does not accept it")]
    NotAccepted,
    /// The key is subscribed to so many resources already:
    /// [`max_subscriptions_per_key`](crate::config::LimitsConfig::max_subscriptions_per_key).
    #[error("the caller is subscribed to {0} resources")]
    TooMany(usize),
}

/// Why a server that needs input got none. Of a handler's error, `Debug` and `Display` show the
/// code alone.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The server needs a capability that the caller's handlers do not declare. The server's fault.
    #[error("it asked for something that was not declared")]
    NotDeclared,
    /// The caller's handler answered with an error.
    #[error("the handler answered with error {}", .0.code.0)]
    Refused(ErrorData),
    /// The call's time was up before the handler had answered.
    #[error("no answer of the handler in time")]
    TimedOut,
    /// The server requested input this many times. The server's fault.
    #[error("it asked {0} times")]
    TooManyRounds(usize),
    /// The handler's answer does not fit the request, or cannot be written as JSON.
    #[error("the handler's answer is of another kind")]
    Unreadable,
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquire(error) => f.debug_tuple("Acquire").field(error).finish(),
            Self::Arguments(problem) => f.debug_tuple("Arguments").field(problem).finish(),
            Self::Input(error) => f.debug_tuple("Input").field(error).finish(),
            Self::ListTooLong(bound) => f.debug_tuple("ListTooLong").field(bound).finish(),
            Self::NotExecuted(failure) => f.debug_tuple("NotExecuted").field(failure).finish(),
            Self::NotInRevision(method) => f.debug_tuple("NotInRevision").field(method).finish(),
            Self::OutcomeUnknown(failure) => {
                f.debug_tuple("OutcomeUnknown").field(failure).finish()
            }
            Self::Rpc(error) => f.debug_tuple("Rpc").field(&error.code.0).finish(),
            Self::SessionLost => f.write_str("SessionLost"),
            Self::Subscription(error) => f.debug_tuple("Subscription").field(error).finish(),
            Self::ToolFailed(_) => f.write_str("ToolFailed(..)"),
            Self::UnexpectedResult => f.write_str("UnexpectedResult"),
        }
    }
}

impl fmt::Debug for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeclared => f.write_str("NotDeclared"),
            Self::Refused(error) => f.debug_tuple("Refused").field(&error.code.0).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::TooManyRounds(rounds) => f.debug_tuple("TooManyRounds").field(rounds).finish(),
            Self::Unreadable => f.write_str("Unreadable"),
        }
    }
}
