//! The request that finds out whether an endpoint is there.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode};
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::EndpointProbe,
};
use reqwest::Url;
use tokio::time::timeout;

use crate::{fault::HttpFault, repeat::send_repeatedly};

/// A probe of an endpoint: one OPTIONS request without credentials, headers of a caller or a body.
///
/// OPTIONS asks for nothing and opens no session (RFC 9110 section 9.3.7). Any response shows that a
/// server is there, except for 502, 503 and 504 of a gateway that does not reach it.
#[must_use]
pub fn probe(http: &reqwest::Client, url: &Url) -> EndpointProbe {
    let (http, url) = (http.clone(), url.clone());
    Box::pin(async move {
        let options = async || {
            let request = http.request(Method::OPTIONS, url.clone());
            request.send().await.map_err(HttpFault::of_send)
        };
        let response = send_repeatedly(options).await?;
        end_session(&http, url.clone(), response.headers()).await;
        match response.status() {
            status @ (StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let kind = FaultKind::from_status(status, response.headers());
                Err(ConnectError::new(kind))
            }
            _ => Ok(()),
        }
    })
}

/// Ends the session that some servers open for any request without one, whatever they answer.
async fn end_session(http: &reqwest::Client, url: Url, response: &HeaderMap) {
    if let Some(id) = response.get(SESSION_ID) {
        let delete = http.delete(url).header(SESSION_ID, id.clone());
        // The server may not let clients end sessions.
        let _ = timeout(DELETE_TIMEOUT, delete.send()).await;
    }
}

/// The header of a session id (revision 2025-11-25, transports).
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const DELETE_TIMEOUT: Duration = Duration::from_secs(1);
