//! A client of one era, an upstream of the other.
#![expect(
    deprecated,
    reason = "servers with sessions request sampling and roots"
)]

use std::sync::Arc;

use mcp_pool_testkit::NotifyingServer;
use mcp_session_pool::{
    PoolConfig, PoolKey,
    config::Lifecycle,
    extend::{ClientHandlerBox, HandlerFn, ServerMessage, ServerMessages},
    proxy::{Proxy, Upstream},
    rmcp::{
        ClientHandler, ErrorData, RoleClient,
        model::{
            CallToolRequestParams, ClientCapabilities, CreateMessageRequestParams,
            CreateMessageResult, ElicitRequestParams, ElicitResult, ElicitationAction,
            ListRootsResult, Root, SamplingMessage, SubscriptionFilter,
        },
        service::{NotificationContext, RequestContext},
    },
};
use serde_json::json;

use crate::{
    common::{close, eventually, pool},
    gateway::{Gateway, Received, client_of, clients},
};

const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

/// Answers with a name, and notes what it receives.
#[derive(Clone)]
struct Answers {
    name: &'static str,
    received: Received,
}

impl ClientHandler for Answers {
    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let accepted = ElicitResult::new(ElicitationAction::Accept);
        Ok(accepted.with_content(json!({ "name": self.name })))
    }

    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let message = SamplingMessage::assistant_text(self.name);
        Ok(CreateMessageResult::new(message, "a model".to_owned()))
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        let root = Root::new(format!("file:///{}", self.name));
        Ok(ListRootsResult::new(vec![root]))
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.received.add("tools");
    }
}

fn answering(
    name: &'static str,
    received: &Received,
) -> Arc<HandlerFn<impl Fn(&PoolKey) -> ClientHandlerBox + Send + Sync + use<>>> {
    let handler = Answers {
        name,
        received: received.clone(),
    };
    let make = move |_: &PoolKey| ClientHandlerBox::new(handler.clone());
    let declared = ClientCapabilities::builder()
        .enable_elicitation()
        .enable_roots()
        .enable_sampling()
        .build();
    Arc::new(HandlerFn::new(name, make).declaring(declared))
}

#[tokio::test]
async fn a_question_reaches_the_client_whose_call_it_is() {
    for (downstream, upstream) in [
        (Lifecycle::Legacy, Lifecycle::Legacy),
        (Lifecycle::Legacy, Lifecycle::Stateless),
        (Lifecycle::Stateless, Lifecycle::Stateless),
    ] {
        let server = NotifyingServer::start();
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let endpoint = server.endpoint().with_lifecycle(upstream);
        let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
        for user in ["alice", "bob"] {
            let handlers = answering(user, &Received::default());
            let endpoint = gateway.endpoint(downstream);
            let client = client_of(&clients, endpoint, user, Some(handlers)).await;
            let call = CallToolRequestParams::new("request_input");
            let result = client.call_tool(call).await.expect("a result");
            let text = &result.content[0].as_text().expect("a text").text;
            let answers = text.matches(user).count();
            assert_eq!(answers, 3, "{downstream:?} {upstream:?}: {text}");
        }
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_client_of_either_era_reads_the_lists_of_an_upstream_of_either_era() {
    for downstream in ERAS {
        for upstream in ERAS {
            let server = NotifyingServer::start();
            let (upstreams, clients) = (pool(PoolConfig::default()), clients());
            let endpoint = server.endpoint().with_lifecycle(upstream);
            let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
            let client = client_of(&clients, gateway.endpoint(downstream), "alice", None).await;
            let lease = client.acquire().await.expect("a session");
            let peer = lease.peer().await.expect("a peer");
            let info = peer.peer_info().expect("info");
            assert!(info.capabilities.tools.is_some());
            drop((peer, lease));
            let list = client.list_tools(None).await.expect("a list");
            assert!(list.tools.iter().any(|tool| tool.name == "work"));
            close(&clients).await;
            close(&upstreams).await;
        }
    }
}

#[tokio::test]
async fn a_list_change_reaches_a_client_with_a_session() {
    for upstream in ERAS {
        let server = NotifyingServer::start();
        let config = PoolConfig::default().with_list_changed_debounce(std::time::Duration::ZERO);
        let (upstreams, clients) = (pool(config), clients());
        let endpoint = server.endpoint().with_lifecycle(upstream);
        let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
        let received = Received::default();
        let handlers = answering("alice", &received);
        let endpoint = gateway.endpoint(Lifecycle::Legacy);
        let client = client_of(&clients, endpoint, "alice", Some(handlers)).await;
        client.list_tools(None).await.expect("a list");
        if upstream == Lifecycle::Stateless {
            eventually("the proxy listens", || server.subscriptions() == 1).await;
        }
        server.change_tools().await;
        eventually("the change arrives", || !received.all().is_empty()).await;
        close(&clients).await;
        if upstream == Lifecycle::Stateless {
            eventually("the proxy stops", || server.subscriptions() == 0).await;
        }
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn logs_and_resource_updates_reach_the_client_under_the_names_of_the_proxy() {
    let server = NotifyingServer::start();
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let endpoint = server.endpoint().with_lifecycle(Lifecycle::Legacy);
    let proxy = Proxy::builder(upstreams.clone()).upstream(Upstream::new("one", endpoint));
    let gateway = Gateway::start(proxy.build().expect("a proxy")).await;
    let (handlers, mut messages) = ServerMessages::channel(8);
    let endpoint = gateway.endpoint(Lifecycle::Legacy);
    let client = client_of(&clients, endpoint, "alice", Some(Arc::new(handlers))).await;
    let label = json!({ "label": "hello" });
    let arguments = label.as_object().cloned().expect("an object");
    let call = CallToolRequestParams::new("one__notify").with_arguments(arguments);
    client.call_tool(call).await.expect("a result");
    let (mut logged, mut updated) = (false, false);
    while !(logged && updated) {
        match messages.recv().await.expect("a message").message {
            ServerMessage::Log(log) => logged = log.data.to_string().contains("hello"),
            ServerMessage::ResourceUpdated { uri } => updated = uri == "one+test://hello",
            _ => {}
        }
    }
    close(&clients).await;
    close(&upstreams).await;
}

#[tokio::test]
async fn a_list_change_reaches_a_subscription_without_a_session() {
    for upstream in ERAS {
        let server = NotifyingServer::start();
        let config = PoolConfig::default().with_list_changed_debounce(std::time::Duration::ZERO);
        let (upstreams, clients) = (pool(config), clients());
        let endpoint = server.endpoint().with_lifecycle(upstream);
        let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
        let endpoint = gateway.endpoint(Lifecycle::Stateless);
        let client = client_of(&clients, endpoint, "alice", None).await;
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let mut subscription = client.listen(filter).await.expect("a subscription");
        match upstream {
            Lifecycle::Stateless => {
                eventually("the proxy listens", || server.subscriptions() == 1).await;
            }
            _ => {
                eventually("there is a session", || {
                    upstreams.stats().total_sessions == 2
                })
                .await
            }
        }
        let change = async {
            loop {
                server.change_tools().await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            notification = subscription.next() => {
                assert!(notification.expect("no error").is_some());
            }
            () = change => {}
        }
        drop(subscription);
        eventually("the upstream is left", || {
            server.subscriptions() == 0 && upstreams.stats().total_sessions <= 1
        })
        .await;
        close(&clients).await;
    }
}
