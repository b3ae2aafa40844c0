//! The figures as JSON, as events and as metrics.

use std::time::Duration;

use futures::StreamExt;
use http::{StatusCode, header};
use mcp_pool_admin::{Admin, Recorder};
use mcp_pool_core::{PoolConfig, SessionPool, error::FaultKind};
use mcp_pool_testkit::fake::{self, Behaviour};
use serde_json::{Value, json};

use crate::setup::{Setup, request};

#[tokio::test(start_paused = true)]
async fn the_figures_are_those_of_the_pool_and_durations_are_seconds() {
    let setup = Setup::new(PoolConfig::default().with_name("users"));
    for _ in 0..4 {
        drop(
            setup
                .pool
                .acquire(&request("alice"))
                .await
                .expect("a session"),
        );
    }
    setup.pool.drain();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let lease = setup
        .pool
        .acquire(&request("alice"))
        .await
        .expect("a session");
    let stats = setup.get("/pool/stats.json").await.json();
    assert_eq!(
        (&stats["pool"], &stats["recorded"]),
        (&json!("users"), &json!(true))
    );
    assert_eq!(
        (&stats["totals"]["hits"], &stats["totals"]["misses"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(stats["closes"], json!({ "drained": 1 }));
    assert_eq!(
        (&stats["endpoint_count"], &stats["status"]["sessions"]),
        (&json!(1), &json!(1))
    );
    let closed = stats["incidents"].as_array().expect("incidents").iter();
    let closed: Vec<_> = closed.filter(|it| it["kind"] == "closed").collect();
    assert_eq!((closed.len(), &closed[0]["uses"]), (1, &json!(4)));
    let at = stats["at"].as_str().expect("a time");
    assert!(
        at.len() == 24 && at.ends_with('Z') && at.contains('T'),
        "{at}"
    );

    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let key = lease.key().fingerprint();
    let key = setup.get(&format!("/pool/keys/{key}")).await.json();
    assert_eq!(key["sessions"][0]["age"], json!(1.5));
    assert_eq!(key["stats"]["in_use"], json!(1));
    assert!(key["incidents"].as_array().is_some_and(|it| !it.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn keys_are_filtered_sorted_and_paged_by_the_pool() {
    let setup = Setup::new(PoolConfig::default());
    let mut leases = Vec::new();
    for user in 0..7 {
        let lease = setup.pool.acquire(&request(&format!("user-{user}"))).await;
        leases.push(lease.expect("a session"));
    }
    leases.truncate(5);
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let path =
            format!("/pool/keys.json?condition=in_use&order=in_use&limit=2&host=a.test{after}");
        let page = setup.get(&path).await.json();
        assert_eq!(page["matching"], 5);
        let rows = page["rows"].as_array().expect("rows").clone();
        seen.extend(rows.into_iter().map(|row| row["fingerprint"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let none = setup.get("/pool/keys.json?host=b.test").await.json();
    assert_eq!(none["matching"], 0);
    for query in ["order=name", "limit=x", "after=x", "where=1", "condition="] {
        let answer = setup.get(&format!("/pool/keys.json?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn samples_have_what_happened_in_their_interval_and_come_as_events() {
    let setup = Setup::new(PoolConfig::default());
    let stream = setup.open_stream().await;
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut events = stream.into_body().into_data_stream();
    tokio::time::sleep(Duration::from_millis(150)).await;
    for _ in 0..5 {
        drop(
            setup
                .pool
                .acquire(&request("alice"))
                .await
                .expect("a session"),
        );
    }
    setup
        .remote
        .on_connect(Behaviour::Fail(FaultKind::Unreachable));
    setup
        .pool
        .acquire(&request("bob"))
        .await
        .expect_err("unreachable");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let event = events.next().await.expect("an event").expect("data");
    let text = String::from_utf8(event.into()).expect("text");
    let data = text
        .strip_prefix("event: sample\ndata: ")
        .expect("a sample");
    let newest: Value = serde_json::from_str(data.trim_end()).expect("json");
    let history = setup.get("/pool/history.json").await.json();
    let history = history.as_array().expect("samples");
    assert_eq!(
        history.last(),
        Some(&newest),
        "the newest sample is the event"
    );
    let busy = history
        .iter()
        .find(|it| it["acquires"]["hits"] != 0)
        .expect("a sample");
    assert_eq!(
        busy["acquires"],
        json!({ "hits": 4, "misses": 1, "failed": 1 })
    );
    assert_eq!(
        (&busy["hit_rate"], &busy["sessions"]["idle"]),
        (&json!(0.8), &json!(1))
    );
    assert_eq!(
        history[0]["hit_rate"],
        Value::Null,
        "nothing happened in it"
    );
}

#[tokio::test(start_paused = true)]
async fn history_is_bounded() {
    let setup = Setup::new(PoolConfig::default());
    tokio::time::sleep(Duration::from_secs(100)).await;
    let history = setup.get("/pool/history.json").await.json();
    assert_eq!(history.as_array().map(Vec::len), Some(600));
}

#[tokio::test(start_paused = true)]
async fn a_closed_pool_ends_the_streams_and_is_not_healthy() {
    let setup = Setup::new(PoolConfig::default());
    assert_eq!(setup.get("/health").await.status, StatusCode::OK);
    let stream = setup.open_stream().await.into_body().into_data_stream();
    setup.pool.close(Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(stream.count().await <= 1, "it ends");
    for path in ["/health", "/pool/events"] {
        let answer = setup.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(
        setup.get("/pool/stats.json").await.json()["status"]["closed"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn the_router_does_not_keep_the_pool_open() {
    let Setup {
        pool,
        remote,
        recorder,
        router,
    } = Setup::new(PoolConfig::default());
    drop(pool.acquire(&request("alice")).await.expect("a session"));
    drop((pool, recorder));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(remote.open(), 0, "the last handle was dropped");
    drop(router);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_those_that_were_passed_in() {
    let none = Setup::new(PoolConfig::default());
    assert_eq!(none.get("/metrics").await.status, StatusCode::NOT_FOUND);
    let setup = Setup::with(PoolConfig::default(), |admin| {
        admin.metrics(|| "a 1\n".to_owned())
    });
    let answer = setup.get("/metrics").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "a 1\n")
    );
    assert!(
        answer
            .header(header::CONTENT_TYPE)
            .starts_with("text/plain; version=0.0.4")
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_the_recorder_is_shown_as_such() {
    let (connector, _remote) = fake::connector();
    let pool = SessionPool::builder()
        .connector(connector)
        .build()
        .expect("a pool");
    let recorder = Recorder::new();
    let router = Admin::new(&pool, &recorder).router();
    let (_, remote) = fake::connector();
    let setup = Setup {
        pool,
        remote,
        recorder,
        router,
    };
    assert_eq!(
        setup.get("/pool/stats.json").await.json()["recorded"],
        false
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_for_too_long_is_listed_with_its_line_of_code() {
    let config = PoolConfig::default().with_lease_overdue_after(Duration::from_secs(1));
    let setup = Setup::new(config);
    let request = request("alice");
    let lease = setup.pool.acquire(&request).await.expect("a session");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stats = setup.get("/pool/stats.json").await.json();
    let incidents = stats["incidents"].as_array().expect("incidents");
    let overdue = incidents.iter().find(|it| it["kind"] == "lease_overdue");
    let site = overdue.expect("an incident")["reason"].as_str();
    assert!(
        site.is_some_and(|site| site.contains("figures.rs")),
        "{site:?}"
    );
    drop(lease);
}
