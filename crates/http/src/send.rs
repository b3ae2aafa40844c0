//! Requests with the credentials of their caller.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode, header};
use mcp_pool_core::{
    error::{CredentialError, FaultKind, Outcome},
    extend::{CallContext, Credentials, is_reserved_header, upstream_headers},
};

use crate::{exchange::exchange, fault::HttpFault, session::HttpSession};

/// Sends a request of a session, and once more with renewed credentials after a 401.
///
/// Redirects within the origin of the request are followed, three at most: with 307 and 308 the server
/// wants the same request elsewhere. The cookies that the server sets are sent back, beside those of
/// the caller.
///
/// `request` builds the request from the headers of the caller's credentials and of the call. A
/// repetition is safe, since a server that returns 401 has not executed the request. If the renewed
/// credentials are the same, the function returns the first response.
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
    let renewed = credentials.renewed(call, &headers).await;
    let renewed = renewed.map_err(no_credentials)?;
    match *renewed == *headers {
        true => Ok(response),
        false => send_with(renewed).await,
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
