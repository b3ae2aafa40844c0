//! One request with its cookies and redirects.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use mcp_pool_core::extend::{Credentials, RequestTarget};
use reqwest::{RequestBuilder, Response, Url};
use tokio::time::timeout;

use super::{
    headers::headers_of,
    redirect::{redirect_of, too_many},
};
use crate::{body::body, fault::HttpFault, session::HttpSession};

/// A request of a session, which may be sent several times.
pub(crate) struct Exchange<'a, F> {
    pub(crate) session: &'a HttpSession,
    pub(crate) credentials: &'a Credentials,
    pub(crate) target: RequestTarget<'a>,
    /// Builds the request from its headers.
    pub(crate) build: &'a F,
}

/// A response, and the credentials that its request was sent with.
pub(crate) struct Exchanged {
    pub(crate) response: Response,
    pub(crate) sent: Arc<HeaderMap>,
}

impl<F: Fn(HeaderMap) -> RequestBuilder> Exchange<'_, F> {
    /// Sends the request with the cookies of its session, and follows redirects within its origin.
    ///
    /// The request is built once more for each of them: method, body, credentials and headers stay.
    /// Headers that hold for one URL are requested again (RFC 9449 section 4.2).
    ///
    /// # Errors
    /// [`HttpFault`] of kind `Credentials`: the source had no headers for the target of a redirect.
    /// [`HttpFault`] of kind `Redirected`: a redirect that must not be followed, or one too many.
    /// [`HttpFault`] of another kind: no response came.
    ///
    /// # Cancel safety
    /// Not cancel safe: the server may execute the request; its response is lost.
    pub(crate) async fn send(&self, mut sent: Arc<HeaderMap>) -> Result<Exchanged, HttpFault> {
        let mut response = self.send_to(&sent, None).await?;
        for _ in 0..MAX_REDIRECTS {
            let url = response.url();
            let Some(next) = redirect_of(response.status(), response.headers(), url)? else {
                return Ok(Exchanged { response, sent });
            };
            if next.is_permanent {
                self.session.note_move(url, &next.to);
            }
            drain(response).await;
            if sent.contains_key(PROOF) {
                let again = self.credentials.headers(self.target.at(&next.to)).await;
                sent = again.map_err(HttpFault::of_credentials)?;
            }
            response = self.send_to(&sent, Some(next.to)).await?;
        }
        match redirect_of(response.status(), response.headers(), response.url())? {
            Some(next) => Err(too_many(response.status(), &next.to)),
            None => Ok(Exchanged { response, sent }),
        }
    }

    /// Sends one request to the target of a redirect, or to where its address is known to have moved.
    async fn send_to(&self, sent: &HeaderMap, target: Option<Url>) -> Result<Response, HttpFault> {
        let session = self.session;
        let request = (self.build)(headers_of(sent, self.target.call()));
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
        self.credentials.note_response(response.headers());
        Ok(response)
    }
}

/// Reads a body that is not used, for a bounded time and size, so that reqwest reuses the connection.
async fn drain(response: Response) {
    let _ = timeout(DRAIN_TIMEOUT, body(response, MAX_DRAINED)).await;
}

/// The header of a proof of possession, which names the URL of its request.
const PROOF: &str = "dpop";

/// A server needs one, for a slash or a version. More are a loop.
const MAX_REDIRECTS: usize = 3;
const MAX_DRAINED: usize = 64 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
