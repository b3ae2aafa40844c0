//! What can go wrong between the pool and an upstream.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode};

use super::{
    credential::CredentialError,
    evidence::Evidence,
    refusal::{Challenge, Redirected, retry_after},
};

/// What went wrong with an upstream, for a connect as for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The credential source had no headers for the request, which was not sent. The fault of the
    /// source, or of the caller; the reason is the source's.
    Credentials(CredentialError),
    /// 403: the credential does not suffice. The caller's fault.
    Forbidden(Challenge),
    /// 404 for a request without a session: there is nothing at this URL. The configuration's.
    NotFound,
    /// Anything else; see the source.
    Other,
    /// The upstream did not speak the protocol, or refused ours. The upstream's fault.
    Protocol,
    /// 429: the upstream limits the rate.
    RateLimited {
        /// The wait that the upstream requests, where it requests one.
        retry_after: Option<Duration>,
    },
    /// A redirect that was not followed. The configuration's fault, or the upstream's.
    Redirected(Redirected),
    /// 5xx. The upstream's fault.
    Server {
        /// The HTTP status code.
        status: u16,
        /// The wait that the upstream requests, where it requests one.
        retry_after: Option<Duration>,
    },
    /// The session is not known to the upstream any more.
    SessionGone,
    /// The upstream did not answer in time.
    Timeout,
    /// The TLS handshake failed: certificate, name or protocol. The configuration's fault, or the
    /// upstream's.
    Tls,
    /// The answer is larger than the connector accepts. The configuration's fault, or the upstream's.
    TooLarge {
        /// The limit of the connector, in bytes.
        limit: usize,
    },
    /// 401: no credential, or one that does not hold. The caller's fault.
    Unauthorized(Challenge),
    /// No server listens there, or the way is broken: DNS, refused, reset before anything was sent.
    Unreachable,
}

impl FaultKind {
    /// The kind behind an HTTP status, with what the upstream's headers add to it.
    ///
    /// 404 gives [`FaultKind::NotFound`]; whether a session was gone only the transport knows.
    #[must_use]
    pub fn from_status(status: StatusCode, headers: &HeaderMap) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized(Challenge::from_headers(headers)),
            StatusCode::FORBIDDEN => Self::Forbidden(Challenge::from_headers(headers)),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited {
                retry_after: retry_after(headers, SystemTime::now()),
            },
            status if status.is_server_error() => Self::Server {
                status: status.as_u16(),
                retry_after: retry_after(headers, SystemTime::now()),
            },
            _ => Self::Protocol,
        }
    }

    /// A short word for labels and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Credentials(_) => "credentials",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound => "not_found",
            Self::Other => "other",
            Self::Protocol => "protocol",
            Self::RateLimited { .. } => "rate_limited",
            Self::Redirected(_) => "redirected",
            Self::Server { .. } => "server_error",
            Self::SessionGone => "session_gone",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLarge { .. } => "too_large",
            Self::Unauthorized(_) => "unauthorized",
            Self::Unreachable => "unreachable",
        }
    }

    /// What a connect that failed so shows of the endpoint. Whatever a server answered shows that it
    /// is there; a gateway that answers 502, 503 or 504 does not reach its server.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Timeout | Self::Tls | Self::Unreachable => Evidence::Absent,
            Self::Server {
                status: 502..=504, ..
            } => Evidence::Absent,
            Self::Credentials(_) | Self::Other => Evidence::None,
            Self::Forbidden(_)
            | Self::NotFound
            | Self::Protocol
            | Self::RateLimited { .. }
            | Self::Redirected(_)
            | Self::Server { .. }
            | Self::SessionGone
            | Self::TooLarge { .. }
            | Self::Unauthorized(_) => Evidence::Here,
        }
    }

    /// True when the endpoint's circuit breaker counts it: [`Evidence::Absent`]. What a server
    /// answered never opens the circuit for other callers.
    #[must_use]
    pub fn counts_against_endpoint(&self) -> bool {
        self.evidence() == Evidence::Absent
    }

    /// The wait that the upstream requests.
    #[must_use]
    pub fn requested_wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Sets the wait that the upstream requests, where the kind has one.
    pub(crate) fn with_requested_wait(mut self, wait: Duration) -> Self {
        if let Self::RateLimited { retry_after } | Self::Server { retry_after, .. } = &mut self {
            *retry_after = Some(wait);
        }
        self
    }

    /// Whether only this caller's credential is to blame, so that another caller of the same key
    /// may well succeed.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::Credentials(_) | Self::Forbidden(_) | Self::Unauthorized(_)
        )
    }

    /// What the upstream demands of a credential, when it refused the one it was sent.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::Forbidden(challenge) | Self::Unauthorized(challenge) => Some(challenge),
            _ => None,
        }
    }

    /// Why the credential source had no headers, where it had none.
    #[must_use]
    pub fn credential_error(&self) -> Option<&CredentialError> {
        match self {
            Self::Credentials(error) => Some(error),
            _ => None,
        }
    }

    /// When it may make sense to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Credentials(_) | Self::Forbidden(_) | Self::Unauthorized(_) => {
                Retry::WithOtherCredentials
            }
            Self::RateLimited { retry_after } | Self::Server { retry_after, .. } => {
                Retry::Later(*retry_after)
            }
            Self::Timeout | Self::Unreachable | Self::SessionGone => Retry::Later(None),
            Self::NotFound
            | Self::Other
            | Self::Protocol
            | Self::Redirected(_)
            | Self::Tls
            | Self::TooLarge { .. } => Retry::Never,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(error) => fmt::Display::fmt(error, f),
            Self::Forbidden(_) => f.write_str("forbidden (403)"),
            Self::NotFound => f.write_str("not found (404)"),
            Self::Other => f.write_str("failed"),
            Self::Protocol => f.write_str("protocol violation"),
            Self::RateLimited { .. } => f.write_str("rate limited (429)"),
            Self::Redirected(redirected) => fmt::Display::fmt(redirected, f),
            Self::Server { status, .. } => write!(f, "server error ({status})"),
            Self::SessionGone => f.write_str("session unknown to the upstream"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Tls => f.write_str("tls failed"),
            Self::TooLarge { limit } => write!(f, "an answer of more than {limit} bytes"),
            Self::Unauthorized(_) => f.write_str("unauthorized (401)"),
            Self::Unreachable => f.write_str("unreachable"),
        }
    }
}

/// When it may make sense to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// After a while; after this time, where the upstream named one.
    Later(Option<Duration>),
    /// Not without a change of configuration.
    Never,
    /// As soon as there are other credentials.
    WithOtherCredentials,
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn only_a_server_that_is_not_reached_counts_against_an_endpoint() {
        let kind = |status: u16| {
            FaultKind::from_status(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())
        };
        for status in [303, 400, 401, 403, 404, 405, 409, 422, 429, 500, 501, 505] {
            assert_eq!(kind(status).evidence(), Evidence::Here, "{status}");
        }
        for status in [502, 503, 504] {
            assert_eq!(kind(status).evidence(), Evidence::Absent, "{status}");
        }
        for kind in [FaultKind::Unreachable, FaultKind::Tls, FaultKind::Timeout] {
            assert!(kind.counts_against_endpoint(), "{kind}");
        }
    }

    #[test]
    fn a_rate_limit_names_the_wait_that_the_upstream_requests() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        let kind = FaultKind::from_status(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!(kind.retry(), Retry::Later(Some(Duration::from_secs(7))));
    }
}
