//! Subscriptions to resources: one upstream for all callers of a key, made again when it is lost.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, StatusCode};
use mcp_pool_testkit::{Exchange, Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    EvictMode, PoolConfig, PooledClient, Principal, Scope, Selector, SessionPool,
    client::{ResourceUpdate, ResourceUpdates},
    error::{CallError, SubscriptionError},
    rmcp::model::CallToolRequestParams,
    stats::KeyQuery,
};
use serde_json::{Value, json};

use crate::{
    common::{close, eventually},
    over::{Over, builder, pool},
};

/// A server whose resources change when a test wants it.
struct Resources {
    server: ScriptedServer,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The open subscriptions of clients without a session.
    listening: Mutex<Vec<Exchange>>,
    /// The sessions over Streamable HTTP that the server does not know any more.
    forgotten: Mutex<BTreeSet<String>>,
}

impl State {
    fn front(&self, request: &HttpRequest) -> Front {
        let session = request.header("mcp-session-id");
        let forgotten = lock(&self.forgotten);
        match session.is_some_and(|session| forgotten.contains(&session)) {
            true => Front::Respond(StatusCode::NOT_FOUND, HeaderMap::new()),
            false => Front::Pass(HeaderMap::new()),
        }
    }

    async fn answer(&self, exchange: Exchange) {
        match exchange.method() {
            "subscriptions/listen" => {
                let wanted = &exchange.message()["params"]["notifications"];
                let mut accepted = wanted.clone();
                if let Some(uris) = accepted["resourceSubscriptions"].as_array_mut() {
                    uris.retain(|uri| uri != "test://refused");
                }
                let acknowledged = notification(
                    "notifications/subscriptions/acknowledged",
                    json!({ "notifications": accepted }),
                    Some(&exchange.message()["id"]),
                );
                exchange.send(&acknowledged).await;
                lock(&self.listening).push(exchange);
            }
            "resources/subscribe" if exchange.message()["params"]["uri"] == "test://refused" => {
                let error = json!({
                    "jsonrpc": "2.0",
                    "id": exchange.message()["id"],
                    "error": { "code": -32002, "message": "no such resource" },
                });
                exchange.send(&error.to_string()).await;
            }
            "tools/call" if exchange.tool() == "touch" => {
                exchange.send_standalone(&changed("test://a", None)).await;
                exchange.answer_plainly().await;
            }
            _ => {
                exchange.answer_plainly().await;
            }
        }
    }
}

impl Resources {
    fn start() -> Self {
        let state = Arc::new(State::default());
        let (front, script) = (Arc::clone(&state), Arc::clone(&state));
        let server = ScriptedServer::start_behind(
            move |request| front.front(request),
            move |exchange| {
                let state = Arc::clone(&script);
                async move { state.answer(exchange).await }
            },
        );
        Self { server, state }
    }

    /// Reports to every client that a resource has changed.
    async fn change(&self, uri: &str) {
        self.server.broadcast(&changed(uri, None)).await;
        let listening = lock(&self.state.listening).clone();
        for exchange in listening {
            let id = exchange.message()["id"].clone();
            exchange.send(&changed(uri, Some(&id))).await;
        }
    }

