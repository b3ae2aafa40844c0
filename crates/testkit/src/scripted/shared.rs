//! What the routes of one server share.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use serde_json::Value;

use super::{
    exchange::Exchange,
    front::{Front, HttpRequest},
    session::Sessions,
};

/// What the routes of one server share.
pub(super) struct Shared {
    pub(super) script: Box<dyn Fn(Exchange) -> BoxFuture<'static, ()> + Send + Sync>,
    pub(super) front: Box<dyn Fn(&HttpRequest) -> Front + Send + Sync>,
    pub(super) messages: Mutex<Vec<Value>>,
    pub(super) requests: Mutex<Vec<HttpRequest>>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) has_streams: bool,
}

impl Shared {
    /// Records a message and runs the script for it.
    pub(super) fn run(&self, exchange: Exchange) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(exchange.message().clone());
        drop(messages);
        tokio::spawn((self.script)(exchange));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
