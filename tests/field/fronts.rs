//! Servers behind a front, and their users.

use http::HeaderMap;
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, SessionPool, extend::ServerMessages,
};

use crate::{
    common::{eventually, headers},
    over::{Over, builder},
};

/// A plain server behind a front.
pub(crate) fn behind(
    front: impl Fn(&HttpRequest) -> Front + Send + Sync + 'static,
) -> ScriptedServer {
    ScriptedServer::start_behind(front, |exchange| async move {
        exchange.answer_plainly().await;
    })
}

/// A front that adds these headers to every response.
pub(crate) fn adding(pairs: &[(&str, &str)]) -> Front {
    Front::Pass(headers(pairs))
}

/// A front that does nothing.
pub(crate) fn passing() -> Front {
    Front::Pass(HeaderMap::new())
}

/// A pool whose handlers listen, so that sessions open a stream where their transport has one.
pub(crate) fn listening_pool() -> SessionPool {
    let (messages, _) = ServerMessages::channel(1);
    let pool = builder(PoolConfig::default()).handlers(messages).build();
    pool.expect("a pool")
}

/// A request of a user with a token of the same name and these headers.
pub(crate) fn request(
    over: Over,
    server: &ScriptedServer,
    user: &str,
    pairs: &[(&str, &str)],
) -> AcquireRequest {
    let mut all = headers(pairs);
    let token = format!("Bearer {user}").parse().expect("a header value");
    all.insert("authorization", token);
    over.request(server, user).with_headers(all)
}

pub(crate) async fn client(
    pool: &SessionPool,
    over: Over,
    server: &ScriptedServer,
    user: &str,
) -> PooledClient {
    let client = pool.client(request(over, server, user, &[])).await;
    client.expect("a client")
}

/// The requests of a user so far.
pub(crate) fn requests_of(server: &ScriptedServer, user: &str) -> Vec<HttpRequest> {
    let token = format!("Bearer {user}");
    let mut requests = server.requests();
    requests.retain(|request| request.header("authorization").as_deref() == Some(token.as_str()));
    requests
}

/// Waits until a request of this name has arrived.
pub(crate) async fn arrived(server: &ScriptedServer, name: &str) {
    let has_arrived = || server.requests().iter().any(|it| it.name() == name);
    eventually(name, has_arrived).await;
}
