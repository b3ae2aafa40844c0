//! Tokens, cookies, keys, session ids and queries appear in no log, error or debug output.

use std::{collections::BTreeSet, fmt::Debug, num::NonZeroU32, sync::Arc, time::Duration};

use http::{StatusCode, header};
use mcp_pool_testkit::{
    logs::LogCapture,
    server::{CounterServer, Modes, Refusal},
};
use mcp_session_pool::{
    AcquireRequest, ConversationId, Endpoint, PoolConfig, PooledClient, Principal, Scope, Selector,
    SessionPool, SseConnector, StreamableHttpConnector, TransportKind,
    config::{OnExtractError, Probe},
    error::{
        AcquireError, CallError, CheckError, ConfigError, CredentialError, ExtractError, Retry,
        Stage,
    },
    extend::{
        CallContext, CallerHeaders, CloseNotifier, Connector, Era, Fingerprint, HeaderIdentity,
        Identity, NoopHandlers, ProbePlan,
    },
    jwt,
};
use tokio::time::Instant;

#[path = "../field/authorization_server.rs"]
#[allow(dead_code, reason = "the tests of tokens use more of it")]
mod authorization_server;
#[path = "../suites/common.rs"]
#[expect(dead_code, reason = "the suites use more of it")]
mod common;
mod gateway;
mod manners;
mod messages;
mod oauth;
mod page;
mod quotas;
mod reading;
mod replicas;
mod selections;
#[path = "../field/shell_server.rs"]
mod shell_server;
mod shown;
mod stdio;
mod wire;

#[path = "../../crates/identity-jwt/tests/it/support.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "this test uses a part of it")]
mod tokens;

use common::{call, eventually, headers};
use shown::{ShowingConnector, ShowingSource, Shown};

/// Every secret that the test uses.
const PLANTED: [&str; 14] = [
    "pl4nted-argument",
    "pl4nted-token",
    "pl4nted-cookie",
    "pl4nted-key",
    "pl4nted-query",
    "pl4nted-challenge",
    "pl4nted-conversation",
    "pl4nted-principal",
    "pl4nted-trace",
    "pl4nted-claim",
    "pl4nted-hmac-secret-of-32-bytes!",
    "pl4nted-redirect",
    // The last two parts of a token.
    "eyJzdWIiOiJwbDRudGVkLWNsYWltIn0",
    "cGw0bnRlZC10b2tlbg",
];

fn request(server: &CounterServer) -> AcquireRequest {
    let url = format!("{}?key=pl4nted-query", server.url());
    let transport = server.endpoint().transport().clone();
    let endpoint = Endpoint::new(&url, transport).expect("a url");
    AcquireRequest::new(endpoint, Principal::user("pl4nted-principal"))
        .with_scope(Scope::conversation("pl4nted-conversation"))
        .with_headers(headers(&[
            ("authorization", "Bearer pl4nted-token"),
            ("cookie", "sid=pl4nted-cookie"),
            ("x-api-key", "pl4nted-key"),
            ("traceparent", "pl4nted-trace"),
        ]))
}

fn pool(connector: impl Connector + Debug + 'static, shown: &Shown) -> SessionPool {
    shown.show(&connector);
    let config = PoolConfig::default()
        .with_lease_overdue_after(Duration::from_millis(1))
        .with_max_sessions_per_key(2)
        .with_max_concurrent_per_conversation(NonZeroU32::MIN)
        .with_circuit_breaker_threshold(2)
        .with_circuit_breaker_reset(Duration::from_millis(50));
    shown.show(&config);
    let builder = SessionPool::builder()
        .config(config)
        .connector(ShowingConnector(connector, shown.clone()))
        .credentials(ShowingSource(shown.clone()))
        .observer(shown.clone());
    shown.show(&builder);
    builder.build().expect("a valid configuration")
}

async fn fails(client: &PooledClient, shown: &Shown) -> CallError {
    let error = call(client, "increment").await.expect_err("a failure");
    shown.fail(&error);
    if let Some(failure) = error.failure() {
        shown.show(failure);
    }
    if let Some(challenge) = error.challenge() {
        shown.show(challenge);
    }
    error
}

