//! Server messages and the statistics of keys show no secret either.

use std::time::Duration;

use mcp_pool_testkit::NotifyingServer;
use mcp_session_pool::{
    AcquireRequest, AnnouncementError, PoolConfig, PooledClient, Principal, SessionPool,
    client::ResourceUpdate,
    config::Lifecycle,
    error::{CredentialError, InputError, SubscriptionError, UserAction},
    extend::{ClientHandlerBox, HandlerFn, ServerMessage, ServerMessages},
    rmcp::model::{CallToolRequestParams, ClientConfig, ErrorData, SubscriptionFilter},
    stats::{KeyCondition, KeyOrder, KeyQuery},
};

use crate::{common, shown::Shown};

async fn client(pool: &SessionPool, server: &NotifyingServer, as_: Lifecycle) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(as_);
    let request = AcquireRequest::new(endpoint, Principal::user("pl4nted-principal"));
    pool.client(request).await.expect("a client")
}

/// Shows logs, resource updates and changed lists, in either era.
pub(crate) async fn show_server_messages(shown: &Shown) {
    let server = NotifyingServer::start();
    let (handlers, mut messages) = ServerMessages::channel(16);
    shown.show(&handlers);
    shown.show(&messages);
    let config = PoolConfig::default()
        .with_list_changed_debounce(Duration::ZERO)
        .with_tool_list_ttl(Duration::from_secs(60));
    let builder = common::builder(config).handlers(handlers);
    let pool = builder.observer(shown.clone()).build().expect("a pool");
    let legacy = client(&pool, &server, Lifecycle::Legacy).await;
    let arguments = serde_json::json!({ "label": "pl4nted-argument" });
    let arguments = arguments.as_object().cloned().expect("an object");
    let notify = CallToolRequestParams::new("notify").with_arguments(arguments);
    legacy.call_tool(notify).await.expect("an answer");
    legacy.list_all_tools().await.expect("tools");
    server.change_tools().await;
    let mut kinds = 0;
    while kinds < 3 {
        let received = messages.recv().await.expect("a message");
        kinds += 1;
        shown.show(&received);
        shown.show(&received.message);
        if let ServerMessage::ListChanged(list) = &received.message {
            shown.show(list);
        }
    }
    let stateless = client(&pool, &server, Lifecycle::Stateless).await;
    let changes = SubscriptionFilter::builder().tools_list_changed().build();
    let listening = stateless.listen(changes).await.expect("a subscription");
    shown.show(&listening);
    drop(listening);
    let updates = stateless.subscribe("test://pl4nted-argument").await;
    shown.show(&updates.expect("a subscription"));
    pool.close(Duration::from_secs(10)).await;
}

/// Shows pages of keys and their queries.
pub(crate) fn show_keys(pool: &SessionPool, shown: &Shown) {
    let query = KeyQuery {
        condition: Some(KeyCondition::Failed),
        limit: 1,
        ..KeyQuery::default()
    };
    shown.show(&query);
    let page = pool.key_stats(&query);
    shown.show(&page);
    shown.add(&serde_json::to_string(&page).expect("json"));
    for row in &page.rows {
        shown.show(row);
        shown.show(&row.last_error.expect("it failed once"));
    }
    for held in pool.held_leases(9) {
        shown.show(&held);
        shown.add(&serde_json::to_string(&held).expect("json"));
    }
    pool.endpoint_stats().iter().for_each(|row| shown.show(row));
}

/// Shows errors that contain text of a server or of a handler.
pub(crate) fn show_the_rest(shown: &Shown) {
    let error = || ErrorData::internal_error("pl4nted-argument", None);
    shown.fail(&InputError::Refused(error()));
    shown.fail(&mcp_session_pool::error::CallError::Rpc(error()));
    shown.fail(&AnnouncementError::CrossOrigin);
    for error in [
        SubscriptionError::Ended,
        SubscriptionError::NotAccepted,
        SubscriptionError::TooMany(1),
    ] {
        shown.fail(&error);
        shown.fail(&mcp_session_pool::error::CallError::from(error));
    }
    let uri = "test://pl4nted-argument".to_owned();
    shown.show(&ResourceUpdate::Changed { uri });
    shown.show(&ResourceUpdate::Lost);
    shown.show(&ResourceUpdate::Resumed);
    let url = "https://auth.example.com/authorize?state=pl4nted-argument".parse();
    let action = UserAction::new(url.expect("a url"), "pl4nted-argument");
    shown.show(&action);
    let error = CredentialError::new("none").with_user_action(action);
    shown.fail(&error);
    let handler = |_: &_| ClientHandlerBox::new(ClientConfig::default());
    shown.show(&HandlerFn::new("handler", handler));
    shown.show(&KeyCondition::Failed);
    shown.show(&KeyOrder::Waiting);
    shown.show(&Lifecycle::Auto);
}
