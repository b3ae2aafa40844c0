//! What a server asks is answered by the handlers of the caller it asks, or not at all.
#![expect(
    deprecated,
    reason = "sampling and roots are what servers with sessions ask for"
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

/// Answers in the name of one user.
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

/// A pool whose handlers answer in the name of the key's principal, and declare this.
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
    (user, lifecycle): (&str, Lifecycle),
) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(lifecycle);
    let client = pool.client(request(endpoint, user)).await;
    client.expect("a client")
}

/// Has the server ask, and returns what it heard.
async fn asked(client: &PooledClient) -> Result<Value, CallError> {
    let result = client
        .call_tool(CallToolRequestParams::new("request_input"))
        .await?;
    let text = result.content[0].as_text().expect("a text");
    Ok(serde_json::from_str(&text.text).expect("json"))
}

const BOTH: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

#[tokio::test]
async fn each_user_is_asked_by_their_own_calls_only() {
    for lifecycle in BOTH {
        let server = NotifyingServer::start();
        let pool = answering(all());
        for user in ["alice", "bob", "alice"] {
            let client = client_of(&pool, &server, (user, lifecycle)).await;
            let heard = asked(&client).await.expect("an answer").to_string();
            assert_eq!(heard.matches(user).count(), 3, "{heard}");
            let other = if user == "bob" { "alice" } else { "bob" };
            assert!(!heard.contains(other), "{heard}");
            assert!(heard.contains("Ada"), "the schema's default: {heard}");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_declares_what_its_factory_declares_and_answers_nothing_else() {
    let server = NotifyingServer::start();
    let pool = answering(ClientCapabilities::builder().enable_roots().build());
    let client = client_of(&pool, &server, ("alice", Lifecycle::Legacy)).await;
    let heard = asked(&client).await.expect("an answer");
    assert!(heard["roots"].to_string().contains("alice"), "{heard}");
    for undeclared in ["form", "sample"] {
        assert!(heard[undeclared].get("error").is_some(), "{heard}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_server_that_asks_for_what_was_not_declared_gets_a_typed_no() {
    let server = NotifyingServer::start();
    let pool = answering(ClientCapabilities::builder().enable_roots().build());
    let client = client_of(&pool, &server, ("alice", Lifecycle::Stateless)).await;
    let error = asked(&client).await.expect_err("nobody answers");
    assert!(
        matches!(error, CallError::Input(InputError::NotDeclared)),
        "{error:?}"
    );
    assert_eq!(server.input_calls(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn the_servers_note_comes_back_as_it_was_and_with_no_other_call() {
    let server = NotifyingServer::start();
    let pool = answering(all());
    let client = client_of(&pool, &server, ("alice", Lifecycle::Stateless)).await;
    let calls = (0..8).map(|_| asked(&client));
    let mut notes: Vec<String> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(|heard| {
            heard.expect("an answer")["state"]
                .as_str()
                .expect("a note")
                .to_owned()
        })
        .collect();
    notes.sort();
    notes.dedup();
    assert_eq!(notes.len(), 8, "each call has its own");
    assert!(
        notes
            .iter()
            .all(|note| note.ends_with(" \u{e9}\"\\/ \u{1f980}  ="))
    );
    assert_eq!(server.input_calls(), 16, "each call in two rounds");
    close(&pool).await;
}

#[tokio::test]
async fn a_caller_may_answer_by_hand() {
    let server = NotifyingServer::start();
    let pool = answering(all());
    let client = client_of(&pool, &server, ("alice", Lifecycle::Stateless)).await;
    let first = client
        .call_tool_once(CallToolRequestParams::new("request_input"))
        .await;
    let Ok(CallToolResponse::InputRequired(question)) = first else {
        panic!("{first:?}");
    };
    let mut again = CallToolRequestParams::new("request_input");
    again.request_state = question.request_state;
    again.input_responses = Some(InputResponses::from([(
        "form".to_owned(),
        json!("by hand"),
    )]));
    let heard = client.call_tool(again).await.expect("an answer");
    let heard = heard.content[0].as_text().expect("a text");
    assert!(heard.text.contains("by hand"));
    close(&pool).await;
}