/// Calls until one succeeds: the circuit may be open for a moment.
async fn recovers(client: &PooledClient) {
    for _ in 0..3_000 {
        if call(client, "increment").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not recover");
}

fn show_figures(pool: &SessionPool, shown: &Shown) {
    let stats = pool.stats();
    let limits = pool.limits().with_max_total_keys(1_000);
    pool.resize(limits).expect("a valid limit");
    let refused = pool.resize(limits.with_max_sessions_per_key(0));
    shown.fail(&refused.expect_err("out of bounds"));
    shown.show(&stats);
    stats.pools.values().for_each(|row| shown.show(row));
    let circuits = stats.circuit_breakers.values();
    circuits.for_each(|row| shown.show(row));
    shown.add(&serde_json::to_string(&stats).expect("json"));
    messages::show_keys(pool, shown);
}

fn show_client(client: &PooledClient, shown: &Shown) {
    shown.show(client);
    shown.show(client.key());
    shown.show(client.key().identity());
    shown.show(client.key().scope());
}

/// Has the pool detect the transport.
async fn detect(pool: &SessionPool, server: &CounterServer) {
    let url = format!("{}?key=pl4nted-query", server.url());
    let unknown = Endpoint::auto(&url).expect("a url");
    let request = AcquireRequest::new(unknown, Principal::user("pl4nted-principal"));
    drop(pool.acquire(&request).await.expect("a session"));
}

/// Every outcome of a call.
async fn a_busy_life(pool: &SessionPool, server: &mut CounterServer, shown: &Shown) {
    let request = request(server);
    shown.show(&request);
    let client = pool.client(request.clone()).await.expect("a client");
    call(&client, "increment").await.expect("a count");
    let lease = pool.acquire(&request).await.expect("a session");
    shown.show(&lease);
    show_client(&client, shown);
    drop(lease);

    detect(pool, server).await;
    server.forget_sessions();
    fails(&client, shown).await;
    recovers(&client).await;
    // The call times out, so the session is checked, and the check fails.
    server.switches().delay_tools(Duration::from_secs(600));
    let hasty = client.with_timeout(Duration::from_millis(100));
    shown.fail(&call(&hasty, "wait").await.expect_err("too late"));
    server.forget_sessions();
    recovers(&client).await;
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let refusal = Refusal::new(status);
        let demand = "Bearer realm=\"pl4nted-challenge\", scope=\"pl4nted-challenge\"";
        let refusal = refusal.with_header(header::WWW_AUTHENTICATE, demand);
        server.switches().refuse(refusal);
        fails(&client, shown).await;
        pool.drain();
        fails(&client, shown).await;
        let health = pool.check_endpoint(&request).await;
        shown.fail(&health.expect_err("it is refused"));
        server.switches().serve();
        recovers(&client).await;
    }
    let redirect = Refusal::new(StatusCode::TEMPORARY_REDIRECT);
    let elsewhere = format!("{}?key=pl4nted-redirect", server.url());
    let redirect = redirect.with_header(header::LOCATION, &elsewhere);
    server.switches().refuse(redirect.of("tools/call"));
    fails(&client, shown).await;
    server.switches().serve();
    server.switches().lose_reply("tools/call");
    fails(&client, shown).await;
    recovers(&client).await;
    server.stop();
    for _ in 0..3 {
        fails(&client, shown).await;
    }
    show_figures(pool, shown);
    server.restart();
    recovers(&client).await;

    shown.show(pool);
    let lease = pool.acquire(&request).await.expect("a session");
    eventually("it is reported", || pool.stats().leases_overdue > 0).await;
    show_figures(pool, shown);
    drop(lease);
    let report = pool.revoke(&Selector::principal(&Principal::user("pl4nted-principal")));
    shown.show(&report);
    eventually("the key is evicted", || pool.stats().pool_keys_evicted > 0).await;
    shown.show(&pool.close(Duration::from_secs(10)).await);
    fails(&client, shown).await;
}

