//! Bodies, bounded in size.

use mcp_pool_core::error::{FaultKind, Outcome};

use crate::fault::HttpFault;

/// The body of a response, up to `max` bytes.
///
/// # Errors
/// [`HttpFault`]: it is larger (the session is none the worse for it), or it broke off.
///
/// # Cancel safety
/// What was read is lost, and so is the connection.
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
