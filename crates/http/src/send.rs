//! Requests with the credentials of their caller.

use std::time::Duration;

use http::{HeaderMap, header};
use mcp_pool_core::extend::{CredentialRefusal, Credentials, RequestTarget, read_messages};
use tokio::time::timeout;

use crate::{
    body::body,
    exchange::{Exchange, Exchanged},
    fault::HttpFault,
    repetition::Repetitions,
    session::HttpSession,
};

/// Sends a request of a session, and again with renewed credentials after a refusal: once after a
/// 401, once more where the server wants a nonce, and twice after a 403 with `insufficient_scope`.
///
/// Redirects within the origin of the request are followed, three at most: with 307 and 308 the server
/// wants the same request elsewhere. The cookies that the server sets are sent back, beside those of
/// the caller.
///
/// `request` builds the request from the headers of the caller's credentials and of the call. A call is
/// repeated only where the response has a challenge and no JSON-RPC answer: a server gives a challenge
/// before it processes a request (RFC 9110 section 15.5.2). If the renewed credentials are the same, or
/// none, the function returns the last response: no request is ever repeated as another caller, or as
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
    target: RequestTarget<'_>,
    request: impl Fn(HeaderMap) -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, HttpFault> {
    let moved = target.url().and_then(|url| session.moved(url));
    let target = moved.as_ref().map_or(target, |moved| target.at(moved));
    let exchange = Exchange {
        session,
        credentials,
        target,
        build: &request,
    };
    let headers = credentials.headers(target).await;
    let headers = headers.map_err(HttpFault::of_credentials)?;
    let mut exchanged = exchange.send(headers).await?;
    let mut repetitions = Repetitions::default();
    loop {
        let Exchanged { response, sent } = exchanged;
        let refusal = CredentialRefusal::of_response(response.status(), response.headers());
        let Some(refusal) = refusal.filter(|refusal| repetitions.admit(refusal)) else {
            return Ok(response);
        };
        let (response, is_unprocessed) = match target.call() {
            // The requests of a session itself may be executed twice.
            None => (response, true),
            Some(_) => unprocessed(response).await,
        };
        let renewed = credentials.renewed(target, &sent, &refusal).await;
        let renewed = renewed.map_err(HttpFault::of_credentials)?;
        if !is_unprocessed || *renewed == *sent || !has_all_names(&renewed, &sent) {
            return Ok(response);
        }
        exchanged = exchange.send(renewed).await?;
    }
}

/// Whether a refusal shows that the request was not processed: it has a challenge and no JSON-RPC
/// answer. Returns the response with it.
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

/// Bytes that are read of a rejection.
const MAX_READ: usize = 64 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(1);
