//! The promises of every handler factory.

use std::sync::Arc;

use mcp_pool_core::extend::{ConnectRequest, HandlerFactory};
use rmcp::{
    RoleClient, RoleServer, ServerHandler, Service, ServiceExt,
    model::{ClientCapabilities, ErrorCode, ProtocolVersion, ServerNotification, ServerRequest},
    service::{Peer, RunningService, ServiceError},
};
use serde_json::{Value, json};

use super::helpers::{LONG, bounded};
use crate::fake;

/// A handler factory.
pub trait HandlerCase: Sync {
    /// The factory.
    fn factory(&self) -> Arc<dyn HandlerFactory>;
}

/// The name and the capabilities are the same each time: they are part of the key of a session.
pub async fn a_profile_does_not_change(case: &dyn HandlerCase) {
    let factory = case.factory();
    let (name, declared) = (factory.profile().to_owned(), factory.declared());
    assert!(!name.is_empty());
    for _ in 0..3 {
        let _ = handler(&factory);
        assert_eq!(factory.profile(), name);
        assert_eq!(factory.declared(), declared);
    }
    let other = case.factory();
    assert_eq!((other.profile(), other.declared()), (&*name, declared));
}

/// A factory that declares a capability has its handlers called.
pub async fn a_declared_capability_has_a_handler_that_is_called(case: &dyn HandlerCase) {
    let factory = case.factory();
    if factory.declared() != ClientCapabilities::default() {
        assert!(!factory.ignores_messages());
    }
}

/// Each request of a declared capability is answered, with a result or an error of the handler's own.
pub async fn a_declared_request_is_answered(case: &dyn HandlerCase) {
    let factory = case.factory();
    let declared = factory.declared();
    let (server, _client) = session(&factory).await;
    let requests = [
        (declared.roots.is_some(), json!({"method": "roots/list"})),
        (declared.sampling.is_some(), sampling()),
        (declared.elicitation.is_some(), elicitation()),
    ];
    for (_, request) in requests.iter().filter(|(is_declared, _)| *is_declared) {
        let answer = bounded("an answer", LONG, send(server.peer(), request))
            .await
            .0;
        let is_known = match &answer {
            Ok(()) => true,
            Err(ServiceError::McpError(error)) => error.code != ErrorCode::METHOD_NOT_FOUND,
            Err(_) => false,
        };
        assert!(is_known, "{request}: {answer:?}");
    }
}

/// No notification of a server ends a handler: it answers afterwards.
pub async fn a_notification_ends_no_handler(case: &dyn HandlerCase) {
    let (server, _client) = session(&case.factory()).await;
    for notification in notifications() {
        let text = notification.to_string();
        let notification: ServerNotification =
            serde_json::from_value(notification).expect("one of the protocol's");
        let sent = server.send_notification(notification).await;
        assert!(sent.is_ok(), "{text}: {sent:?}");
    }
    let ping = json!({"method": "ping"});
    let answer = bounded("a ping", LONG, send(server.peer(), &ping)).await.0;
    assert!(answer.is_ok(), "{answer:?}");
}

/// Two sessions of one key have two handlers: the end of one leaves the other.
pub async fn the_end_of_a_session_leaves_other_handlers(case: &dyn HandlerCase) {
    let factory = case.factory();
    let (first, first_client) = session(&factory).await;
    let (second, _second_client) = session(&factory).await;
    first_client.cancel().await.expect("the first one ends");
    drop(first);
    let ping = json!({"method": "ping"});
    let answer = bounded("a ping", LONG, send(second.peer(), &ping)).await.0;
    assert!(answer.is_ok(), "{answer:?}");
}

/// A server without anything of its own.
struct Silent;

impl ServerHandler for Silent {}

/// The handler of a new session.
fn handler(factory: &Arc<dyn HandlerFactory>) -> impl Service<RoleClient> + use<> {
    let request = ConnectRequest::detached(&fake::endpoint("upstream"), http::HeaderMap::new());
    let request = request.with_handlers(Arc::clone(factory));
    let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
    request.handler().into_service(version)
}

/// A server, and a client with the handler of the factory, connected in memory.
async fn session(
    factory: &Arc<dyn HandlerFactory>,
) -> (
    RunningService<RoleServer, Silent>,
    RunningService<RoleClient, impl Service<RoleClient> + use<>>,
) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let sides = async { tokio::join!(Silent.serve(far), handler(factory).serve(near)) };
    let ((server, client), _) = bounded("a handshake", LONG, sides).await;
    (server.expect("a server"), client.expect("a client"))
}

async fn send(server: &Peer<RoleServer>, request: &Value) -> Result<(), ServiceError> {
    let request: ServerRequest =
        serde_json::from_value(request.clone()).expect("one of the protocol's");
    server.send_request(request).await.map(drop)
}

fn sampling() -> Value {
    let question = json!({"role": "user", "content": {"type": "text", "text": "who are you?"}});
    let params = json!({"messages": [question], "maxTokens": 8});
    json!({"method": "sampling/createMessage", "params": params})
}

fn elicitation() -> Value {
    let schema = json!({"type": "object", "properties": {"who": {"type": "string"}}});
    let params = json!({"mode": "form", "message": "who are you?", "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

fn notifications() -> [Value; 7] {
    let progress = json!({"progressToken": "of no call", "progress": 1.0});
    let log = json!({"level": "info", "data": {"text": "hello"}});
    [
        json!({"method": "notifications/tools/list_changed"}),
        json!({"method": "notifications/prompts/list_changed"}),
        json!({"method": "notifications/resources/list_changed"}),
        json!({"method": "notifications/resources/updated", "params": {"uri": "file:///of-nobody"}}),
        json!({"method": "notifications/progress", "params": progress}),
        json!({"method": "notifications/message", "params": log}),
        json!({"method": "notifications/cancelled", "params": {"requestId": 4711}}),
    ]
}

/// More than any message of a promise takes.
const BUFFER: usize = 64 * 1024;

/// Mounts the suite of handler factories: one test a promise, each with a
/// [`HandlerCase`](crate::conformance::HandlerCase) of its own.
///
/// `handler_suite!(case)` mounts all of it, `handler_suite!(case, a_promise another_promise)` a part.
#[macro_export]
macro_rules! handler_suite {
    ($make:expr) => {
        $crate::handler_suite!($make,
            a_profile_does_not_change
            a_declared_capability_has_a_handler_that_is_called
            a_declared_request_is_answered
            a_notification_ends_no_handler
            the_end_of_a_session_leaves_other_handlers
        );
    };
    ($make:expr, $($promise:ident)+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::conformance::$promise(&$make).await;
            }
        )+
    };
}
