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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server on loopback that answers the request of a path with these bytes.
    async fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                let request = String::from_utf8(request).unwrap();
                let path = request.split(' ').nth(1).unwrap();
                stream.write_all(answer(path).as_bytes()).await.unwrap();
            }
        });
        url.parse().unwrap()
    }

    async fn fetch(url: Url, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        let settings = JwksSettings {
            // Longer than any test takes.
            timeout: Duration::from_secs(600),
            max_bytes,
            ..JwksSettings::default()
        };
        let fetcher = Fetcher::new(url, None, &settings).unwrap();
        fetcher.fetch().await
    }

    /// An answer that names the length of its body.
    fn with_length(body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    /// An answer in chunks of these sizes, which does not name its length.
    fn chunked(sizes: &[usize]) -> String {
        let mut answer =
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        for size in sizes {
            answer.push_str(&format!("{size:x}\r\n{}\r\n", "x".repeat(*size)));
        }
        answer + "0\r\n\r\n"
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_the_limit_and_not_beyond() {
        for (name, answer, length) in [
            ("length 64", with_length(&"x".repeat(64)), Some(64)),
            ("length 65", with_length(&"x".repeat(65)), None),
            ("a chunk of 64", chunked(&[64]), Some(64)),
            ("a chunk of 65", chunked(&[65]), None),
            ("chunks of 64", chunked(&[32, 32]), Some(64)),
            ("chunks of 65", chunked(&[32, 33]), None),
        ] {
            let url = serve(move |_| answer.clone()).await;
            let body = fetch(url, 64).await.map(|body| body.len());
            assert_eq!(body, length.ok_or(FetchError::TooLong), "{name}");
        }
    }

    #[tokio::test]
    async fn three_redirects_within_the_origin_are_followed_and_a_fourth_is_not() {
        let url = serve(|path| match path {
            "/0" => with_length("the keys"),
            path => {
                let left = path[1..].parse::<u32>().unwrap() - 1;
                format!(
                    "HTTP/1.1 307 Temporary Redirect\r\nconnection: close\r\n\
                     content-length: 0\r\nlocation: /{left}\r\n\r\n"
                )
            }
        })
        .await;
        for redirects in 0..=3 {
            let body = fetch(url.join(&redirects.to_string()).unwrap(), 64).await;
            assert_eq!(body, Ok(b"the keys".to_vec()), "{redirects}");
        }
        let fourth = fetch(url.join("4").unwrap(), 64).await;
        assert_eq!(fourth, Err(FetchError::Redirected));
    }

    /// The environment of a process is the same for all of its tests: a process
    /// of its own runs this test with a proxy that does not exist.
    #[tokio::test]
    async fn keys_on_loopback_are_fetched_without_the_proxy_of_the_environment() {
        const NAME: &str = "keys::fetch::tests::\
                            keys_on_loopback_are_fetched_without_the_proxy_of_the_environment";
        const IN_CHILD: &str = "MCP_POOL_TEST_WITH_PROXY";
        if std::env::var_os(IN_CHILD).is_some() {
            let url = serve(|_| with_length("the keys")).await;
            assert_eq!(fetch(url, 64).await, Ok(b"the keys".to_vec()));
            return;
        }
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env(IN_CHILD, "1");
        for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
            child.env_remove(name);
        }
        for name in ["http_proxy", "HTTP_PROXY"] {
            child.env(name, "http://127.0.0.1:1");
        }
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }
}
