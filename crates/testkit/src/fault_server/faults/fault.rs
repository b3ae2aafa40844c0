//! The faults.

use std::time::Duration;

/// What goes wrong with a request.
///
/// Faults "before" strike before the request is executed, faults "after" when it was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Before: all connections are closed, and for this long no one listens at the port.
    Refuse(Duration),
    /// Before: all connections are closed, and for this long new ones are accepted by the kernel alone.
    SlowAccept(Duration),
    /// Before: the server restarts, and is gone for this long.
    Restart {
        /// How long the port is closed.
        down: Duration,
        /// Whether the sessions survive, as in a store that replicas share.
        keeps_sessions: bool,
    },
    /// Before: all sessions are forgotten, and the connections stay.
    SessionsForgotten,
    /// Before: all connections are silent from now on and stay open, as when a firewall drops their state.
    HalfOpen,
    /// After: the whole server stands still for this long before it answers, as a process that is stopped.
    Stopped(Duration),
    /// Before: all connections are closed, and new ones meet a new certificate of the same authority.
    /// Without TLS the connections are closed alone.
    RenewedCertificate,
    /// Before: all connections are closed, and for this long new ones meet a certificate of another
    /// authority. Without TLS the connections are closed alone.
    UntrustedCertificate(Duration),
    /// Before: all connections are closed, and for this long new ones meet a certificate that has ended.
    /// Without TLS the connections are closed alone.
    ExpiredCertificate(Duration),
    /// Before: the connection is closed without a byte.
    ClosedBefore,
    /// Before: the connection is reset without a byte.
    ResetBefore,
    /// Before: a refusal with this status.
    Status(u16),
    /// Before: a redirect with this status.
    Redirect {
        /// The status, from 300 to 308.
        status: u16,
        /// Whether it leads to another origin.
        elsewhere: bool,
    },
    /// After: the answer comes this late.
    Slow(Duration),
    /// After: the answer comes this late, when its caller has given up. Over HTTP+SSE the request is
    /// accepted at once.
    Late(Duration),
    /// After: the headers come, and nothing else.
    HangAfterHeaders,
    /// After: the connection is closed within the body.
    ClosedInBody,
    /// After: the connection is reset within the body.
    ResetInBody,
    /// After: the connection is reset when the whole body was written.
    ResetAfterBody,
    /// After: the connection is closed instead of the answer.
    ReplyLost,
    /// After: a refusal with this status, as of a proxy that lost its server.
    StatusAfter(u16),
    /// After: the answer comes byte by byte, with this pause between two.
    ByteAtATime(Duration),
    /// After: the answer has a text of this many bytes.
    Oversized(usize),
    /// After: the answer is no JSON.
    Garbage,
    /// After: the answer has the id of another request.
    WrongId,
    /// After: the answer comes twice.
    Duplicate,
    /// After: the answer to a request that was never sent follows the answer.
    Stray,
    /// After: the answer has another content type; over HTTP+SSE another event type.
    WrongContentType,
    /// After: this many notifications come before the answer.
    Flood(usize),
    /// After: this many requests of the server come before the answer.
    RequestFlood(usize),
}

impl Fault {
    /// A name without spaces.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Refuse(_) => "refuse".to_owned(),
            Self::SlowAccept(_) => "slow_accept".to_owned(),
            Self::Restart { keeps_sessions, .. } => match keeps_sessions {
                true => "restart_with_sessions".to_owned(),
                false => "restart_without_sessions".to_owned(),
            },
            Self::SessionsForgotten => "sessions_forgotten".to_owned(),
            Self::HalfOpen => "half_open".to_owned(),
            Self::Stopped(_) => "stopped".to_owned(),
            Self::RenewedCertificate => "renewed_certificate".to_owned(),
            Self::UntrustedCertificate(_) => "untrusted_certificate".to_owned(),
            Self::ExpiredCertificate(_) => "expired_certificate".to_owned(),
            Self::ClosedBefore => "closed_before".to_owned(),
            Self::ResetBefore => "reset_before".to_owned(),
            Self::Status(status) => format!("status_{status}"),
            Self::Redirect { status, elsewhere } => match elsewhere {
                true => format!("redirect_{status}_elsewhere"),
                false => format!("redirect_{status}"),
            },
            Self::Slow(_) => "slow".to_owned(),
            Self::Late(_) => "late".to_owned(),
            Self::HangAfterHeaders => "hang_after_headers".to_owned(),
            Self::ClosedInBody => "closed_in_body".to_owned(),
            Self::ResetInBody => "reset_in_body".to_owned(),
            Self::ResetAfterBody => "reset_after_body".to_owned(),
            Self::ReplyLost => "reply_lost".to_owned(),
            Self::StatusAfter(status) => format!("status_{status}_after"),
            Self::ByteAtATime(_) => "byte_at_a_time".to_owned(),
            Self::Oversized(_) => "oversized".to_owned(),
            Self::Garbage => "garbage".to_owned(),
            Self::WrongId => "wrong_id".to_owned(),
            Self::Duplicate => "duplicate".to_owned(),
            Self::Stray => "stray".to_owned(),
            Self::WrongContentType => "wrong_content_type".to_owned(),
            Self::Flood(_) => "flood".to_owned(),
            Self::RequestFlood(_) => "request_flood".to_owned(),
        }
    }

    /// True where a client may never have read the head of the answer.
    pub(in super::super) fn hides_the_head(&self) -> bool {
        matches!(
            self,
            Self::Late(_)
                | Self::Slow(_)
                | Self::Stopped(_)
                | Self::ResetInBody
                | Self::ResetAfterBody
                | Self::ReplyLost
                | Self::StatusAfter(_)
                | Self::ByteAtATime(_)
        )
    }

    /// True where the server executes a request, and its client never gets the whole answer.
    pub(in super::super) fn loses_the_answer(&self) -> bool {
        matches!(
            self,
            Self::HangAfterHeaders
                | Self::ClosedInBody
                | Self::ResetInBody
                | Self::ReplyLost
                | Self::StatusAfter(_)
                | Self::Garbage
                | Self::WrongId
                | Self::WrongContentType
        )
    }
}
