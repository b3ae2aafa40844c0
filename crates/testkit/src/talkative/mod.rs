//! A real MCP server that starts to talk of its own accord.

mod speaker;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use mcp_pool_core::Endpoint;
use rmcp::{
    RoleServer,
    model::CacheScope,
    service::{Peer, SubscriptionSink},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

use self::speaker::Speaker;
use crate::server::Running;

/// An MCP server over Streamable HTTP that talks: of changes of its lists, of resources, for the
/// log, of progress; and that asks before it answers. It speaks every revision that rmcp does, with
/// sessions and without.
///
/// Its tools are `ask`, `say`, `work` and one named `version-N` that shows how often the list has
/// changed. `say` has it log and tell of a resource, both with the argument `label`; `work` reports
/// progress three times, with `label` for a message; `ask` asks for a form to be filled in, for
/// roots and for a sample, and answers with what it got, as JSON.
#[derive(Debug)]
pub struct TalkativeServer {
    state: Arc<State>,
    running: Running,
}

/// What all handlers of a server share.
#[derive(Debug, Default)]
struct State {
    peers: Mutex<Vec<Peer<RoleServer>>>,
    /// By a number of the server's own: clients number theirs each for themselves.
    subscriptions: Mutex<BTreeMap<usize, SubscriptionSink>>,
    subscribed: AtomicUsize,
    hints: Mutex<Hints>,
    changes: AtomicUsize,
    lists: AtomicUsize,
    asked: AtomicUsize,
}

/// What is said of how long a list may be kept, and by whom.
#[derive(Clone, Copy, Debug, Default)]
struct Hints {
    ttl: Option<Duration>,
    scope: Option<CacheScope>,
    page: Option<usize>,
}

impl TalkativeServer {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let speaking = Arc::clone(&state);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Running::start(address, move || router(speaking));
        Self { state, running }
    }

    /// The server's address as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let url = format!("http://{}/mcp", self.running.address());
        Endpoint::streamable_http(&url).expect("a loopback address makes a valid url")
    }

    /// How often it was asked for its tools.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.state.lists.load(Ordering::SeqCst)
    }

    /// How often `ask` was called, each round by itself.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// How many subscriptions it serves.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.state.open_subscriptions().len()
    }

    /// Has it say this of its lists of tools from now on.
    pub fn hint(&self, ttl: Option<Duration>, scope: Option<CacheScope>) {
        let mut hints = lock(&self.state.hints);
        (hints.ttl, hints.scope) = (ttl, scope);
    }

    /// Has it give its lists of tools in pages of so many from now on.
    pub fn page(&self, tools: usize) {
        lock(&self.state.hints).page = Some(tools);
    }

    /// Changes the list of tools and tells every session and every subscription so.
    pub async fn change_tools(&self) {
        self.state.changes.fetch_add(1, Ordering::SeqCst);
        let peers = lock(&self.state.peers).clone();
        for peer in peers {
            // A session that is gone by now does not matter.
            let _ = peer.notify_tool_list_changed().await;
        }
        for subscription in self.state.open_subscriptions() {
            let _ = subscription.notify_tool_list_changed().await;
        }
    }
}

impl State {
    /// The subscriptions whose clients are still there.
    fn open_subscriptions(&self) -> Vec<SubscriptionSink> {
        lock(&self.subscriptions).values().cloned().collect()
    }
}

fn router(state: Arc<State>) -> Router {
    let service = StreamableHttpService::new(
        move || Ok(Speaker::new(Arc::clone(&state))),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    Router::new().fallback_service(service)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