/// Refused tokens, and the types that verify them.
async fn refused_tokens(server: &CounterServer, shown: &Shown) {
    let secret = "pl4nted-hmac-secret-of-32-bytes!";
    let keys = jwt::JwtKeys::secret(secret).expect("a key");
    shown.show(&keys);
    let url = jwt::JwtKeys::url("http://127.0.0.1:1/?key=pl4nted-query");
    shown.show(&url.expect("a url"));
    shown.fail(&jwt::JwtKeys::pem("pl4nted-key").expect_err("no key"));
    let without_issuer = jwt::JwtIdentity::builder(keys.clone()).build();
    shown.fail(&without_issuer.expect_err("no issuer"));
    let builder = jwt::JwtIdentity::builder(keys).any_audience();
    shown.show(&builder);
    let identity = builder.issuer("i").build().expect("an extractor");
    shown.show(&identity);
    let config = PoolConfig::default().with_on_extract_error(OnExtractError::Refuse);
    let pool = common::builder(config).extractor(identity.clone());
    let pool = pool.observer(shown.clone()).build().expect("a pool");
    // {"alg":"HS256"}, {"sub":"pl4nted-claim"}, and an invalid signature.
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbDRudGVkLWNsYWltIn0.cGw0bnRlZC10b2tlbg";
    let refusal = identity.identify(token).await.expect_err("it is forged");
    shown.fail(&refusal);
    let token = format!("Bearer {token}");
    let request = AcquireRequest::new(server.endpoint(), Principal::anonymous())
        .with_headers(headers(&[("authorization", &token)]));
    let error = pool.acquire(&request).await.expect_err("it is forged");
    shown.fail(&error);
    if let AcquireError::Identity(error) = error {
        shown.fail(&*error);
        shown.show(&error.fault());
    }
    pool.close(Duration::from_secs(10)).await;
}