    /// Reports it again and again until the future has come to its end.
    async fn changing<T>(&self, uri: &str, until: impl Future<Output = T>) -> T {
        let change = async {
            loop {
                self.change(uri).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            done = until => done,
            () = change => unreachable!("it does not end"),
        }
    }

    /// Loses every session and every stream.
    fn lose(&self, over: Over) {
        match over {
            Over::LegacyHttp => {
                let opened = self.server.sessions_opened();
                let ids = (0..opened).map(|number| format!("session-{number}"));
                lock(&self.state.forgotten).extend(ids);
            }
            Over::Sse => self.server.end_streams(),
            Over::StatelessHttp => lock(&self.state.listening).clear(),
        }
    }

    /// How many subscriptions were made.
    fn made(&self) -> usize {
        self.server.count("resources/subscribe") + self.server.count("subscriptions/listen")
    }

    /// How many are over.
    async fn ended(&self) -> usize {
        let mut ended = self.server.count("resources/unsubscribe");
        let listening = lock(&self.state.listening).clone();
        for exchange in listening {
            ended += usize::from(!exchange.send_bytes(": alive\n\n").await);
        }
        ended
    }

    async fn client(&self, pool: &SessionPool, over: Over, user: &str) -> PooledClient {
        let client = pool.client(over.request(&self.server, user)).await;
        client.expect("a client")
    }
}

fn changed(uri: &str, subscription: Option<&Value>) -> String {
    let params = json!({ "uri": uri });
    notification("notifications/resources/updated", params, subscription)
}

fn notification(method: &str, mut params: Value, subscription: Option<&Value>) -> String {
    if let Some(id) = subscription {
        params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": id });
    }
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(updates: &mut ResourceUpdates) -> ResourceUpdate {
    let next = tokio::time::timeout(Duration::from_secs(60), updates.next()).await;
    let next = next.expect("an update in time");
    next.expect("no error").expect("no end")
}

/// Waits until the subscription was made again.
async fn resumed(updates: &mut ResourceUpdates) {
    while next(updates).await != ResourceUpdate::Resumed {}
}

fn is_change_of(update: &ResourceUpdate, resource: &str) -> bool {
    matches!(update, ResourceUpdate::Changed { uri } if uri == resource)
}

#[tokio::test]
async fn one_subscription_upstream_serves_every_caller_of_a_key_and_ends_with_the_last_one() {
    for over in Over::ALL {
        let resources = Resources::start();
        let pool = pool();
        let client = resources.client(&pool, over, "alice").await;
        let other = resources.client(&pool, over, "alice").await;
        let mut first = client.subscribe("test://a").await.expect("a subscription");
        let mut second = other.subscribe("test://a").await.expect("a subscription");
        assert_eq!(resources.made(), 1, "{over:?}");
        for updates in [&mut first, &mut second] {
            let update = resources.changing("test://a", next(updates)).await;
            assert!(is_change_of(&update, "test://a"), "{over:?} {update:?}");
        }
        drop(first);
        let part = match over {
            Over::StatelessHttp => "test://a",
            Over::LegacyHttp | Over::Sse => "test://a/part",
        };
        let update = resources.changing(part, next(&mut second)).await;
        assert!(matches!(update, ResourceUpdate::Changed { .. }));
        assert_eq!(resources.ended().await, 0, "{over:?}");
        drop(second);
        let mut tries = 0;
        while resources.ended().await == 0 {
            tries += 1;
            assert!(tries < 6_000, "{over:?}: it ends upstream");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn several_resources_of_a_key_are_kept_apart() {
    for over in Over::ALL {
        let resources = Resources::start();
        let pool = pool();
        let client = resources.client(&pool, over, "alice").await;
        let mut a = client.subscribe("test://a").await.expect("a subscription");
        let mut b = client.subscribe("test://b").await.expect("a subscription");
        resources.change("test://b").await;
        assert!(is_change_of(&next(&mut b).await, "test://b"), "{over:?}");
        resources.change("test://a").await;
        assert!(is_change_of(&next(&mut a).await, "test://a"), "{over:?}");
        drop(b);
        let update = resources.changing("test://a", next(&mut a)).await;
        assert!(is_change_of(&update, "test://a"), "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_update_on_the_session_of_one_user_reaches_no_other() {
    for over in Over::IN_SESSIONS {
        let resources = Resources::start();
        let pool = pool();
        let alice = resources.client(&pool, over, "alice").await;
        let bob = resources.client(&pool, over, "bob").await;
        let mut hers = alice.subscribe("test://a").await.expect("a subscription");
        let mut his = bob.subscribe("test://a").await.expect("a subscription");
        assert_eq!(resources.made(), 2, "{over:?}");
        let touch = CallToolRequestParams::new("touch");
        alice.call_tool(touch).await.expect("an answer");
        assert!(is_change_of(&next(&mut hers).await, "test://a"));
        let none = tokio::time::timeout(Duration::from_millis(200), his.next()).await;
        assert!(none.is_err(), "{over:?}: {none:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_lost_subscription_is_made_again_and_its_callers_get_to_know_of_the_gap() {
    for over in Over::ALL {
        let resources = Resources::start();
        let pool = pool();
        let client = resources.client(&pool, over, "alice").await;
        let mut updates = client.subscribe("test://a").await.expect("a subscription");
        for round in 2..4 {
            resources.lose(over);
            if over == Over::LegacyHttp {
                // Only a request shows that the server has forgotten the session.
                client.list_tools(None).await.expect("tools");
            }
            resumed(&mut updates).await;
            assert_eq!(resources.made(), round, "{over:?}");
            let update = resources.changing("test://a", next(&mut updates)).await;
            assert!(is_change_of(&update, "test://a"), "{over:?}");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_stream_that_breaks_and_opens_again_is_a_gap_of_the_same_subscription() {
    let resources = Resources::start();
    let pool = pool();
    let client = resources.client(&pool, Over::LegacyHttp, "alice").await;
    let mut updates = client.subscribe("test://a").await.expect("a subscription");
    resources.server.end_streams();
    resumed(&mut updates).await;
    let update = resources.changing("test://a", next(&mut updates)).await;
    assert!(is_change_of(&update, "test://a"));
    assert_eq!(
        (resources.made(), resources.server.sessions_opened()),
        (1, 1)
    );
    close(&pool).await;
}

#[tokio::test]
async fn the_subscription_of_a_lost_conversation_waits_until_its_caller_knows_of_the_loss() {
    let resources = Resources::start();
    let pool = pool();
    let over = Over::LegacyHttp;
    let request = over.request(&resources.server, "alice");
    let request = request.with_scope(Scope::conversation("one"));
    let client = pool.client(request).await.expect("a client");
    let mut updates = client.subscribe("test://a").await.expect("a subscription");
    resources.lose(over);
    let error = client.list_tools(None).await.expect_err("a lost session");
    assert!(matches!(error, CallError::SessionLost), "{error:?}");
    resumed(&mut updates).await;
    assert_eq!(
        (resources.made(), resources.server.sessions_opened()),
        (2, 2)
    );
    client.list_tools(None).await.expect("the same session");
    assert_eq!(resources.server.sessions_opened(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_subscriber_hears_of_a_lost_conversation_before_any_call_and_takes_the_error_from_none() {
    let resources = Resources::start();
    let config = PoolConfig::default().with_health_check_interval(Duration::from_secs(1));
    let pool = builder(config).build().expect("a pool");
    let over = Over::LegacyHttp;
    let request = over.request(&resources.server, "alice");
    let request = request.with_scope(Scope::conversation("one"));
    let client = pool.client(request).await.expect("a client");
    let mut updates = client.subscribe("test://a").await.expect("a subscription");
    resources.lose(over);
    while next(&mut updates).await != ResourceUpdate::Lost {}
    let error = client.list_tools(None).await.expect_err("a lost session");
    assert!(matches!(error, CallError::SessionLost), "{error:?}");
    assert_eq!(next(&mut updates).await, ResourceUpdate::Resumed);
    close(&pool).await;
}

#[tokio::test]
async fn a_resource_that_the_server_refuses_is_a_typed_error_and_costs_no_other_its_subscription() {
    for over in Over::ALL {
        let resources = Resources::start();
        let pool = pool();
        let client = resources.client(&pool, over, "alice").await;
        let mut updates = client.subscribe("test://a").await.expect("a subscription");
        let error = client.subscribe("test://refused").await;
        let error = error.expect_err("it is refused");
        match (&error, over) {
            (CallError::Rpc(error), Over::LegacyHttp | Over::Sse) => {
                assert_eq!(error.code.0, -32002);
            }
            (CallError::Subscription(SubscriptionError::NotAccepted), Over::StatelessHttp) => {}
            _ => panic!("{over:?}: {error:?}"),
        }
        let update = resources.changing("test://a", next(&mut updates)).await;
        assert!(is_change_of(&update, "test://a"), "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_subscription_ends_with_its_key_and_is_not_made_again() {
    for over in Over::ALL {
        let ends: [fn(&SessionPool); 4] = [
            |pool| {
                let alice = Selector::principal(&Principal::user("alice"));
                pool.evict(&alice, EvictMode::Graceful);
            },
            |pool| {
                let alice = Selector::principal(&Principal::user("alice"));
                pool.revoke(&alice);
            },
            |pool| {
                let page = pool.key_stats(&KeyQuery::default());
                let fingerprint = page.rows.first().expect("a key").fingerprint;
                pool.evict_key(fingerprint, EvictMode::Graceful);
            },
            |pool| {
                pool.evict(&Selector::All, EvictMode::Force);
            },
        ];
        for end in ends {
            let resources = Resources::start();
            let pool = pool();
            let client = resources.client(&pool, over, "alice").await;
            let mut updates = client.subscribe("test://a").await.expect("a subscription");
            end(&pool);
            while updates.next().await.expect("no error").is_some() {}
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert_eq!(resources.made(), 1, "{over:?}");
            // The caller may subscribe anew.
            drop(client.subscribe("test://a").await.expect("a subscription"));
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_subscription_ends_with_the_pool_and_holds_no_close_up() {
    for over in Over::ALL {
        let resources = Resources::start();
        let pool = pool();
        let client = resources.client(&pool, over, "alice").await;
        let mut updates = client.subscribe("test://a").await.expect("a subscription");
        close(&pool).await;
        while updates.next().await.expect("no error").is_some() {}
        let error = client
            .subscribe("test://a")
            .await
            .expect_err("it is closed");
        assert!(matches!(error, CallError::Acquire(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_slow_caller_loses_the_oldest_updates_and_holds_up_no_other() {
    let resources = Resources::start();
    let pool = pool();
    let client = resources.client(&pool, Over::Sse, "alice").await;
    let mut slow = client.subscribe("test://a").await.expect("a subscription");
    let mut quick = client.subscribe("test://a").await.expect("a subscription");
    for number in 0..200 {
        let uri = format!("test://a/{number}");
        resources.change(&uri).await;
        assert!(is_change_of(&next(&mut quick).await, &uri));
    }
    assert!(is_change_of(&next(&mut slow).await, "test://a/136"));
    assert_eq!((slow.missed(), quick.missed()), (136, 0));
    close(&pool).await;
}

#[tokio::test]
async fn the_subscriptions_of_a_key_are_bounded() {
    let resources = Resources::start();
    let config = PoolConfig::default().with_max_subscriptions_per_key(1);
    let pool = builder(config).build().expect("a pool");
    let client = resources.client(&pool, Over::Sse, "alice").await;
    let first = client.subscribe("test://a").await.expect("a subscription");
    let same = client.subscribe("test://a").await.expect("no new resource");
    let error = client
        .subscribe("test://b")
        .await
        .expect_err("one too many");
    let expected = SubscriptionError::TooMany(1);
    assert!(
        matches!(&error, CallError::Subscription(error) if *error == expected),
        "{error:?}"
    );
    drop((first, same));
    eventually("the place is free", || {
        resources.server.count("resources/unsubscribe") == 1
    })
    .await;
    client.subscribe("test://b").await.expect("a subscription");
    close(&pool).await;
}
