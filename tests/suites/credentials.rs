//! No session is handed out for an ended credential, and each request sends the current credential.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode, header};
use mcp_pool_testkit::{
    conformance::Counterpart,
    fake::{self, Behaviour, Remote},
    server::{CounterServer, Refusal},
};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, Scope, SessionPool,
    error::{AcquireError, CallError, CredentialError, ExtractError, Outcome, Retry},
    extend::{CredentialRequest, CredentialSource, Identity, IdentityExtractor},
};
use tokio::time::{Instant, sleep};

use crate::{
    common::{call, close, eventually, headers, request},
    seed_scenarios::{Setup, StreamableHttp, over, with},
};

/// Trusts `x-user`, and `x-life` as the lifetime of the token in milliseconds.
struct Badge;

#[async_trait]
impl IdentityExtractor for Badge {
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let identity = text("x-user").map(|user| Identity::from_parts("badge", [user]));
        let life = text("x-life").and_then(|life| life.parse().ok());
        Ok(identity.map(|identity| match life {
            Some(life) => identity.with_expiry(Instant::now() + Duration::from_millis(life)),
            None => identity,
        }))
    }
}

/// A request of Alice with this token and its lifetime.
fn alice(endpoint: Endpoint, token: &str, life: Option<Duration>) -> AcquireRequest {
    let token = format!("Bearer {token}");
    let mut headers = headers(&[("x-user", "alice"), ("authorization", &token)]);
    if let Some(life) = life {
        let life = life.as_millis().to_string();
        headers.insert("x-life", life.parse().expect("a value"));
    }
    AcquireRequest::new(endpoint, Principal::user("alice")).with_headers(headers)
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn faked() -> (SessionPool, Remote) {
    let (connector, remote) = fake::connector();
    let pool = SessionPool::builder().connector(connector).extractor(Badge);
    (pool.build().expect("a pool"), remote)
}

fn fake_alice(token: &str, life: Option<Duration>) -> AcquireRequest {
    alice(fake::endpoint("a"), token, life)
}

async fn pass(time: Option<Duration>) {
    sleep(time.expect("a time")).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_out_or_opened_with_a_credential_that_has_ended() {
    let (pool, remote) = faked();
    let request = fake_alice("old", seconds(160));
    let client = pool.client(request.clone()).await.expect("a client");
    drop(client.acquire().await.expect("a session"));
    pass(seconds(149)).await;
    drop(pool.acquire(&request).await.expect("the same session"));
    assert_eq!(remote.connects(), 1);
    pass(seconds(12)).await;
    for result in [pool.acquire(&request).await, client.acquire().await] {
        let error = result.expect_err("it has ended");
        assert!(
            matches!(error, AcquireError::CredentialExpired),
            "{error:?}"
        );
        assert_eq!(error.retry(), Retry::WithOtherCredentials);
    }
    let error = call(&client, "count").await.expect_err("it has ended");
    assert!(matches!(error, CallError::Acquire(_)), "{error:?}");
    assert_eq!(
        remote.connects(),
        1,
        "nothing is opened for an ended credential"
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_are_closed_before_their_credential_ends_without_a_request() {
    let (pool, remote) = faked();
    let request = fake_alice("old", seconds(160));
    drop(pool.acquire(&request).await.expect("a session"));
    pass(seconds(154)).await;
    assert_eq!(remote.open(), 1);
    pass(seconds(2)).await;
    assert_eq!(remote.open(), 0, "while its credential still held");
    // A session opened in the last seconds of the credential is closed when it ends.
    drop(pool.acquire(&request).await.expect("a session"));
    pass(seconds(5)).await;
    assert_eq!((remote.open(), remote.connects()), (0, 2));
    assert_eq!(pool.stats().sessions_reaped, 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_credential_of_the_identity_keeps_sessions_and_earlier_clients_going() {
    let (pool, remote) = faked();
    let old = pool.client(fake_alice("old", seconds(10)));
    let old = old.await.expect("a client");
    drop(old.acquire().await.expect("a session"));
    pass(seconds(5)).await;
    drop(pool.client(fake_alice("new", seconds(60))).await);
    pass(seconds(50)).await;
    drop(old.acquire().await.expect("the same session"));
    assert_eq!(remote.connects(), 1);
    pass(seconds(11)).await;
    let error = old.acquire().await.expect_err("the newer has ended too");
    assert!(
        matches!(error, AcquireError::CredentialExpired),
        "{error:?}"
    );
    drop(
        pool.acquire(&fake_alice("newest", seconds(60)))
            .await
            .expect("a session"),
    );
    drop(old.acquire().await.expect("a session"));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_outlives_its_credential_until_it_is_returned() {
    let (pool, remote) = faked();
    let lease = pool.acquire(&fake_alice("old", seconds(10))).await;
    let lease = lease.expect("a session");
    let _peer = lease.peer().await.expect("a peer");
    pass(seconds(60)).await;
    assert_eq!(remote.open(), 1);
    drop(lease);
    eventually("it is closed", || remote.open() == 0).await;
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_credential_ends_meanwhile_gets_no_session() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_sessions_per_key(1);
    let pool = SessionPool::builder().config(config);
    let pool = pool.connector(connector).extractor(Badge);
    let pool = pool.build().expect("a pool");
    let request = fake_alice("old", seconds(10));
    let lease = pool.acquire(&request).await.expect("a session");
    let waiting = tokio::spawn({
        let (pool, request) = (pool.clone(), request.clone());
        async move { pool.acquire(&request).await.map(drop) }
    });
    pass(seconds(11)).await;
    drop(lease);
    let error = waiting.await.expect("no panic").expect_err("too late");
    assert!(
        matches!(error, AcquireError::CredentialExpired),
        "{error:?}"
    );
    // A connect that outlasts the credential serves no caller.
    remote.on_connect(Behaviour::Slow(Duration::from_secs(2)));
    let late = pool.acquire(&fake_alice("late", seconds(1))).await;
    let error = late.expect_err("too late");
    assert!(
        matches!(error, AcquireError::CredentialExpired),
        "{error:?}"
    );
    eventually("it is closed", || remote.open() == 0).await;
    assert_eq!(remote.connects(), 2);
    close(&pool).await;
}

/// A source that renews its credentials.
struct Renewing;

#[async_trait]
impl CredentialSource for Renewing {
    async fn headers(
        &self,
        _request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        Ok(Arc::default())
    }

    fn renews(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_renews_credentials_ignores_the_expiry_of_the_caller() {
    let (connector, remote) = fake::connector();
    let pool = SessionPool::builder().connector(connector).extractor(Badge);
    let pool = pool.credentials(Renewing).build().expect("a pool");
    let request = fake_alice("old", seconds(10));
    drop(pool.acquire(&request).await.expect("a session"));
    pass(seconds(20)).await;
    drop(pool.acquire(&request).await.expect("the same session"));
    assert_eq!(remote.connects(), 1);
    close(&pool).await;
}

/// A source that gives the caller's headers until the test lets it fail.
#[derive(Default)]
struct Failing(Arc<AtomicBool>);

#[async_trait]
impl CredentialSource for Failing {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(CredentialError::new("the token store is locked")),
            false => Ok(Arc::clone(request.caller)),
        }
    }
}

async fn a_failed_credential_source_keeps_its_reason_and_is_no_refusal<S: Setup>() {
    let server = S::server();
    let fails = Arc::new(AtomicBool::new(false));
    let pool = with::<S>(PoolConfig::default());
    let pool = pool.credentials(Failing(Arc::clone(&fails)));
    let pool = pool.build().expect("a pool");
    let client = pool
        .client(alice(server.endpoint(), "t", seconds(600)))
        .await;
    let client = client.expect("a client");
    assert_eq!(count(&client).await, 1);
    fails.store(true, Ordering::Relaxed);
    let sent = tokens(&server).len();
    let error = call(&client, "increment")
        .await
        .expect_err("no credentials");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(error.label(), "credentials");
    assert!(
        error.challenge().is_none(),
        "no server refused a credential"
    );
    assert!(
        chain(&error).contains("the token store is locked"),
        "{error}"
    );
    assert_eq!(tokens(&server).len(), sent, "nothing was sent");
    fails.store(false, Ordering::Relaxed);
    assert_eq!(count(&client).await, 2, "the session was kept");
    pool.drain();
    fails.store(true, Ordering::Relaxed);
    let error = call(&client, "increment")
        .await
        .expect_err("no credentials");
    assert!(
        chain(&error).contains("the token store is locked"),
        "{error}"
    );
    assert_eq!(error.label(), "credentials", "of a connect as well");
    fails.store(false, Ordering::Relaxed);
    close(&pool).await;
}

/// The text of an error and of its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

over! { streamable_http, crate::seed_scenarios::StreamableHttp;
    a_failed_credential_source_keeps_its_reason_and_is_no_refusal
    a_session_sends_the_token_that_is_current_at_each_request
    a_client_whose_token_has_ended_sends_the_newest_of_its_identity
    a_refused_token_is_replaced_once_by_the_newest_of_its_identity
    a_missing_scope_is_reported
}

over! { sse, crate::seed_scenarios::Sse;
    a_failed_credential_source_keeps_its_reason_and_is_no_refusal
    a_session_sends_the_token_that_is_current_at_each_request
    a_client_whose_token_has_ended_sends_the_newest_of_its_identity
    a_refused_token_is_replaced_once_by_the_newest_of_its_identity
    a_missing_scope_is_reported
}

fn badged<S: Setup>() -> SessionPool {
    let config = PoolConfig::default().with_max_sessions_per_key(1);
    with::<S>(config).extractor(Badge).build().expect("a pool")
}

/// The tokens of the tool calls, in order.
fn tokens(server: &impl Counterpart) -> Vec<String> {
    let requests = server.requests();
    let calls = requests.iter().filter(|seen| seen.method == "tools/call");
    let token = calls.map(|seen| seen.headers[header::AUTHORIZATION].to_str());
    token.map(|token| token.expect("text").to_owned()).collect()
}

async fn count(client: &PooledClient) -> u64 {
    call(client, "increment").await.expect("a count")
}

async fn a_session_sends_the_token_that_is_current_at_each_request<S: Setup>() {
    let server = S::server();
    let pool = badged::<S>();
    for rotation in 1..=5 {
        let request = alice(server.endpoint(), &format!("t{rotation}"), seconds(600));
        let client = pool.client(request).await.expect("a client");
        assert_eq!(count(&client).await, rotation, "one session");
    }
    assert_eq!(
        tokens(&server),
        [
            "Bearer t1",
            "Bearer t2",
            "Bearer t3",
            "Bearer t4",
            "Bearer t5"
        ]
    );
    close(&pool).await;
    let seen = server.requests();
    let last = seen.last().expect("a request");
    assert_eq!(
        last.headers[header::AUTHORIZATION],
        "Bearer t5",
        "{}",
        last.method
    );
}

async fn a_client_whose_token_has_ended_sends_the_newest_of_its_identity<S: Setup>() {
    let server = S::server();
    let pool = badged::<S>();
    let life = Some(Duration::from_millis(500));
    let old = pool.client(alice(server.endpoint(), "old", life));
    let old = old.await.expect("a client");
    let new = pool.client(alice(server.endpoint(), "new", seconds(600)));
    let new = new.await.expect("a client");
    assert_eq!((count(&new).await, count(&old).await), (1, 2));
    pass(life).await;
    assert_eq!((count(&old).await, count(&new).await), (3, 4));
    let own = ["Bearer new", "Bearer old"];
    assert_eq!(tokens(&server), [own[0], own[1], own[0], own[0]]);
    close(&pool).await;
}

async fn a_refused_token_is_replaced_once_by_the_newest_of_its_identity<S: Setup>() {
    let server = S::server();
    let pool = badged::<S>();
    let old = pool.client(alice(server.endpoint(), "old", seconds(60)));
    let old = old.await.expect("a client");
    assert_eq!(count(&old).await, 1);
    let new = pool.client(alice(server.endpoint(), "new", seconds(600)));
    let new = new.await.expect("a client");
    server.switches().accept_tokens(["new"]);
    assert_eq!((count(&old).await, count(&new).await), (2, 3));
    let sent = ["Bearer old", "Bearer old", "Bearer new", "Bearer new"];
    assert_eq!(tokens(&server), sent);
    // Without an accepted token the caller gets the challenge, after one repetition at most.
    server.switches().accept_tokens([]);
    let before = tokens(&server).len();
    let error = call(&old, "increment").await.expect_err("a refusal");
    let challenge = error.challenge().expect("a challenge");
    assert_eq!(challenge.parameter("error"), Some("invalid_token"));
    assert!(!challenge.is_insufficient_scope());
    assert_eq!(tokens(&server).len(), before + 2);
    server.switches().accept_tokens(["new"]);
    close(&pool).await;
    assert_eq!(
        server.open_sessions(),
        0,
        "the farewell found one that holds"
    );
}

async fn a_missing_scope_is_reported<S: Setup>() {
    let server = S::server();
    let pool = badged::<S>();
    let client = pool.client(alice(server.endpoint(), "t", None));
    let client = client.await.expect("a client");
    let demand = "Bearer error=\"insufficient_scope\", scope=\"files:read files:write\"";
    let refusal = Refusal::new(StatusCode::FORBIDDEN);
    let refusal = refusal.with_header(header::WWW_AUTHENTICATE, demand);
    for opened in [false, true] {
        server.switches().refuse(refusal.clone());
        let error = call(&client, "increment").await.expect_err("a refusal");
        let challenge = error.challenge().expect("a challenge");
        assert!(challenge.is_insufficient_scope());
        let scopes: Vec<_> = challenge.scopes().collect();
        assert_eq!(scopes, ["files:read", "files:write"], "opened: {opened}");
        server.switches().serve();
        count(&client).await;
    }
    close(&pool).await;
}

/// The server withdraws a token long before its expiry.
#[tokio::test]
async fn a_withdrawn_token_with_the_latest_expiry_does_not_block_its_identity() {
    let server = CounterServer::start();
    let pool = badged::<StreamableHttp>();
    let withdrawn = pool.client(alice(server.endpoint(), "withdrawn", seconds(600)));
    let withdrawn = withdrawn.await.expect("a client");
    server.switches().accept_tokens(["good"]);
    call(&withdrawn, "increment").await.expect_err("a refusal");
    let good = pool.client(alice(server.endpoint(), "good", seconds(60)));
    let good = good.await.expect("a client");
    assert_eq!(count(&good).await, 1);
    assert_eq!(count(&withdrawn).await, 2, "by the good one's token");
    close(&pool).await;
    server.expect_no_session().await;
}

#[tokio::test]
async fn no_token_follows_a_redirect_to_another_origin() {
    let (server, other) = (CounterServer::start(), CounterServer::start());
    let pool = badged::<StreamableHttp>();
    let client = pool.client(alice(server.endpoint(), "t", None));
    let client = client.await.expect("a client");
    count(&client).await;
    for status in [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ] {
        let refusal = Refusal::new(status).with_header(header::LOCATION, &other.url());
        server.switches().refuse(refusal);
        call(&client, "increment").await.expect_err("a redirect");
    }
    server.switches().serve();
    close(&pool).await;
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_shared_session_is_opened_and_closed_without_credentials() {
    let server = CounterServer::start();
    let pool = with::<StreamableHttp>(PoolConfig::default()).build();
    let pool = pool.expect("a pool");
    for user in ["alice", "bob"] {
        let endpoint = server.endpoint().declared_stateless_and_public();
        let request = request(endpoint, user).with_scope(Scope::Shared);
        let client = pool.client(request).await.expect("a client");
        call(&client, "increment").await.expect("a count");
    }
    close(&pool).await;
    let (calls, own): (Vec<_>, Vec<_>) = server
        .seen()
        .into_iter()
        .partition(|seen| seen.method == "tools/call");
    let tokens = calls.iter().map(|seen| &seen.headers["authorization"]);
    assert!(tokens.eq(["Bearer alice-token", "Bearer bob-token"]));
    assert!(own.iter().any(|seen| seen.method == "DELETE"));
    for seen in own {
        assert!(!seen.headers.contains_key("authorization"), "{seen:?}");
    }
}
