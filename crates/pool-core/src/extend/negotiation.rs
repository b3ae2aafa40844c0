//! Version negotiation: the answer to `initialize`, checked.

use std::{error::Error, fmt};

use rmcp::{
    RoleClient,
    model::ProtocolVersion,
    service::{ClientInitializeError, Peer},
};

use crate::error::{ConnectError, FaultKind};

/// Returns the protocol revision that the server chose.
///
/// The revision must be one with `initialize` that rmcp knows. rmcp itself accepts any answer.
///
/// # Errors
/// [`ConnectError`] of kind `Protocol`: the server chose another revision, or none.
pub fn negotiated_version(peer: &Peer<RoleClient>) -> Result<ProtocolVersion, ConnectError> {
    let version = peer.peer_info().map(|info| info.protocol_version.clone());
    match version {
        Some(version)
            if version.has_initialize() && ProtocolVersion::KNOWN_VERSIONS.contains(&version) =>
        {
            Ok(version)
        }
        _ => Err(protocol_violation(
            "the server chose a revision that was not offered",
        )),
    }
}

/// Converts a failed `initialize` of rmcp into a [`ConnectError`].
///
/// The source holds the code of the server's error, and none of its text.
#[must_use]
pub fn handshake_error(error: &ClientInitializeError) -> ConnectError {
    match error {
        ClientInitializeError::JsonRpcError(error) => {
            ConnectError::new(FaultKind::Protocol).with_source(Violation::Refused(error.code.0))
        }
        ClientInitializeError::Cancelled => ConnectError::new(FaultKind::Other),
        _ => protocol_violation("the answer to `initialize` is no valid answer"),
    }
}

/// An error of kind `Protocol`: the server violated the protocol.
///
/// `what` becomes the message of the source, so it must hold no secret.
#[must_use]
pub fn protocol_violation(what: &'static str) -> ConnectError {
    ConnectError::new(FaultKind::Protocol).with_source(Violation::Unexpected(what))
}

/// A violation of the protocol by a server.
#[derive(Debug)]
enum Violation {
    Refused(i32),
    Unexpected(&'static str),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the server answered `initialize` with error {code}"),
            Self::Unexpected(what) => f.write_str(what),
        }
    }
}

impl Error for Violation {}
