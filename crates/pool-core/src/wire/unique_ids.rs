//! Unique request ids for sessions that rmcp serves.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::{
    RoleClient,
    model::{
        ClientNotification, GetMeta, JsonRpcMessage, ProgressToken, RequestId, ServerNotification,
        ServerResult, SubscriptionsListenResultMeta,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use super::message::{RequestIds, progress_token};

/// An rmcp transport whose request ids and progress tokens are unique over all sessions.
///
/// Every client of rmcp counts from zero. A bridge that broadcasts the answers of one server to
/// several clients then mixes them up. This wrapper replaces ids and tokens on their way out and
/// puts rmcp's own back on the way in.
///
/// ```
/// use mcp_pool_core::{extend::UniqueIds, rmcp::{RoleClient, transport::Transport}};
///
/// fn unique<T: Transport<RoleClient>>(transport: T) -> UniqueIds<T> {
///     UniqueIds::new(transport)
/// }
/// ```
pub struct UniqueIds<T> {
    transport: T,
    ids: RequestIds,
    pending: Arc<Mutex<Pending>>,
}

/// The requests without an answer, by the id on the wire.
type Pending = HashMap<RequestId, Known>;

/// What rmcp calls a request, by the id on the wire.
struct Known {
    id: RequestId,
    token: Option<ProgressToken>,
}

/// What a message on its way out is.
enum Outward {
    Other,
    /// A request, under this id.
    Request(RequestId),
}

impl<T> UniqueIds<T> {
    /// Wraps a transport.
    #[must_use]
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            ids: RequestIds::random(),
            pending: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    /// Replaces what rmcp calls a request. `None`: the message must not be sent.
    fn outward(&self, message: &mut TxJsonRpcMessage<RoleClient>) -> Option<Outward> {
        match message {
            JsonRpcMessage::Request(request) => {
                let id = self.ids.next();
                let meta = request.request.get_meta_mut();
                let token = meta.get_progress_token();
                if token.is_some() {
                    meta.set_progress_token(progress_token(&id));
                }
                let known = std::mem::replace(&mut request.id, id.clone());
                self.lock().insert(id.clone(), Known { id: known, token });
                return Some(Outward::Request(id));
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &mut notification.notification
                    && let Some(known) = &mut cancelled.params.request_id
                {
                    // The answer has come meanwhile, and rmcp's own id may be a request of another
                    // client behind a bridge.
                    *known = self.forget(known)?;
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        Some(Outward::Other)
    }

    /// Forgets a request by rmcp's id, and returns the one on the wire.
    fn forget(&self, known: &RequestId) -> Option<RequestId> {
        let mut pending = self.lock();
        let entry = pending.iter().find(|(_, entry)| entry.id == *known);
        let id = entry.map(|(id, _)| id.clone())?;
        pending.remove(&id);
        Some(id)
    }

    fn inward(&self, message: &mut RxJsonRpcMessage<RoleClient>) {
        match message {
            JsonRpcMessage::Response(response) => {
                let Some(known) = self.lock().remove(&response.id) else {
                    return;
                };
                if let ServerResult::SubscriptionsListenResult(result) = &mut response.result {
                    result.meta = SubscriptionsListenResultMeta::new(known.id.clone());
                }
                response.id = known.id;
            }
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &mut error.id
                    && let Some(known) = self.lock().remove(id)
                {
                    *id = known.id;
                }
            }
            JsonRpcMessage::Notification(notification) => {
                self.inward_notification(&mut notification.notification);
            }
            JsonRpcMessage::Request(_) => {}
        }
    }

    fn inward_notification(&self, notification: &mut ServerNotification) {
        let mut pending = self.lock();
        let meta = notification.get_meta_mut();
        if let Some(known) = meta.subscription_id().and_then(|id| pending.get(&id)) {
            meta.set_subscription_id(known.id.clone());
        }
        match notification {
            ServerNotification::ProgressNotification(progress) => {
                let token = &mut progress.params.progress_token;
                if let Some(known) = pending.get(&token.0).and_then(|known| known.token.clone()) {
                    *token = known;
                }
            }
            ServerNotification::CancelledNotification(cancelled) => {
                if let Some(id) = &mut cancelled.params.request_id
                    && let Some(known) = pending.remove(id)
                {
                    *id = known.id;
                }
            }
            _ => {}
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for UniqueIds<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        mut item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        let outward = self.outward(&mut item);
        let sending = outward.is_some().then(|| self.transport.send(item));
        let pending = Arc::clone(&self.pending);
        async move {
            let Some(sending) = sending else {
                return Ok(());
            };
            let sent = sending.await;
            if sent.is_err()
                && let Some(Outward::Request(id)) = outward
            {
                // There will be no answer.
                lock(&pending).remove(&id);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let mut message = self.transport.receive().await?;
        self.inward(&mut message);
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}

impl<T> fmt::Debug for UniqueIds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UniqueIds").finish_non_exhaustive()
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
    use serde_json::{Value, json};

    use super::*;

    /// A transport that keeps what is sent, and receives what the test has put in.
    #[derive(Default)]
    struct Fake {
        sent: Vec<Value>,
        incoming: Vec<Value>,
        is_broken: bool,
    }

    impl Transport<RoleClient> for Fake {
        type Error = io::Error;

        fn send(
            &mut self,
            item: TxJsonRpcMessage<RoleClient>,
        ) -> impl Future<Output = io::Result<()>> + Send + 'static {
            self.sent.push(serde_json::to_value(item).unwrap());
            let result = match self.is_broken {
                true => Err(io::ErrorKind::BrokenPipe.into()),
                false => Ok(()),
            };
            std::future::ready(result)
        }

        async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
            let message = self.incoming.pop()?;
            Some(serde_json::from_value(message).unwrap())
        }

        async fn close(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Unique = UniqueIds<Fake>;

    fn unique() -> Unique {
        UniqueIds::new(Fake::default())
    }

    async fn send(unique: &mut Unique, message: Value) -> io::Result<()> {
        let message: ClientJsonRpcMessage = serde_json::from_value(message).unwrap();
        unique.send(message).await
    }

    /// Sends a request of this id and token, and returns the request on the wire.
    async fn request(unique: &mut Unique, id: u32, method: &str, params: Value) -> Value {
        let mut params = params;
        params["_meta"] = json!({ "progressToken": id, "own": "kept" });
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        send(unique, message).await.unwrap();
        unique.transport.sent.last().unwrap().clone()
    }

    async fn call(unique: &mut Unique, id: u32) -> Value {
        request(unique, id, "tools/call", json!({ "name": "x" })).await
    }

    async fn receive(unique: &mut Unique, message: Value) -> Value {
        unique.transport.incoming.push(message);
        let message: ServerJsonRpcMessage = unique.receive().await.unwrap();
        serde_json::to_value(message).unwrap()
    }

    fn result(id: &Value, result: Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }

    #[tokio::test]
    async fn ids_and_tokens_are_unique_on_the_wire_and_rmcps_own_on_the_way_back() {
        let (mut one, mut two) = (unique(), unique());
        let (first, second) = (call(&mut one, 0).await, call(&mut one, 1).await);
        let other = call(&mut two, 0).await;
        for (a, b) in [(&first, &second), (&first, &other), (&second, &other)] {
            assert_ne!(a["id"], b["id"]);
        }
        let meta = &first["params"]["_meta"];
        assert_eq!(meta["progressToken"], first["id"]);
        assert_eq!(meta["own"], "kept");
        // Answers come in any order.
        let answer = receive(&mut one, result(&second["id"], json!({ "content": [] }))).await;
        assert_eq!(answer["id"], 1);
        let error = json!({ "code": -1, "message": "no" });
        let error = json!({ "jsonrpc": "2.0", "id": first["id"], "error": error });
        assert_eq!(receive(&mut one, error).await["id"], 0);
        assert!(one.lock().is_empty());
    }

    #[tokio::test]
    async fn the_answer_to_another_client_stays_unknown() {
        let (mut one, mut two) = (unique(), unique());
        call(&mut one, 0).await;
        let other = call(&mut two, 0).await;
        let answer = receive(&mut one, result(&other["id"], json!({}))).await;
        assert_eq!(answer["id"], other["id"]);
        assert_eq!(one.lock().len(), 1);
    }

    #[tokio::test]
    async fn progress_comes_back_under_rmcps_token() {
        let mut unique = unique();
        let sent = call(&mut unique, 5).await;
        let params = json!({ "progressToken": sent["id"], "progress": 1.0 });
        let progress = |params: &Value| json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        let received = receive(&mut unique, progress(&params)).await;
        assert_eq!(received["params"]["progressToken"], 5);
        // A token of another client is no token of rmcp's.
        let params = json!({ "progressToken": 5, "progress": 1.0 });
        let received = receive(&mut unique, progress(&params)).await;
        assert_eq!(received["params"]["progressToken"], 5);
        let params = json!({ "progressToken": "other", "progress": 1.0 });
        let received = receive(&mut unique, progress(&params)).await;
        assert_eq!(received["params"]["progressToken"], "other");
    }

    fn cancelled(id: &Value) -> Value {
        let params = json!({ "requestId": id });
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
    }

    #[tokio::test]
    async fn a_cancellation_names_the_request_on_the_wire() {
        let mut unique = unique();
        let sent = call(&mut unique, 3).await;
        send(&mut unique, cancelled(&json!(3))).await.unwrap();
        let cancellation = unique.transport.sent.last().unwrap();
        assert_eq!(cancellation["params"]["requestId"], sent["id"]);
        assert!(unique.lock().is_empty());
        // Its late answer is of no request that rmcp knows.
        let late = receive(&mut unique, result(&sent["id"], json!({}))).await;
        assert_eq!(late["id"], sent["id"]);
    }

    #[tokio::test]
    async fn a_cancellation_of_an_answered_request_is_not_sent() {
        let mut unique = unique();
        let sent = call(&mut unique, 3).await;
        receive(&mut unique, result(&sent["id"], json!({ "content": [] }))).await;
        send(&mut unique, cancelled(&json!(3))).await.unwrap();
        assert_eq!(unique.transport.sent.len(), 1);
    }

    #[tokio::test]
    async fn a_request_that_is_not_sent_is_forgotten() {
        let mut unique = unique();
        unique.transport.is_broken = true;
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        send(&mut unique, ping).await.unwrap_err();
        assert!(unique.lock().is_empty());
    }

    #[tokio::test]
    async fn a_subscription_keeps_its_identity_both_ways() {
        let mut unique = unique();
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let sent = request(&mut unique, 9, "subscriptions/listen", filter).await;
        let meta = |id: &Value| json!({ "io.modelcontextprotocol/subscriptionId": id });
        let changed = json!({
            "jsonrpc": "2.0", "method": "notifications/tools/list_changed",
            "params": { "_meta": meta(&sent["id"]) },
        });
        for _ in 0..2 {
            let received = receive(&mut unique, changed.clone()).await;
            assert_eq!(received["params"]["_meta"], meta(&json!(9)));
        }
        let ended = json!({ "resultType": "complete", "_meta": meta(&sent["id"]) });
        let ended = receive(&mut unique, result(&sent["id"], ended)).await;
        assert_eq!(
            (&ended["id"], &ended["result"]["_meta"]),
            (&json!(9), &meta(&json!(9)))
        );
        // A server may cancel a subscription instead.
        let again = json!({ "notifications": { "toolsListChanged": true } });
        let again = request(&mut unique, 10, "subscriptions/listen", again).await;
        let received = receive(&mut unique, cancelled(&again["id"])).await;
        assert_eq!(received["params"]["requestId"], 10);
        assert!(unique.lock().is_empty());
    }

    #[tokio::test]
    async fn requests_of_the_server_and_their_answers_keep_their_ids() {
        let mut unique = unique();
        call(&mut unique, 7).await;
        let ping = json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" });
        assert_eq!(receive(&mut unique, ping).await["id"], 7);
        send(&mut unique, result(&json!(7), json!({})))
            .await
            .unwrap();
        assert_eq!(unique.transport.sent.last().unwrap()["id"], 7);
        assert_eq!(unique.lock().len(), 1);
    }
}
