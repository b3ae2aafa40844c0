//! Tokens of an authorization server: renewed for many callers, and kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_session_pool::{
    PoolConfig, PooledClient, Principal,
    error::{CallError, CredentialError},
    extend::{CredentialRequest, CredentialSource, RequestKind},
    oauth::{FileStore, OAuthCredentials, OAuthError, Step},
};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    authorization_server::Protected,
    common::{call, close, eventually, headers},
    oauth_setup::{authorized, built, cause, client, credentials, grant, needed, pool, request},
    over::builder,
};

const USERS: [&str; 5] = ["alice", "bob", "carol", "dave", "eve"];

/// Ten callers of each user, who call until they are stopped.
struct Callers {
    stopped: Arc<AtomicBool>,
    counts: Vec<Arc<AtomicUsize>>,
    tasks: Vec<tokio::task::JoinHandle<Result<(), CallError>>>,
}

impl Callers {
    fn start(clients: &[PooledClient]) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut callers = Self {
            stopped,
            counts: Vec::new(),
            tasks: Vec::new(),
        };
        for client in clients.iter().flat_map(|client| [client; 10]) {
            let (client, count) = (client.clone(), Arc::new(AtomicUsize::new(0)));
            callers.counts.push(Arc::clone(&count));
            let stopped = Arc::clone(&callers.stopped);
            callers.tasks.push(tokio::spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    call(&client, "count").await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }));
        }
        callers
    }

    /// Waits until each caller has made two more calls, of which the second has begun meanwhile.
    async fn go_on(&self) {
        let count = |count: &Arc<AtomicUsize>| count.load(Ordering::Relaxed);
        let before: Vec<_> = self.counts.iter().map(count).collect();
        let has_two = |(now, before): (&Arc<AtomicUsize>, &usize)| count(now) >= before + 2;
        let all = || {
            let failed = self.tasks.iter().any(|task| task.is_finished());
            failed || self.counts.iter().zip(&before).all(has_two)
        };
        eventually("each caller goes on", all).await;
    }

    async fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let result = task.await.expect("no panic");
            result.expect("no call fails for a credential that can be renewed");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_tokens_are_renewed_once_for_fifty_callers_and_no_call_fails() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let mut clients = Vec::new();
    for user in USERS {
        clients.push(authorized(&pool, &protected, &credentials, user).await);
    }
    let server = &protected.server;
    let callers = Callers::start(&clients);
    for revocation in 1..=6 {
        // Refusals come while the token is renewed, and after that.
        let delay = Duration::from_millis(20 * (revocation as u64 % 2));
        server.behave(|behaviour| behaviour.delay = delay);
        callers.go_on().await;
        server.revoke_access();
        callers.go_on().await;
        for user in USERS {
            assert_eq!(server.refreshes(user), revocation, "{user}");
        }
    }
    callers.stop().await;
    let seen = server.seen();
    assert!(seen.concurrent.is_empty(), "{:?}", seen.concurrent);
    assert_eq!((seen.reused, seen.registrations), (0, 1));
    let stats = pool.stats();
    assert_eq!(stats.pool_keys_evicted, 0, "a new token keeps its session");
    close(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_end_are_renewed_ahead_of_it_one_at_a_time_for_fifty_callers() {
    let protected = Protected::start().await;
    // On a slow machine a token of one second ends before it is used.
    protected
        .server
        .behave(|behaviour| behaviour.expires_in = 3);
    let credentials = credentials();
    let pool = pool(&credentials);
    let mut clients = Vec::new();
    for user in USERS {
        clients.push(authorized(&pool, &protected, &credentials, user).await);
    }
    let server = &protected.server;
    server.behave(|behaviour| behaviour.delay = Duration::from_millis(20));
    let callers = Callers::start(&clients);
    let renewed = || USERS.iter().all(|user| server.refreshes(user) >= 3);
    eventually("each token is renewed three times", renewed).await;
    callers.stop().await;
    let seen = server.seen();
    assert!(seen.concurrent.is_empty(), "{:?}", seen.concurrent);
    assert_eq!(seen.reused, 0, "each refresh token is used once");
    close(&pool).await;
}

#[tokio::test]
async fn a_user_whose_refresh_token_was_revoked_authorizes_again_and_goes_on() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    protected.server.revoke_all();
    let error = call(&client, "count").await.expect_err("it was revoked");
    let first = needed(&error);
    let again = call(&client, "count")
        .await
        .expect_err("not authorized yet");
    assert_eq!(needed(&again), first, "one authorization is under way");
    let authorized = protected.authorize(&credentials, &first, "alice").await;
    authorized.expect("a token");
    call(&client, "count").await.expect("a count");
    assert_eq!(protected.server.seen().reused, 1, "it was tried once");
    close(&pool).await;
}

#[tokio::test]
async fn a_caller_that_leaves_loses_no_rotated_refresh_token() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    let server = &protected.server;
    server.behave(|behaviour| behaviour.delay = Duration::from_millis(300));
    server.revoke_access();
    let before = server.seen().token_requests.len();
    let leaving = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "count").await }
    });
    let has_begun = || server.seen().token_requests.len() > before;
    eventually("the refresh has begun", has_begun).await;
    leaving.abort();
    call(&client, "count")
        .await
        .expect("the token of that refresh");
    assert_eq!((server.refreshes("alice"), server.seen().reused), (1, 0));
    close(&pool).await;
}

