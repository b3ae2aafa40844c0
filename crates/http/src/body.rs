//! Response bodies, bounded in size.

use crate::fault::HttpFault;

/// Reads the body of a response, up to `max` bytes. Of a compressed body, the bytes that it holds count.
///
/// # Errors
/// [`HttpFault`] of kind `TooLarge`: the body is larger; the session stays usable.
/// [`HttpFault`] of kind `Unreachable`: the connection broke off.
///
/// # Cancel safety
/// Not cancel safe: the bytes read so far are lost, and the connection is closed.
pub async fn body(mut response: reqwest::Response, max: usize) -> Result<Vec<u8>, HttpFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpFault::of_body)? {
        if body.len() + chunk.len() > max {
            return Err(HttpFault::too_large(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
