//! A proxy whose upstreams are away for a while, lose sessions, or come back as of another era.

use std::{sync::Arc, time::Duration};

use mcp_pool_testkit::ScriptedServer;

use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    client::ResourceUpdate,
    config::Lifecycle,
    error::CallError,
    extend::{ListKind, ServerMessage, ServerMessages, ServerMessagesReceiver},
    proxy::{Proxy, Upstream},
    rmcp::model::{CallToolRequestParams, SubscriptionFilter},
};
use serde_json::json;

use crate::{
    common::{close, eventually, pool},
    gateway::{Gateway, client_of, clients},
    proxy_subscriptions::{ERAS, Server, before},
};

/// Short pauses of the circuit, so that an upstream that is back is reached soon.
fn upstreams() -> SessionPool {
    let config = PoolConfig::default().with_health_check_interval(Duration::from_secs(1));
    pool(config.with_list_changed_debounce(Duration::ZERO))
}

/// Changes the tools until the future has come to its end.
async fn changing_tools<T>(server: &Server, until: impl Future<Output = T>) -> T {
    let change = async {
        loop {
            server.change_tools().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        done = until => done,
        () = change => unreachable!("it does not end"),
    }
}

async fn a_change_of_tools(messages: &mut ServerMessagesReceiver) {
    let change = async {
        loop {
            let message = messages.recv().await.expect("a message").message;
            if matches!(message, ServerMessage::ListChanged(ListKind::Tools)) {
                return;
            }
        }
    };
    let change = tokio::time::timeout(Duration::from_secs(60), change).await;
    change.expect("a change of the tools");
}

async fn call(client: &PooledClient, tool: &'static str) -> Result<(), CallError> {
    let called = client.call_tool(CallToolRequestParams::new(tool)).await;
    called.map(drop)
}

fn is_loss(error: &CallError) -> bool {
    let CallError::Rpc(error) = error else {
        return false;
    };
    let data = error.data.as_ref();
    data.is_some_and(|data| data["reason"] == "session_lost")
}

/// Calls until the upstream is there again, and returns how often it was the loss that failed.
async fn losses_until_it_is_there(client: &PooledClient, tool: &'static str) -> usize {
    let mut losses = 0;
    let calls = async {
        while let Err(error) = call(client, tool).await {
            losses += usize::from(is_loss(&error));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let calls = tokio::time::timeout(Duration::from_secs(60), calls).await;
    calls.expect("the upstream is there");
    losses
}

#[tokio::test]
async fn a_subscription_without_a_session_hears_an_upstream_that_was_away_when_it_began() {
    for upstream in ERAS {
        let server = Server::start();
        server.go_away();
        let (upstreams, clients) = (upstreams(), clients());
        let gateway = Gateway::start(before(&upstreams, &server, Lifecycle::Auto)).await;
        let endpoint = gateway.endpoint(Lifecycle::Stateless);
        let client = client_of(&clients, endpoint, "alice", None).await;
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let mut subscription = client.listen(filter).await.expect("a subscription");
        server.become_of(upstream);
        let notified = changing_tools(&server, subscription.next());
        let notified = tokio::time::timeout(Duration::from_secs(60), notified).await;
        let notification = notified.expect("in time").expect("no error");
        assert!(notification.is_some(), "{upstream:?}");
        drop(subscription);
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_subscription_that_began_while_its_upstream_was_away_has_a_change_once_it_is_there() {
    for upstream in ERAS {
        let server = Server::start();
        server.go_away();
        let (upstreams, clients) = (upstreams(), clients());
        let (missed, mut misses) = tokio::sync::mpsc::unbounded_channel();
        let one = Upstream::new("one", server.scripted.endpoint(Lifecycle::Auto));
        let proxy = Proxy::builder(upstreams.clone())
            .upstream(one)
            .on_unavailable(move |missing| {
                let sent = missed.send(missing.method.to_owned());
                sent.expect("it is read");
            });
        let gateway = Gateway::start(proxy.build().expect("a proxy")).await;
        let endpoint = gateway.endpoint(Lifecycle::Stateless);
        let client = client_of(&clients, endpoint, "alice", None).await;
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let mut lists = client.listen(filter).await.expect("a subscription");
        let updates = client.subscribe("one+test://a").await;
        let mut updates = updates.expect("a subscription");
        let mut away = 0;
        while away < 2 {
            let method = misses.recv().await.expect("the upstream is away");
            away += usize::from(method == "subscriptions/listen");
        }
        server.become_of(upstream);
        // The server changes nothing from here on.
        let both = async { tokio::join!(lists.next(), updates.next()) };
        let both = tokio::time::timeout(Duration::from_secs(60), both).await;
        let (list, update) = both.expect("in time");
        assert!(list.expect("no error").is_some(), "{upstream:?}");
        let update = update.expect("no error");
        let is_change =
            matches!(&update, Some(ResourceUpdate::Changed { uri }) if uri == "one+test://a");
        assert!(is_change, "{upstream:?} {update:?}");
        drop((lists, updates));
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_client_with_a_session_hears_of_changed_tools_whatever_era_its_upstream_comes_back_as() {
    for (earlier, later) in [(ERAS[0], ERAS[1]), (ERAS[1], ERAS[0])] {
        let server = Server::start();
        server.become_of(earlier);
        let (upstreams, clients) = (upstreams(), clients());
        let gateway = Gateway::start(before(&upstreams, &server, Lifecycle::Auto)).await;
        let (handlers, mut messages) = ServerMessages::channel(64);
        let endpoint = gateway.endpoint(Lifecycle::Legacy);
        let client = client_of(&clients, endpoint, "alice", Some(Arc::new(handlers))).await;
        call(&client, "one__any").await.expect("a result");
        changing_tools(&server, a_change_of_tools(&mut messages)).await;
        server.become_of(later);
        let losses = losses_until_it_is_there(&client, "one__any").await;
        assert_eq!(losses, usize::from(earlier == Lifecycle::Legacy));
        if later == Lifecycle::Stateless {
            eventually("the proxy listens", || server.subscriptions() == 1).await;
        }
        // What was sent before it came back is behind these two.
        for _ in 0..2 {
            changing_tools(&server, a_change_of_tools(&mut messages)).await;
        }
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_list_of_several_upstreams_is_complete_after_a_loss_which_the_next_call_shows_once() {
    let (one, two) = (Server::start(), Server::start());
    let (upstreams, clients) = (upstreams(), clients());
    let of = |name: &str, server: &Server| {
        Upstream::new(name, server.scripted.endpoint(Lifecycle::Legacy))
    };
    let proxy = Proxy::builder(upstreams.clone())
        .upstream(of("one", &one))
        .upstream(of("two", &two));
    let gateway = Gateway::start(proxy.build().expect("a proxy")).await;
    let endpoint = gateway.endpoint(Lifecycle::Legacy);
    let client = client_of(&clients, endpoint, "alice", None).await;
    call(&client, "one__any").await.expect("a result");
    call(&client, "two__any").await.expect("a result");
    let all = client.list_tools(None).await.expect("a list").tools.len();
    one.forget_sessions();
    // The first request of a list shows the pool that the session is gone.
    for _ in 0..3 {
        let list = client.list_tools(None).await.expect("a list");
        assert_eq!((list.tools.len(), list.meta), (all, None));
    }
    let lost = call(&client, "one__any").await.expect_err("the loss");
    assert!(is_loss(&lost), "{lost:?}");
    call(&client, "one__any").await.expect("a result");
    call(&client, "two__any").await.expect("no loss");
    close(&clients).await;
    close(&upstreams).await;
}

#[tokio::test]
async fn an_upstream_that_refuses_to_report_list_changes_is_not_requested_again_with_each_call() {
    let server = ScriptedServer::start(|exchange| async move {
        if exchange.method() != "subscriptions/listen" {
            exchange.answer_plainly().await;
            return;
        }
        let id = &exchange.message()["id"];
        let error = json!({ "code": -32602, "message": "not here" });
        let refusal = json!({ "jsonrpc": "2.0", "id": id, "error": error });
        exchange.send(&refusal.to_string()).await;
    });
    let (upstreams, clients) = (upstreams(), clients());
    let endpoint = server.endpoint(Lifecycle::Stateless);
    let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
    let endpoint = gateway.endpoint(Lifecycle::Legacy);
    let client = client_of(&clients, endpoint, "alice", None).await;
    call(&client, "any").await.expect("a result");
    let requested = || server.count("subscriptions/listen");
    eventually("the proxy has tried", || requested() == 1).await;
    for _ in 0..10 {
        call(&client, "any").await.expect("a result");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(requested(), 1);
    close(&clients).await;
    close(&upstreams).await;
}
