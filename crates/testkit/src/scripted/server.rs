//! A server whose every byte a test decides.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderMap;
use mcp_pool_core::{Endpoint, config::Lifecycle};
use serde_json::Value;

use super::{
    exchange::{Exchange, event},
    front::{Front, HttpRequest},
    routes::router,
    session::Part,
    shared::Shared,
};
use crate::server::Running;

/// An MCP server over Streamable HTTP, in both eras, and over HTTP+SSE, that runs a script for each
/// message of a client.
///
/// The script decides every byte of the answers. The server records every message. It runs on
/// threads of its own, and stops when dropped.
///
/// ```
/// use mcp_pool_testkit::ScriptedServer;
///
/// let server = ScriptedServer::start(|exchange| async move {
///     match exchange.method() {
///         "tools/call" => exchange.answer(r#"{"content":[]}"#).await,
///         _ => exchange.answer_plainly().await,
///     };
/// });
/// assert_eq!(server.count("tools/call"), 0);
/// ```
#[derive(Debug)]
pub struct ScriptedServer {
    shared: Arc<Shared>,
    running: Running,
}

impl ScriptedServer {
    /// Starts a server.
    #[must_use]
    pub fn start<F>(script: impl Fn(Exchange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_as(pass, script, true)
    }

    /// Starts a server behind a front, which sees every HTTP request first.
    ///
    /// All paths are served below `/moved` too.
    #[must_use]
    pub fn start_behind<F>(
        front: impl Fn(&HttpRequest) -> Front + Send + Sync + 'static,
        script: impl Fn(Exchange) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_as(front, script, true)
    }

    /// Starts a server whose sessions over Streamable HTTP have no standalone stream.
    #[must_use]
    pub fn start_without_streams<F>(script: impl Fn(Exchange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_as(pass, script, false)
    }

    fn start_as<F>(
        front: impl Fn(&HttpRequest) -> Front + Send + Sync + 'static,
        script: impl Fn(Exchange) -> F + Send + Sync + 'static,
        has_streams: bool,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shared = Arc::new(Shared {
            script: Box::new(move |exchange| Box::pin(script(exchange))),
            front: Box::new(front),
            messages: Mutex::default(),
            requests: Mutex::default(),
            sessions: Arc::default(),
            has_streams,
        });
        let routes = Arc::clone(&shared);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Running::start(address, move || router(routes));
        Self { shared, running }
    }

    /// The server's address over Streamable HTTP, in an era.
    #[must_use]
    pub fn endpoint(&self, lifecycle: Lifecycle) -> Endpoint {
        let url = format!("http://{}/mcp", self.running.address());
        let endpoint = Endpoint::streamable_http(&url);
        let endpoint = endpoint.expect("a loopback address makes a valid url");
        endpoint.with_lifecycle(lifecycle)
    }

    /// The server's address over HTTP+SSE.
    #[must_use]
    pub fn sse_endpoint(&self) -> Endpoint {
        let url = format!("http://{}/sse", self.running.address());
        Endpoint::sse(&url).expect("a loopback address makes a valid url")
    }

    /// Every message so far, in the order of arrival.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        let messages = self.shared.messages.lock();
        messages.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every HTTP request so far, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        let requests = self.shared.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server's address without a path.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.running.address())
    }

    /// The number of messages with this method.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        let messages = self.shared.messages.lock();
        let messages = messages.unwrap_or_else(PoisonError::into_inner);
        let of_method = messages.iter().filter(|it| it["method"] == method);
        of_method.count()
    }

    /// The number of sessions opened so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.shared.sessions.opened()
    }

    /// The number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.running.connections()
    }

    /// The number of open streams that belong to no call.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.shared.sessions.streams().len()
    }

    /// Ends every stream that belongs to no call, and with it the sessions over HTTP+SSE.
    pub fn end_streams(&self) {
        self.shared.sessions.end_all();
    }

    /// Sends a JSON-RPC message on every stream that belongs to no call.
    pub async fn broadcast(&self, text: &str) {
        for stream in self.shared.sessions.streams() {
            // Its client may have gone meanwhile.
            let _ = stream.send(Part::Bytes(event(text))).await;
        }
    }
}

/// The front of a server that has none.
fn pass(_: &HttpRequest) -> Front {
    Front::Pass(HeaderMap::new())
}