/// Types that need no pool.
fn show_the_rest(shown: &Shown) {
    let secret = Arc::new(headers(&[("authorization", "Bearer pl4nted-token")]));
    let context = CallContext::new(Arc::clone(&secret), Arc::clone(&secret));
    shown.show(&context.with_expiry(Some(Instant::now())));
    shown.show(&CallerHeaders);
    shown.show(&Principal::user("pl4nted-principal").in_tenant("pl4nted-principal"));
    shown.show(&ConversationId::new("pl4nted-conversation"));
    shown.show(&Fingerprint::of("test", b"pl4nted-token"));
    shown.show(&HeaderIdentity::default());
    shown.show(&Identity::from_parts("test", ["pl4nted-token"]));
    let endpoint =
        Endpoint::streamable_http("https://u:pl4nted-key@a/?k=pl4nted-query#pl4nted-query");
    match endpoint {
        Ok(endpoint) => shown.show(&endpoint),
        Err(error) => shown.fail(&error),
    }
    for url in [
        "https://a/?k=pl4nted-query",
        "pl4nted-query",
        "ftp://h/?k=pl4nted-query",
    ] {
        match Endpoint::streamable_http(url) {
            Ok(endpoint) => shown.show(&endpoint),
            Err(error) => shown.fail(&error),
        }
    }
    shown.fail(&CredentialError::new("no reason holds a credential"));
    shown.fail(&ExtractError::unavailable("nor does this one"));
    shown.show(&NoopHandlers::default());
    shown.show(&ProbePlan::new([Probe::Ping], Duration::ZERO));
    shown.show(&CheckError::Closed);
    shown.show(&CloseNotifier::default());
    shown.show(&CloseNotifier::default().watch("pl4nted-argument"));
    shown.show(&ConfigError::NoRuntime);
    shown.show(&TransportKind::SSE);
    shown.show(&Probe::Ping);
    shown.show(&Era::Legacy);
    shown.show(&Stage::Queue);
    shown.show(&Retry::Never);
    shown.show(&OnExtractError::Refuse);
    shown.show(&jwt::OpaqueTokens::Refuse);
    shown.show(&jwt::JwtClaim::required("sub"));
    shown.show(&jwt::JwksSettings::default());
    shown.show(&jwt::JwtCacheSettings::default());
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level_or_shown_by_any_type() {
    let (logs, shown) = (LogCapture::begin(), Shown::default());
    let mut server = CounterServer::start();
    let connector = StreamableHttpConnector::new().expect("an http client");
    a_busy_life(&pool(connector, &shown), &mut server, &shown).await;
    let mut over_sse = CounterServer::start_as(Modes::default().over_sse());
    let connector = SseConnector::new().expect("an http client");
    a_busy_life(&pool(connector, &shown), &mut over_sse, &shown).await;
    refused_tokens(&server, &shown).await;
    show_the_rest(&shown);
    messages::show_server_messages(&shown).await;
    messages::show_the_rest(&shown);
    reading::show(&shown).await;
    selections::show(&shown).await;
    wire::show(&shown, &server).await;
    manners::show(&shown).await;
    stdio::show(&shown).await;
    gateway::show(&shown, &server).await;
    page::show(&shown, &server).await;
    quotas::show(&shown, &server).await;
    let tokens = oauth::show(&shown).await;
    let replicas = replicas::show(&shown).await;
    let text = logs.text();
    assert!(text.contains("session opened"), "the logs were captured");
    assert!(text.contains("rmcp"), "those of rmcp too");
    let mut secrets: BTreeSet<String> = PLANTED.map(str::to_owned).into();
    secrets.extend(tokens);
    for server in [&server, &over_sse, &replicas] {
        let known = secrets.len();
        secrets.extend(server.seen().into_iter().filter_map(|seen| seen.session));
        assert!(secrets.len() > known, "there were sessions");
    }
    let shown_text = shown.text();
    for secret in secrets {
        for record in text.lines() {
            assert!(!record.contains(&secret), "logged: {record}");
        }
        let at = shown_text.lines().find(|shown| shown.contains(&secret));
        assert!(at.is_none(), "shown: {secret}: {at:?}");
    }
    let silent: Vec<_> = public_types().difference(&shown.types()).cloned().collect();
    assert!(silent.is_empty(), "these types were not shown: {silent:?}");
}

/// The names of all exported types with debug output.
fn public_types() -> BTreeSet<String> {
    let sources = [
        include_str!("../../crates/pool-core/src/lib.rs"),
        include_str!("../../crates/pool-core/src/client/mod.rs"),
        include_str!("../../crates/pool-core/src/config/mod.rs"),
        include_str!("../../crates/pool-core/src/error/mod.rs"),
        include_str!("../../crates/pool-core/src/extend/mod.rs"),
        include_str!("../../crates/pool-core/src/stats/mod.rs"),
        include_str!("../../crates/admin/src/lib.rs"),
        include_str!("../../crates/file-config/src/lib.rs"),
        include_str!("../../crates/identity-jwt/src/lib.rs"),
        include_str!("../../crates/oauth/src/lib.rs"),
        include_str!("../../crates/proxy/src/auth/mod.rs"),
        include_str!("../../crates/proxy/src/lib.rs"),
        include_str!("../../crates/directory/src/lib.rs"),
        include_str!("../../crates/redis/src/lib.rs"),
        include_str!("../../crates/transport-sse/src/lib.rs"),
        include_str!("../../crates/transport-stdio/src/lib.rs"),
        include_str!("../../crates/transport-streamable-http/src/lib.rs"),
    ];
    let exported = sources.iter().flat_map(|source| {
        let exports = source.split("pub use ").skip(1);
        exports.filter_map(|export| export.split(';').next())
    });
    let names =
        exported.flat_map(|export| export.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let is_type =
        |name: &&str| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    let names = names
        .filter(is_type)
        .filter(|name| !NOT_SHOWN.contains(name));
    names.map(str::to_owned).collect()
}

/// Traits, and types without data of a caller.
const NOT_SHOWN: [&str; 20] = [
    "Algorithm",
    // Created only without TLS.
    "BuildError",
    "Connector",
    "ContextPropagator",
    "CredentialSource",
    "CredentialStore",
    // A future, without output.
    "EndpointProbe",
    "HandlerFactory",
    "NamePolicy",
    "Hooks",
    "IdentityExtractor",
    // The end of a page: a number and a fingerprint.
    "KeyCursor",
    "Observer",
    "SubjectSource",
    // Shows its name only; it belongs to a connector.
    "RunningSession",
    "SessionDirectory",
    "SessionDriver",
    "SessionSeal",
    "SharePolicy",
    "Wire",
];
