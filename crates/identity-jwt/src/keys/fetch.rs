//! Fetching a key set over HTTP.

use std::{fmt, time::Duration};

use http::{StatusCode, header};
use reqwest::{Client, Response, redirect};
use url::{Host, Url};

use super::settings::JwksSettings;
use crate::{JwtConfigError, JwtKeyError};

/// Fetches one URL, with a limit of time and size.
pub(crate) struct Fetcher {
    client: Client,
    url: Url,
    timeout: Duration,
    max_bytes: usize,
}

/// Why a fetch returned no key set. Shows no part of the body, and of the URL
/// no more than its origin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("no answer from the source")]
    NoAnswer,
    #[error("no usable key set in the answer")]
    NotAKeySet(#[from] JwtKeyError),
    #[error("redirected to another origin")]
    Redirected,
    #[error("answered with status {0}")]
    Status(StatusCode),
    #[error("no complete answer in time")]
    TimedOut,
    #[error("the answer is too long")]
    TooLong,
}

impl Fetcher {
    /// Uses the given client, or a default client that follows no redirect to
    /// another origin.
    pub(crate) fn new(
        url: Url,
        client: Option<Client>,
        settings: &JwksSettings,
    ) -> Result<Self, JwtConfigError> {
        let client = match client {
            Some(client) => client,
            None => default_client(&url).map_err(|_| JwtConfigError::HttpClient)?,
        };
        Ok(Self {
            client,
            url,
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        })
    }

    /// Returns the body of the answer.
    pub(crate) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        tokio::time::timeout(self.timeout, self.exchange())
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    /// The origin of the URL. It is safe to log.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    async fn exchange(&self) -> Result<Vec<u8>, FetchError> {
        let response = self
            .client
            .get(self.url.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .send()
            .await
            .map_err(|_| FetchError::NoAnswer)?;
        // The client of an application may follow any redirect.
        if response.url().origin() != self.url.origin() || response.status().is_redirection() {
            return Err(FetchError::Redirected);
        }
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        self.body(response).await
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, FetchError> {
        let content_length = response.content_length().unwrap_or(0);
        if content_length > self.max_bytes as u64 {
            return Err(FetchError::TooLong);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| FetchError::NoAnswer)? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

/// Parses a URL and checks that keys may be fetched from it.
pub(crate) fn key_set_url(text: &str) -> Result<Url, JwtKeyError> {
    let url = Url::parse(text).map_err(|_| JwtKeyError::UrlMalformed)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(JwtKeyError::UrlMalformed);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(JwtKeyError::UrlCredentials);
    }
    let tls = cfg!(feature = "rustls");
    match url.scheme() {
        "https" if tls => Ok(url),
        "https" => Err(JwtKeyError::TlsNotBuilt),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(JwtKeyError::UrlNotHttps),
    }
}

fn default_client(url: &Url) -> reqwest::Result<Client> {
    let origin = url.origin();
    let redirects = redirect::Policy::custom(move |attempt| {
        if attempt.url().origin() == origin && attempt.previous().len() <= MAX_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    let builder = Client::builder().redirect(redirects);
    if url.scheme() == "http" {
        // A proxy cannot reach this machine's loopback.
        return builder.no_proxy().build();
    }
    builder.build()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

const MAX_REDIRECTS: usize = 3;
