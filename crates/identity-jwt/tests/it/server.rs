//! A key server on loopback with a configurable answer.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router, extract,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use mcp_pool_identity_jwt::{JwksSettings, JwtIdentity, JwtKeys};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::support::{AUDIENCE, ISSUER};

/// A key server. It stops when dropped.
pub(crate) struct KeyServer {
    pub(crate) url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    answers: Semaphore,
}

#[derive(Clone)]
pub(crate) enum Answer {
    Keys(Vec<Value>),
    Body(String),
    Status(u16),
    Redirect(String),
    Never,
}

impl KeyServer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let state = Arc::new(State {
            answer: Mutex::new(Answer::Keys(keys)),
            fetches: AtomicUsize::new(0),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks?code=hidden", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/jwks", get(answer))
            .route("/moved", get(answer))
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// Delays all answers until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.state.answers.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.state.answers.add_permits(Semaphore::MAX_PERMITS);
    }

    /// An extractor over this server's keys.
    pub(crate) fn extractor(&self, settings: JwksSettings) -> JwtIdentity {
        JwtIdentity::builder(JwtKeys::url(&self.url).unwrap())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .jwks(settings)
            .build()
            .unwrap()
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(extract::State(state): extract::State<Arc<State>>, _: HeaderMap) -> Response {
    state.fetches.fetch_add(1, Ordering::SeqCst);
    let _permit = state.answers.acquire().await.unwrap();
    let answer = state.answer.lock().unwrap().clone();
    match answer {
        Answer::Keys(keys) => json!({"keys": keys}).to_string().into_response(),
        Answer::Body(body) => body.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response()
        }
        Answer::Never => std::future::pending().await,
    }
}
