//! Helpers of the tests.

use std::time::Duration;

use axum::{Router, body::Body};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use mcp_pool_admin::{Admin, Recorder, mcp_pool_core};
use mcp_pool_core::{AcquireRequest, PoolConfig, Principal, SessionPool};
use mcp_pool_testkit::fake::{self, Remote};
use serde_json::Value;
use tower::ServiceExt;

/// A pool over a fake transport, and its router.
pub(crate) struct Setup {
    pub(crate) pool: SessionPool,
    pub(crate) remote: Remote,
    pub(crate) recorder: Recorder,
    pub(crate) router: Router,
}

/// An answer of the router.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Setup {
    pub(crate) fn new(config: PoolConfig) -> Self {
        Self::with(config, |admin| admin)
    }

    pub(crate) fn with(config: PoolConfig, change: impl FnOnce(Admin) -> Admin) -> Self {
        let (connector, remote) = fake::connector();
        let recorder = Recorder::new();
        let pool = SessionPool::builder()
            .config(config)
            .connector(connector)
            .observer(recorder.clone())
            .build()
            .expect("a valid configuration");
        let admin = Admin::new(&pool, &recorder).sample_every(Duration::from_millis(100));
        let router = change(admin).router();
        Self {
            pool,
            remote,
            recorder,
            router,
        }
    }

    /// Sends a request of a program on this machine.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("host", "localhost:9090")], "")
            .await
    }

    /// Sends an action as the page does.
    pub(crate) async fn act(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &OF_PAGE, &body.to_string())
            .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            let value = value.parse().expect("a value");
            request.headers_mut().append(name, value);
        }
        let answer = self.router.clone().oneshot(request).await;
        let (parts, body) = answer.expect("infallible").into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.into()).expect("text"),
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        serde_json::from_str(&self.text).expect("json")
    }

    pub(crate) fn header(&self, name: HeaderName) -> &str {
        let value = self.headers.get(&name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }
}

/// The headers of a request of the page.
pub(crate) const OF_PAGE: [(&str, &str); 5] = [
    ("host", "localhost:9090"),
    ("origin", "http://localhost:9090"),
    ("content-type", "application/json"),
    ("sec-fetch-site", "same-origin"),
    ("x-mcp-pool-action", "1"),
];

/// A request of a user of one server.
pub(crate) fn request(user: &str) -> AcquireRequest {
    AcquireRequest::new(fake::endpoint("a"), Principal::user(user))
}

impl Setup {
    /// Opens a stream of events.
    pub(crate) async fn open_stream(&self) -> Response<Body> {
        let request = Request::get("/pool/events").header(header::HOST, "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await;
        answer.expect("infallible")
    }
}
