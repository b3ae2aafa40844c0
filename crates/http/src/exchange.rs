//! One request with its cookies and redirects.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, Url};
use tokio::time::timeout;

use crate::{
    body::body,
    fault::HttpFault,
    redirect::{redirect_of, too_many},
    session::HttpSession,
};

/// Sends a request with the cookies of its session, and follows redirects within its origin.
///
/// `build` builds the request once more for each of them: method, body, credentials and headers stay.
///
/// # Errors
/// [`HttpFault`] of kind `Redirected`: a redirect that must not be followed, or one too many.
/// [`HttpFault`] of another kind: no response came.
///
/// # Cancel safety
/// Not cancel safe: the server may execute the request; its response is lost.
pub(crate) async fn exchange(
    session: &HttpSession,
    build: impl Fn() -> RequestBuilder,
) -> Result<Response, HttpFault> {
    let mut response = send_to(session, build(), None).await?;
    for _ in 0..MAX_REDIRECTS {
        let url = response.url();
        let Some(next) = redirect_of(response.status(), response.headers(), url)? else {
            return Ok(response);
        };
        if next.is_permanent {
            session.note_move(url, &next.to);
        }
        drain(response).await;
        response = send_to(session, build(), Some(next.to)).await?;
    }
    match redirect_of(response.status(), response.headers(), response.url())? {
        Some(next) => Err(too_many(response.status(), &next.to)),
        None => Ok(response),
    }
}

/// Sends one request to the target of a redirect, or to where its address is known to have moved.
async fn send_to(
    session: &HttpSession,
    request: RequestBuilder,
    target: Option<Url>,
) -> Result<Response, HttpFault> {
    let (http, request) = request.build_split();
    let mut request = request.map_err(HttpFault::of_send)?;
    let url = match target {
        Some(target) => Some(target),
        None => session.moved(request.url()),
    };
    if let Some(url) = url {
        *request.url_mut() = url;
    }
    session.add_affinity(&mut request);
    session.add_cookies(&mut request);
    let response = http.execute(request).await.map_err(HttpFault::of_send)?;
    session.note_cookies(response.url(), response.headers());
    Ok(response)
}

/// Reads a body that is not used, for a bounded time and size, so that reqwest reuses the connection.
async fn drain(response: Response) {
    let _ = timeout(DRAIN_TIMEOUT, body(response, MAX_DRAINED)).await;
}

/// A server needs one, for a slash or a version. More are a loop.
const MAX_REDIRECTS: usize = 3;
const MAX_DRAINED: usize = 64 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
