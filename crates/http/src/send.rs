//! Requests with the credentials of whoever they are made for.

use http::{HeaderMap, HeaderName, StatusCode, header};
use mcp_pool_core::{
    error::{Challenge, CredentialError, FaultKind, Outcome},
    extend::{CallContext, Credentials, upstream_headers},
};

use crate::fault::HttpFault;

/// Sends a request; asks for new credentials and repeats it once when they are refused.
///
/// `request` makes the request from the headers that the caller's credentials and the call add to
/// it. A 401 says that nothing was executed, so that repeating is safe; when there is nothing new
/// to be sent, the response to the first attempt is returned.
///
/// # Errors
/// [`HttpFault`]: there are no credentials, or no response came.
///
/// # Cancel safety
/// The request may have been sent; its response is lost.
pub async fn send(
    credentials: &Credentials,
    call: Option<&CallContext>,
    request: impl Fn(HeaderMap) -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, HttpFault> {
    let headers = credentials.headers(call).await.map_err(no_credentials)?;
    let attempt = |credentials: &HeaderMap| request(headers_of(credentials, call)).send();
    let response = attempt(&headers).await.map_err(HttpFault::of_send)?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    match credentials.renewed(call, &headers).await {
        Ok(renewed) if *renewed != *headers => attempt(&renewed).await.map_err(HttpFault::of_send),
        _ => Ok(response),
    }
}

/// What a request carries for its caller, and for this one call.
fn headers_of(credentials: &HeaderMap, call: Option<&CallContext>) -> HeaderMap {
    let mut headers = upstream_headers(credentials);
    if let Some(call) = call {
        add_extra(&mut headers, call.extra());
    }
    headers
}

/// Adds the headers of one call. What authenticates, and what frames the message, is not theirs.
fn add_extra(headers: &mut HeaderMap, extra: &HeaderMap) {
    for name in extra.keys().filter(|name| !NEVER_EXTRA.contains(name)) {
        headers.remove(name);
        for value in extra.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

fn no_credentials(_error: CredentialError) -> HttpFault {
    HttpFault::harmless(
        Outcome::NotExecuted,
        FaultKind::Unauthorized(Challenge::default()),
        "no credentials to be had",
    )
}

const NEVER_EXTRA: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_own_headers_never_replace_what_authenticates() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer mine".parse().unwrap());
        headers.insert("traceparent", "old".parse().unwrap());
        let mut extra = HeaderMap::new();
        extra.insert(header::AUTHORIZATION, "Bearer other".parse().unwrap());
        extra.insert("traceparent", "new".parse().unwrap());
        add_extra(&mut headers, &extra);
        assert_eq!(headers[header::AUTHORIZATION], "Bearer mine");
        assert_eq!(headers["traceparent"], "new");
    }
}
