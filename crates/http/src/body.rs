//! Response bodies, bounded in size.

use mcp_pool_core::error::{FaultKind, Outcome};

use crate::fault::HttpFault;

/// Reads the body of a response, up to `max` bytes.
///
/// # Errors
/// [`HttpFault`] of kind `Protocol`: the body is larger; the session stays usable.
/// [`HttpFault`] of kind `Unreachable`: the connection broke off.
///
/// # Cancel safety
/// Not cancel safe: the bytes read so far are lost, and the connection is closed.
pub async fn body(mut response: reqwest::Response, max: usize) -> Result<Vec<u8>, HttpFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpFault::of_body)? {
        if body.len() + chunk.len() > max {
            let what = "the response is larger than allowed";
            return Err(HttpFault::harmless(
                Outcome::Unknown,
                FaultKind::Protocol,
                what,
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
