//! Requests with the credentials of their caller.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use mcp_pool_core::{
    error::{CredentialError, FaultKind, Outcome},
    extend::{CallContext, Credentials, read_messages, upstream_headers},
};
use tokio::time::timeout;

use crate::{body::body, fault::HttpFault};

/// Sends a request, and once more with renewed credentials after a 401.
///
/// `request` builds the request from the headers of the caller's credentials and of the call. A call is
/// repeated only where the response has a challenge and no JSON-RPC answer: a server gives a challenge
/// before it processes a request (RFC 9110 section 15.5.2). If the renewed credentials are the same, or
/// none, the function returns the first response: no request is ever repeated as another caller, or as
/// none.
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
    let (response, is_unprocessed) = match call {
        // The requests of a session itself may be executed twice.
        None => (response, true),
        Some(_) => unprocessed(response).await,
    };
    let renewed = credentials.renewed(call, &headers).await;
    let renewed = renewed.map_err(no_credentials)?;
    match is_unprocessed && *renewed != *headers && has_all_names(&renewed, &headers) {
        true => send_with(&renewed).await.map_err(HttpFault::of_send),
        false => Ok(response),
    }
}

/// Whether a response with status 401 shows that the request was not processed: it has a challenge and
/// no JSON-RPC answer. Returns the response with it.
async fn unprocessed(mut response: reqwest::Response) -> (reqwest::Response, bool) {
    if !response.headers().contains_key(header::WWW_AUTHENTICATE) {
        return (response, false);
    }
    let head = http::Response::builder().status(response.status());
    let headers = std::mem::take(response.headers_mut());
    let text = timeout(READ_TIMEOUT, body(response, MAX_READ)).await;
    let text = text.ok().and_then(Result::ok).unwrap_or_default();
    let has_answer = read_messages(&text).is_some_and(|messages| {
        let mut messages = messages.iter();
        messages.any(|message| message.has_id() && message.method().is_none())
    });
    let mut response = head.body(text).unwrap_or_default();
    *response.headers_mut() = headers;
    (response.into(), !has_answer)
}

/// Whether the renewed credentials have each header of the rejected ones, so that no request goes out
/// with less than its caller gave it.
fn has_all_names(renewed: &HeaderMap, rejected: &HeaderMap) -> bool {
    rejected.keys().all(|name| renewed.contains_key(name))
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

/// Bytes that are read of a rejection.
const MAX_READ: usize = 64 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(1);
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
