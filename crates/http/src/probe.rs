//! The request that finds out whether an endpoint is there.

use http::{Method, StatusCode};
use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::EndpointProbe,
};
use reqwest::Url;

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