#[tokio::test]
async fn an_authorization_server_that_fails_for_a_while_ends_nothing() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    let server = &protected.server;
    server.behave(|behaviour| behaviour.refuses_with = Some(503));
    server.revoke_access();
    let error = call(&client, "count").await.expect_err("no token now");
    let expected = OAuthError::Status {
        step: Step::Token,
        status: 503,
    };
    assert_eq!(cause(&error), expected);
    server.behave(|behaviour| behaviour.refuses_with = None);
    call(&client, "count")
        .await
        .expect("the refresh token was kept");
    assert_eq!((server.refreshes("alice"), server.seen().reused), (1, 0));
    close(&pool).await;
}

#[tokio::test]
async fn a_missing_scope_is_added_to_those_that_the_token_has() {
    let protected = Protected::start().await;
    let server = &protected.server;
    server.behave(|it| it.resource_metadata = json!({ "scopes_supported": ["read"] }));
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    server.behave(|behaviour| behaviour.needs_scope = Some("write".to_owned()));
    let error = call(&client, "count").await.expect_err("it lacks a scope");
    assert_eq!(needed(&error).scopes(), ["read", "write"]);
    let authorized = protected
        .authorize(&credentials, &needed(&error), "alice")
        .await;
    authorized.expect("a token");
    call(&client, "count").await.expect("a count");
    server.revoke_access();
    call(&client, "count")
        .await
        .expect("a refresh keeps the scopes");
    close(&pool).await;
}

#[tokio::test]
async fn scopes_are_added_a_bounded_number_of_times() {
    let protected = Protected::start().await;
    let server = &protected.server;
    let builder = OAuthCredentials::builder(grant()).step_up_limit(2);
    let credentials = built(builder);
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    for (scope, is_admitted) in [("one", true), ("two", true), ("three", false)] {
        server.behave(|behaviour| behaviour.needs_scope = Some(scope.to_owned()));
        let error = call(&client, "count").await.expect_err("it lacks a scope");
        match is_admitted {
            true => {
                let authorized = protected
                    .authorize(&credentials, &needed(&error), "alice")
                    .await;
                authorized.expect("a token");
                call(&client, "count").await.expect("a count");
            }
            false => {
                let challenge = error.challenge().expect("the refusal of the upstream");
                assert!(challenge.is_insufficient_scope());
            }
        }
    }
    close(&pool).await;
}

#[tokio::test]
async fn tokens_in_an_encrypted_file_outlive_the_process() {
    let protected = Protected::start().await;
    let name = format!("mcp-pool-oauth-field-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    for run in 0..2 {
        let store = FileStore::new(&folder, [7; 32]).expect("a folder");
        let credentials = built(OAuthCredentials::builder(grant()).store(store));
        let pool = pool(&credentials);
        match run {
            0 => drop(authorized(&pool, &protected, &credentials, "alice").await),
            _ => {
                let client = client(&pool, &protected, "alice").await;
                call(&client, "count").await.expect("the token is kept");
                protected.server.revoke_access();
                call(&client, "count").await.expect("and can be renewed");
                let endpoint = protected.endpoint();
                let alice = Principal::user("alice");
                let forgotten = credentials.forget(&alice, &endpoint).await;
                forgotten.expect("no token any longer");
                let error = call(&client, "count").await.expect_err("no token");
                needed(&error);
            }
        }
        close(&pool).await;
    }
    for file in std::fs::read_dir(&folder).expect("the folder") {
        let text = std::fs::read(file.expect("a file").path()).expect("a file");
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("access-") && !text.contains("refresh-"));
    }
    std::fs::remove_dir_all(&folder).expect("the folder");
    assert_eq!(protected.server.seen().registrations, 1);
}

/// A source that holds back the refused calls of callers with `x-late`.
struct Late {
    inner: OAuthCredentials,
    held: Arc<Semaphore>,
    release: Arc<Semaphore>,
}

#[async_trait]
impl CredentialSource for Late {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let is_call = request.kind == RequestKind::Call && request.refusal.is_some();
        if is_call && request.caller.contains_key("x-late") {
            self.held.add_permits(1);
            let released = self.release.acquire().await;
            released.expect("it is open").forget();
        }
        self.inner.headers(request).await
    }

    fn renews(&self) -> bool {
        self.inner.renews()
    }
}

#[tokio::test]
async fn a_refusal_that_comes_after_the_renewal_costs_no_second_one() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let (held, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let source = Late {
        inner: credentials.clone(),
        held: Arc::clone(&held),
        release: Arc::clone(&release),
    };
    let pool = builder(PoolConfig::default()).credentials(source);
    let pool = pool.build().expect("a pool");
    let on_time = authorized(&pool, &protected, &credentials, "alice").await;
    let late = request(&protected, "alice").with_headers(headers(&[("x-late", "1")]));
    let late = pool.client(late).await.expect("a client");
    call(&late, "count").await.expect("a count");
    protected.server.revoke_access();
    let late = tokio::spawn(async move { call(&late, "count").await });
    held.acquire().await.expect("it is open").forget();
    call(&on_time, "count").await.expect("the renewed token");
    release.add_permits(1);
    late.await.expect("no panic").expect("the same token");
    assert_eq!(protected.server.refreshes("alice"), 1);
    close(&pool).await;
}
