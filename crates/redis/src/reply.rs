//! Reading the answers of the scripts.

use std::time::Duration;

use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, Fence, Holding, Removed, Revoked, SealedSession,
    SessionRef,
};

use crate::{error::unexpected, keys};

/// The fields of an answer, in order.
pub(crate) type Fields = Vec<Vec<u8>>;

/// Reads the answer to a claim: a word, the incarnation, the session, the fence, the time left in
/// milliseconds, and the sealed session.
pub(crate) fn claim(request: &ClaimRequest, fields: Fields) -> Result<Claim, DirectoryError> {
    let [kind, incarnation, session, fence, left, sealed] =
        <[Vec<u8>; 6]>::try_from(fields).map_err(|_| unexpected())?;
    let left = Duration::from_millis(number(&left)?);
    if kind == b"held" {
        return Ok(Claim::HeldElsewhere { until: left });
    }
    let fence = Fence {
        incarnation: number(&incarnation)?,
        number: number(&fence)?,
    };
    let session = keys::session(&session).ok_or_else(unexpected)?;
    let holding = holding(request, session, fence);
    match kind.as_slice() {
        b"reserved" => Ok(Claim::Reserved(holding)),
        b"revive" => Ok(Claim::Revive {
            holding,
            sealed: SealedSession::from_bytes(sealed),
            remaining: left,
        }),
        _ => Err(unexpected()),
    }
}

/// Reads the answer to a record.
pub(crate) fn recorded(word: &[u8]) -> Result<(), DirectoryError> {
    match word {
        b"ok" => Ok(()),
        b"lost" => Err(DirectoryError::Lost),
        _ => Err(unexpected()),
    }
}

/// Reads the answer to a removal.
pub(crate) fn removed(word: &[u8]) -> Result<Removed, DirectoryError> {
    match word {
        b"nothing" => Ok(Removed::Nothing),
        b"others" => Ok(Removed::Others),
        b"lost" => Err(DirectoryError::Lost),
        _ => Err(unexpected()),
    }
}

/// Reads the answer to a beat: the incarnation, the number of the latest revocation, and each one since.
pub(crate) fn beat(fields: &Fields) -> Result<Beat, DirectoryError> {
    let [incarnation, seen, revoked @ ..] = fields.as_slice() else {
        return Err(unexpected());
    };
    let revoked = revoked.iter().map(|member| revocation(member));
    Ok(Beat {
        incarnation: number(incarnation)?,
        seen: number(seen)?,
        revoked: revoked.collect::<Option<_>>().ok_or_else(unexpected)?,
    })
}

/// Reads a number and a mark.
fn revocation(member: &[u8]) -> Option<Revoked> {
    let at = member.iter().position(|byte| *byte == b':')?;
    Some(Revoked {
        number: number(&member[..at]).ok()?,
        mark: keys::mark(&member[at + 1..])?,
    })
}

fn number(text: &[u8]) -> Result<u64, DirectoryError> {
    let text = str::from_utf8(text).map_err(|_| unexpected())?;
    text.parse().map_err(|_| unexpected())
}

fn holding(request: &ClaimRequest, session: SessionRef, fence: Fence) -> Holding {
    Holding {
        key: request.key,
        session,
        sharing: request.sharing,
        replica: request.replica,
        fence,
    }
}
