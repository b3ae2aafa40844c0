//! Requests with the credentials of their caller.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, StatusCode, header};
use mcp_pool_core::{
    error::{CredentialError, FaultKind, Outcome},
    extend::{CallContext, Credentials, is_reserved_header, read_messages, upstream_headers},
};
use tokio::time::timeout;

use crate::{body::body, exchange::exchange, fault::HttpFault, session::HttpSession};

/// Sends a request of a session, and once more with renewed credentials after a 401.
///
/// Redirects within the origin of the request are followed, three at most: with 307 and 308 the server
/// wants the same request elsewhere. The cookies that the server sets are sent back, beside those of
/// the caller.
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
/// [`HttpFault`] of kind `Redirected`: a redirect to another origin, one that does not keep the
/// method, or one too many.
/// [`HttpFault`] of another kind: no response came.
///
/// # Cancel safety
/// Not cancel safe: the server may execute the request; its response is lost.
pub async fn send(
    session: &HttpSession,
    credentials: &Credentials,
    call: Option<&CallContext>,
    request: impl Fn(HeaderMap) -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, HttpFault> {
    let headers = credentials.headers(call).await.map_err(no_credentials)?;
    let send_with = |credentials: Arc<HeaderMap>| {
        let request = &request;
        exchange(session, move || request(headers_of(&credentials, call)))
    };
    let response = send_with(Arc::clone(&headers)).await?;
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
        true => send_with(renewed).await,
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
    let authenticates =
        |name: &HeaderName| *name == header::AUTHORIZATION || *name == header::COOKIE;
    for name in extra.keys() {
        if is_reserved_header(name) || authenticates(name) {
            continue;
        }
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
