//! The endpoint that controls the server.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use mcp_pool_testkit::{Fault, FaultServer};
use serde_json::{Value, json};

use super::{ledger::ledger, options::Order};

type Server = Arc<FaultServer>;

/// The requests that control a server.
pub(crate) fn router(server: Server, has_tls: bool) -> Router {
    let authority = move || async move {
        match has_tls {
            true => (StatusCode::OK, FaultServer::authority()),
            false => (
                StatusCode::NOT_FOUND,
                "without --tls there is no authority\n",
            ),
        }
    };
    Router::new()
        .route("/ledger", get(show))
        .route("/faults", get(list).post(arm).delete(heal))
        .route("/authority", get(authority))
        .with_state(server)
}

async fn show(State(server): State<Server>) -> Json<Value> {
    Json(ledger(&server))
}

async fn list() -> Json<Value> {
    Json(json!(Fault::EXAMPLES))
}

/// Arms all faults of the body, or none where one is wrong.
async fn arm(State(server): State<Server>, body: String) -> (StatusCode, String) {
    match Order::read_all(&body) {
        Ok(orders) => {
            orders.into_iter().for_each(|order| order.arm(&server));
            (StatusCode::NO_CONTENT, String::new())
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

async fn heal(State(server): State<Server>) -> StatusCode {
    server.heal();
    StatusCode::NO_CONTENT
}
