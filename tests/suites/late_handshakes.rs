//! A session that a server opens after its caller was given up is closed, whatever became of the pool.

use std::{sync::Arc, time::Duration};

use http::Method;
use mcp_pool_testkit::ScriptedServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool, SseConnector,
    StreamableHttpConnector, config::Lifecycle,
};
use tokio::sync::Semaphore;

use crate::common::eventually;

/// A server that answers the first request of a session once the semaphore has permits.
fn late_server() -> (ScriptedServer, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let own = Arc::clone(&gate);
    let server = ScriptedServer::start(move |exchange| {
        let gate = Arc::clone(&own);
        async move {
            if matches!(exchange.method(), "initialize" | "server/discover") {
                drop(gate.acquire().await);
            }
            exchange.answer_plainly().await;
        }
    });
    (server, gate)
}

fn pool() -> SessionPool {
    // Long enough for the first request to reach a slow server.
    let config = PoolConfig::default().with_session_create_timeout(Duration::from_secs(2));
    SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .build()
        .expect("a pool")
}

/// What becomes of the pool between the time-out and the answer.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Closed,
    Dropped,
}

const ALL: [Meanwhile; 3] = [Meanwhile::Nothing, Meanwhile::Closed, Meanwhile::Dropped];

/// A handshake that is given up, and what becomes of the pool then.
async fn give_up(endpoint: Endpoint, meanwhile: Meanwhile) -> Option<SessionPool> {
    let pool = pool();
    let request = AcquireRequest::new(endpoint, Principal::user("late"));
    let error = pool.acquire(&request).await.expect_err("no answer");
    assert!(error.is_timeout(), "{error:?}");
    match meanwhile {
        Meanwhile::Nothing => Some(pool),
        Meanwhile::Closed => {
            pool.close(Duration::from_secs(60)).await;
            Some(pool)
        }
        Meanwhile::Dropped => None,
    }
}

fn is_deleted(server: &ScriptedServer) -> bool {
    let requests = server.requests();
    let mut deletes = requests
        .iter()
        .filter(|request| request.method == Method::DELETE);
    deletes.any(|request| request.header("mcp-session-id").is_some())
}

#[tokio::test]
async fn a_session_over_streamable_http_that_is_opened_late_is_closed() {
    for meanwhile in ALL {
        let (server, gate) = late_server();
        let pool = give_up(server.endpoint(Lifecycle::Legacy), meanwhile).await;
        assert!(!is_deleted(&server), "{meanwhile:?}");
        gate.add_permits(9);
        eventually("the session is closed", || is_deleted(&server)).await;
        assert_eq!(server.sessions_opened(), 1, "{meanwhile:?}");
        assert_eq!(server.open_streams(), 0, "{meanwhile:?}");
        drop(pool);
    }
}

#[tokio::test]
async fn a_session_over_sse_that_is_opened_late_leaves_no_stream() {
    for meanwhile in ALL {
        let (server, gate) = late_server();
        let pool = give_up(server.sse_endpoint(), meanwhile).await;
        gate.add_permits(9);
        eventually("the stream ends", || server.open_streams() == 0).await;
        assert_eq!(
            server.count("notifications/initialized"),
            0,
            "{meanwhile:?}"
        );
        drop(pool);
    }
}

#[tokio::test]
async fn a_stateless_server_that_answers_late_has_nothing_to_close() {
    for meanwhile in ALL {
        let (server, gate) = late_server();
        let pool = give_up(server.endpoint(Lifecycle::Stateless), meanwhile).await;
        gate.add_permits(9);
        drop(pool);
        eventually("no connection is left", || server.connections() == 0).await;
        let names: Vec<_> = server
            .requests()
            .iter()
            .map(|it| it.name().to_owned())
            .collect();
        assert!(
            names.iter().all(|name| name == "server/discover"),
            "{names:?}"
        );
    }
}
