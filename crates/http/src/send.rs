//! Requests with the credentials of their caller.

use http::{HeaderMap, HeaderName, StatusCode, header};
use mcp_pool_core::{
    error::{CredentialError, FaultKind, Outcome},
    extend::{CallContext, Credentials, upstream_headers},
};

use crate::fault::HttpFault;

/// Sends a request, and once more with renewed credentials after a 401.
///
/// `request` builds the request from the headers of the caller's credentials and of the call. A
/// repetition is safe, since a server that returns 401 has not executed the request. If the renewed
/// credentials are the same, the function returns the first response.
///
/// # Errors
/// [`HttpFault`] of kind `Credentials`: the credential source failed, with its reason. The server has
/// not executed the request.
/// [`HttpFault`] of another kind: no response came.
///
/// # Cancel safety
/// Not cancel safe: the server may execute the request; its response is lost.
pub async fn send(
    credentials: &Credentials,
    call: Option<&CallContext>,
    request: impl Fn(HeaderMap) -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, HttpFault> {
    let headers = credentials.headers(call).await.map_err(no_credentials)?;
    let send_with = |credentials: &HeaderMap| request(headers_of(credentials, call)).send();
    let response = send_with(&headers).await.map_err(HttpFault::of_send)?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    let renewed = credentials.renewed(call, &headers).await;
    let renewed = renewed.map_err(no_credentials)?;
    match *renewed == *headers {
        true => Ok(response),
        false => send_with(&renewed).await.map_err(HttpFault::of_send),
    }
}

/// The headers of the caller's credentials and of this call.
fn headers_of(credentials: &HeaderMap, call: Option<&CallContext>) -> HeaderMap {
    let mut headers = upstream_headers(credentials);
    if let Some(call) = call {
        add_extra(&mut headers, call.extra());
    }
    headers
}

/// Adds the headers of a call that neither authenticate nor frame a message.
fn add_extra(headers: &mut HeaderMap, extra: &HeaderMap) {
    for name in extra.keys().filter(|name| !NEVER_EXTRA.contains(name)) {
        headers.remove(name);
        for value in extra.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

fn no_credentials(error: CredentialError) -> HttpFault {
    HttpFault::harmless(
        Outcome::NotExecuted,
        FaultKind::Credentials(error),
        "no credentials",
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
    fn the_headers_of_a_call_never_replace_credentials() {
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
