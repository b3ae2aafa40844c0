//! A request of the server is answered by the handlers of its caller, or not at all.
#![expect(
    deprecated,
    reason = "servers with sessions request sampling and roots"
)]

use mcp_pool_testkit::NotifyingServer;
use mcp_session_pool::{
    PoolConfig, PoolKey, PooledClient, SessionPool,
    config::Lifecycle,
    error::{CallError, InputError},
    extend::{ClientHandlerBox, HandlerFn, with_schema_defaults},
    rmcp::{
        ClientHandler, ErrorData, RoleClient,
        model::{
            CallToolRequestParams, CallToolResponse, ClientCapabilities,
            CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult,
            ElicitationAction, InputResponses, ListRootsResult, Root, SamplingMessage,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};

use crate::common::{builder, close, request};

/// Answers for one user.
struct Answers {
    user: String,
}

impl ClientHandler for Answers {
    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let message = SamplingMessage::assistant_text(self.user.clone());
        Ok(CreateMessageResult::new(message, "a model".to_owned()))
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new(format!(
            "file:///{}",
            self.user
        ))]))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let accepted = ElicitResult::new(ElicitationAction::Accept);
        let ElicitRequestParams::FormElicitationParams {
            requested_schema, ..
        } = request
        else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        Ok(with_schema_defaults(
            accepted.with_content(json!({ "user": self.user })),
            &requested_schema,
        ))
    }
}

fn all() -> ClientCapabilities {
    ClientCapabilities::builder()
        .enable_elicitation()
        .enable_roots()
        .enable_sampling()
        .build()
}

/// A pool with handlers that answer for the key's principal and declare these capabilities.
fn answering(declared: ClientCapabilities) -> SessionPool {
    let handlers = HandlerFn::new("answers", |key: &PoolKey| {
        let user = key.principal().user_id().unwrap_or_default();
        ClientHandlerBox::new(Answers {
            user: user.to_owned(),
        })
    });
    let builder = builder(PoolConfig::default()).handlers(handlers.declaring(declared));
    builder.build().expect("a pool")
}

async fn client_of(
    pool: &SessionPool,
    server: &NotifyingServer,
    user: &str,
    lifecycle: Lifecycle,
) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(lifecycle);
    let client = pool.client(request(endpoint, user)).await;
    client.expect("a client")
}

/// Has the server request input, and returns the answers that it received.
async fn input(client: &PooledClient) -> Result<Value, CallError> {
    let result = client
        .call_tool(CallToolRequestParams::new("request_input"))
        .await?;
    let text = result.content[0].as_text().expect("a text");
    Ok(serde_json::from_str(&text.text).expect("json"))
}

const BOTH: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

#[tokio::test]
async fn input_requests_reach_only_the_user_of_the_call() {
    for lifecycle in BOTH {
        let server = NotifyingServer::start();
        let pool = answering(all());
        for user in ["alice", "bob", "alice"] {
            let client = client_of(&pool, &server, user, lifecycle).await;
            let received = input(&client).await.expect("an answer").to_string();
            assert_eq!(received.matches(user).count(), 3, "{received}");
            let other = if user == "bob" { "alice" } else { "bob" };
            assert!(!received.contains(other), "{received}");
            assert!(received.contains("Ada"), "the schema's default: {received}");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_declares_what_its_factory_declares_and_answers_nothing_else() {
    let server = NotifyingServer::start();
    let pool = answering(ClientCapabilities::builder().enable_roots().build());
    let client = client_of(&pool, &server, "alice", Lifecycle::Legacy).await;
    let received = input(&client).await.expect("an answer");
    assert!(
        received["roots"].to_string().contains("alice"),
        "{received}"
    );
    for undeclared in ["form", "sample"] {
        assert!(received[undeclared].get("error").is_some(), "{received}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn an_undeclared_input_request_is_a_typed_error() {
    let server = NotifyingServer::start();
    let pool = answering(ClientCapabilities::builder().enable_roots().build());
    let client = client_of(&pool, &server, "alice", Lifecycle::Stateless).await;
    let error = input(&client).await.expect_err("not declared");
    assert!(
        matches!(error, CallError::Input(InputError::NotDeclared)),
        "{error:?}"
    );
    assert_eq!(server.input_calls(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn the_request_state_of_the_server_returns_unchanged_with_its_own_call() {
    let server = NotifyingServer::start();
    let pool = answering(all());
    let client = client_of(&pool, &server, "alice", Lifecycle::Stateless).await;
    let calls = (0..8).map(|_| input(&client));
    let mut states: Vec<String> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(|received| {
            received.expect("an answer")["state"]
                .as_str()
                .expect("a state")
                .to_owned()
        })
        .collect();
    states.sort();
    states.dedup();
    assert_eq!(states.len(), 8, "each call has its own");
    assert!(
        states
            .iter()
            .all(|state| state.ends_with(" \u{e9}\"\\/ \u{1f980}  ="))
    );
    assert_eq!(server.input_calls(), 16, "each call in two rounds");
    close(&pool).await;
}

#[tokio::test]
async fn a_caller_may_answer_by_hand() {
    let server = NotifyingServer::start();
    let pool = answering(all());
    let client = client_of(&pool, &server, "alice", Lifecycle::Stateless).await;
    let first = client
        .call_tool_once(CallToolRequestParams::new("request_input"))
        .await;
    let Ok(CallToolResponse::InputRequired(required)) = first else {
        panic!("{first:?}");
    };
    let mut again = CallToolRequestParams::new("request_input");
    again.request_state = required.request_state;
    again.input_responses = Some(InputResponses::from([(
        "form".to_owned(),
        json!("by hand"),
    )]));
    let received = client.call_tool(again).await.expect("an answer");
    let received = received.content[0].as_text().expect("a text");
    assert!(received.text.contains("by hand"));
    close(&pool).await;
}
