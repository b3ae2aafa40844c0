//! A gateway: a proxy behind rmcp's server over Streamable HTTP, and its clients.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::Request, middleware, serve::ListenerExt};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool,
    config::Lifecycle,
    extend::{HandlerFactory, Identity},
    proxy::{Caller, Proxy},
    rmcp::transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::common::{builder, headers};

/// A gateway that takes the caller from a header, which only a test may do.
pub(crate) struct Gateway {
    url: String,
    server: JoinHandle<()>,
}

impl Gateway {
    pub(crate) async fn start(proxy: Proxy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let service = StreamableHttpService::new(
            move || Ok(proxy.handler()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let app = Router::new()
            .route_service("/mcp", service)
            .layer(middleware::map_request(with_caller));
        let listener = listener.tap_io(|io| io.set_nodelay(true).expect("a socket"));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        Self { url, server }
    }

    /// The gateway as a server of one era.
    pub(crate) fn endpoint(&self, lifecycle: Lifecycle) -> Endpoint {
        let endpoint = Endpoint::streamable_http(&self.url).expect("a url");
        endpoint.with_lifecycle(lifecycle)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn with_caller(mut request: Request) -> Request {
    let user = request.headers().get("x-user");
    if let Some(user) = user.and_then(|user| user.to_str().ok()) {
        let identity = Identity::from_parts("test", [user]);
        let caller = Caller::new(Principal::user(user), identity);
        request.extensions_mut().insert(caller);
    }
    request
}

/// A pool that plays the clients of a gateway.
pub(crate) fn clients() -> SessionPool {
    let config = PoolConfig::default()
        .with_call_timeout(Duration::from_secs(20))
        .with_list_changed_debounce(Duration::ZERO);
    builder(config).build().expect("a pool")
}

/// A client of one user, with these handlers.
pub(crate) async fn client_of(
    clients: &SessionPool,
    endpoint: Endpoint,
    user: &str,
    handlers: Option<Arc<dyn HandlerFactory>>,
) -> PooledClient {
    let request = AcquireRequest::new(endpoint, Principal::user(user))
        .with_headers(headers(&[("x-user", user)]))
        .with_identity(Identity::from_parts("test", [user]));
    let request = match handlers {
        Some(handlers) => request.with_handlers(handlers),
        None => request,
    };
    clients.client(request).await.expect("a client")
}

/// What a test received, in its order.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}
