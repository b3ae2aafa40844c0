//! Version negotiation: the answer to `initialize`, checked.

use std::{error::Error, fmt};

use rmcp::{
    RoleClient,
    model::{
        ClientConfig, ClientRequest, InitializeRequest, InitializeRequestParams, InitializeResult,
        ProtocolVersion, ServerResult,
    },
    service::{ClientInitializeError, Peer},
};

use crate::{
    error::{ConnectError, FaultKind},
    wire::Answer,
};

/// Returns the protocol revision that the server chose.
///
/// # Errors
/// As [`check_version`]; also where the server chose none.
pub fn negotiated_version(peer: &Peer<RoleClient>) -> Result<ProtocolVersion, ConnectError> {
    let info = peer.peer_info();
    let version = info.map(|info| info.protocol_version.clone());
    let version = version.ok_or_else(not_offered)?;
    check_version(&version).map(|()| version)
}

/// Checks the protocol revision that the server chose: one with `initialize` that rmcp knows. rmcp
/// itself accepts any answer.
///
/// # Errors
/// [`ConnectError`] of kind `Protocol`: it is another revision.
pub fn check_version(version: &ProtocolVersion) -> Result<(), ConnectError> {
    match version.has_initialize() && ProtocolVersion::KNOWN_VERSIONS.contains(version) {
        true => Ok(()),
        false => Err(not_offered()),
    }
}

/// The request that opens a session (revision 2025-11-25, lifecycle), with the latest revision that
/// has such a request.
#[must_use]
pub fn initialize_request(client: ClientConfig) -> ClientRequest {
    initialize_request_in(client, ProtocolVersion::LATEST_WITH_INITIALIZE)
}

/// The request that opens a session, with this revision: for a server that has
/// [refused](super::RefusedRevision) a newer one.
#[must_use]
pub fn initialize_request_in(client: ClientConfig, revision: ProtocolVersion) -> ClientRequest {
    let mut params = InitializeRequestParams::new(client.capabilities, client.client_info);
    params.protocol_version = revision;
    ClientRequest::InitializeRequest(InitializeRequest::new(params))
}

/// Reads the answer to [`initialize_request`].
///
/// # Errors
/// [`ConnectError`] of kind `Protocol`: the server refused, answered with something else, or chose
/// a revision that was not offered. The source holds the code of the server's error, and none of
/// its text.
pub fn initialize_result(answer: Answer) -> Result<InitializeResult, ConnectError> {
    let result = match answer.into_result() {
        Ok(ServerResult::InitializeResult(result)) => result,
        Ok(_) => return Err(unreadable()),
        Err(error) => return Err(refused(error.code.0)),
    };
    check_version(&result.protocol_version)?;
    Ok(result)
}

fn refused(code: i32) -> ConnectError {
    ConnectError::new(FaultKind::Protocol).with_source(Violation::Refused(code))
}

fn unreadable() -> ConnectError {
    protocol_violation("the answer to `initialize` is no valid answer")
}

fn not_offered() -> ConnectError {
    protocol_violation("the server chose a revision that was not offered")
}

/// Converts a failed `initialize` of rmcp into a [`ConnectError`].
///
/// The source holds the code of the server's error, and none of its text.
#[must_use]
pub fn handshake_error(error: &ClientInitializeError) -> ConnectError {
    match error {
        ClientInitializeError::JsonRpcError(error) => refused(error.code.0),
        ClientInitializeError::Cancelled => ConnectError::new(FaultKind::Other),
        _ => unreadable(),
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
