//! The HTTP client for authorization servers.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use mcp_pool_http::{BuildError, body, client};
use reqwest::{ClientBuilder, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use super::{address::Reach, resolver::CheckedResolver};
use crate::error::{OAuthError, Step};

/// The HTTP client for authorization servers: bounded in time and size, without redirects, and with a
/// check of each address.
pub(crate) struct HttpClient {
    /// For endpoints on other machines.
    remote: reqwest::Client,
    /// For endpoints on this machine.
    local: reqwest::Client,
    allows_private: bool,
}

/// A whole response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl HttpClient {
    /// Clients of this builder.
    pub(crate) fn new(
        builder: &dyn Fn() -> ClientBuilder,
        allows_private: bool,
    ) -> Result<Self, BuildError> {
        let build = |this_machine| {
            let reach = Reach {
                this_machine,
                private: allows_private,
            };
            client(builder().dns_resolver(Arc::new(CheckedResolver(reach))))
        };
        Ok(Self {
            remote: build(false)?,
            local: build(true)?,
            allows_private,
        })
    }

    /// The reach for an endpoint.
    pub(crate) fn reach(&self, endpoint: &Url) -> Reach {
        Reach::of(endpoint, self.allows_private)
    }

    /// Gets a document.
    pub(crate) async fn get(
        &self,
        reach: Reach,
        url: &Url,
        step: Step,
    ) -> Result<Answer, OAuthError> {
        self.send(reach, url, step, |client| {
            client.get(url.clone()).header("accept", "application/json")
        })
        .await
    }

    /// Posts what `build` adds to the request.
    pub(crate) async fn post(
        &self,
        reach: Reach,
        url: &Url,
        step: Step,
        build: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, OAuthError> {
        self.send(reach, url, step, |client| {
            build(
                client
                    .post(url.clone())
                    .header("accept", "application/json"),
            )
        })
        .await
    }

    async fn send(
        &self,
        reach: Reach,
        url: &Url,
        step: Step,
        build: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer, OAuthError> {
        reach.check(url)?;
        let client = match reach.this_machine {
            true => &self.local,
            false => &self.remote,
        };
        let exchange = async {
            let response = build(client).send().await.ok()?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = body(response, MAX_BODY).await.ok()?;
            Some(Answer {
                status,
                headers,
                body,
            })
        };
        let answer = timeout(TIME_LIMIT, exchange).await.ok().flatten();
        answer.ok_or(OAuthError::NoResponse { step })
    }
}

impl Answer {
    /// The document in a response with a status of success.
    pub(crate) fn document<T: DeserializeOwned>(&self, step: Step) -> Result<T, OAuthError> {
        if !self.status.is_success() {
            let status = self.status.as_u16();
            return Err(OAuthError::Status { step, status });
        }
        self.read().ok_or(OAuthError::Unusable {
            step,
            what: "it is not the JSON that is expected",
        })
    }

    /// The document in a response with any status.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Metadata documents have a few kilobytes.
const MAX_BODY: usize = 256 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(10);
