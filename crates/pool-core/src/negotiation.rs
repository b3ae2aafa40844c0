//! What client and server agree on when a session begins.

use std::{error::Error, fmt};

use rmcp::{
    RoleClient,
    model::ProtocolVersion,
    service::{ClientInitializeError, Peer},
};

use crate::error::{ConnectError, FaultKind};

/// The revision that the server chose, if it is one with `initialize` that rmcp knows; rmcp itself
/// takes any answer.
///
/// # Errors
/// [`ConnectError`] of kind `Protocol`: it is another.
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

/// Why rmcp could not initialise a session, as far as the server's own answer says.
#[must_use]
pub fn handshake_error(error: &ClientInitializeError) -> ConnectError {
    match error {
        ClientInitializeError::JsonRpcError(error) => {
            ConnectError::new(FaultKind::Protocol).with_source(Violation::Refused(error.code.0))
        }
        ClientInitializeError::Cancelled => ConnectError::new(FaultKind::Other),
        _ => protocol_violation("the answer to the handshake is none"),
    }
}

/// The server did not keep to the protocol. `what` is shown, so it must hold no secret.
#[must_use]
pub fn protocol_violation(what: &'static str) -> ConnectError {
    ConnectError::new(FaultKind::Protocol).with_source(Violation::Unexpected(what))
}

/// In which way a server did not keep to the protocol.
#[derive(Debug)]
enum Violation {
    Refused(i32),
    Unexpected(&'static str),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the handshake was answered with error {code}"),
            Self::Unexpected(what) => f.write_str(what),
        }
    }
}

impl Error for Violation {}
