//! A real MCP server that sends notifications and requests to its clients.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::Router;
use mcp_pool_core::Endpoint;
use rmcp::{
    model::CacheScope,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

use super::{
    handler::Handler,
    state::{State, lock},
};
use crate::server::Running;

/// An MCP server over Streamable HTTP that sends notifications and requests to its clients.
///
/// It supports every revision of rmcp, with sessions and without. Its tools:
///
/// - `notify` sends a log message and a resource update, both with the argument `label`.
/// - `work` sends progress three times, with `label` as the message.
/// - `request_input` requests a form, the roots and a sample, and returns the answers as JSON.
/// - `version-N` exists for its name: `N` counts the changes of the list.
#[derive(Debug)]
pub struct NotifyingServer {
    state: Arc<State>,
    running: Running,
}

impl NotifyingServer {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Running::start(address, move || router(shared));
        Self { state, running }
    }

    /// The server's address as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let url = format!("http://{}/mcp", self.running.address());
        Endpoint::streamable_http(&url).expect("a loopback address makes a valid url")
    }

    /// The number of requests for the list of tools.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.state.lists.load(Ordering::SeqCst)
    }

    /// The number of calls of `request_input`; each round counts.
    #[must_use]
    pub fn input_calls(&self) -> usize {
        self.state.input_calls.load(Ordering::SeqCst)
    }

    /// The number of open subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.state.open_subscriptions().len()
    }

    /// Sets the cache hints of the lists of tools from now on.
    pub fn hint(&self, ttl: Option<Duration>, scope: Option<CacheScope>) {
        let mut hints = lock(&self.state.hints);
        (hints.ttl, hints.scope) = (ttl, scope);
    }

    /// Sets the page size of the lists of tools from now on.
    pub fn page(&self, tools: usize) {
        lock(&self.state.hints).page = Some(tools);
    }

    /// Changes the list of tools and notifies every session and every subscription.
    pub async fn change_tools(&self) {
        self.state.changes.fetch_add(1, Ordering::SeqCst);
        let peers = lock(&self.state.peers).clone();
        for peer in peers {
            // A session may have ended since; its notification fails.
            let _ = peer.notify_tool_list_changed().await;
        }
        for subscription in self.state.open_subscriptions() {
            let _ = subscription.notify_tool_list_changed().await;
        }
    }
}

fn router(state: Arc<State>) -> Router {
    let service = StreamableHttpService::new(
        move || Ok(Handler::new(Arc::clone(&state))),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    Router::new().fallback_service(service)
}
