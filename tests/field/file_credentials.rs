//! Each upstream of a file gets its own credentials, and a new one once the old one is refused.

use std::fs;

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool,
    file_config::{FileConfig, Format},
    oauth::configured,
};

use crate::{
    authorization_server::Protected,
    common::{builder, call, close},
    oauth_setup::needed,
};

fn pool(config: &FileConfig) -> SessionPool {
    let builder = builder(PoolConfig::default()).credentials(config.credentials());
    builder.build().expect("a pool")
}

fn endpoints(config: &FileConfig) -> Vec<Endpoint> {
    let upstreams = config.upstreams();
    upstreams
        .map(|upstream| upstream.endpoint().clone())
        .collect()
}

fn seen(server: &CounterServer) -> Vec<String> {
    let headers = server.seen().into_iter().map(|seen| seen.headers);
    let tokens = headers.filter_map(|headers| headers.get("authorization").cloned());
    let mut tokens: Vec<_> = tokens
        .map(|token| token.to_str().expect("a text").to_owned())
        .collect();
    tokens.dedup();
    tokens
}

#[tokio::test]
async fn each_upstream_gets_its_own_credentials_and_no_others() {
    let (one, two) = (CounterServer::start(), CounterServer::start());
    let text = format!(
        "[upstreams.one]\nurl = '{}'\ntransport = 'streamable_http'\n\
         headers = {{ authorization = {{ env = 'ONE', prefix = 'Bearer ' }} }}\n\
         [upstreams.two]\nurl = '{}'\ntransport = 'streamable_http'\n",
        one.url(),
        two.url()
    );
    let variables = [("ONE".to_owned(), "first".to_owned())];
    let config = FileConfig::parse(Format::Toml, &text, &[], variables).expect("a file");
    let pool = pool(&config);
    for endpoint in endpoints(&config) {
        let request = AcquireRequest::new(endpoint, Principal::user("alice"));
        let client = pool.client(request).await.expect("a client");
        call(&client, "increment").await.expect("a number");
    }
    assert_eq!(seen(&one), ["Bearer first"]);
    assert_eq!(seen(&two), Vec::<String>::new());
    close(&pool).await;
}

#[tokio::test]
async fn a_secret_that_was_exchanged_in_its_file_is_read_after_a_refusal() {
    let server = CounterServer::start();
    let path = std::env::temp_dir().join(format!("mcp-pool-exchanged-{}", std::process::id()));
    fs::write(&path, "old\n").expect("a file");
    let text = format!(
        "upstreams: {{ one: {{ url: '{}', transport: streamable_http, headers: \
         {{ authorization: {{ file: '{}', prefix: 'Bearer ' }} }} }} }}",
        server.url(),
        path.display()
    );
    let config = FileConfig::parse(Format::Yaml, &text, &[], []).expect("a file");
    let pool = pool(&config);
    let endpoint = endpoints(&config).remove(0);
    let request = AcquireRequest::new(endpoint, Principal::user("alice"));
    let client = pool.client(request).await.expect("a client");
    server.switches().accept_tokens(["old"]);
    call(&client, "increment").await.expect("a number");
    fs::write(&path, "new\n").expect("the file");
    server.switches().accept_tokens(["new"]);
    call(&client, "increment")
        .await
        .expect("the new token is used");
    fs::remove_file(&path).expect("the file");
    assert_eq!(seen(&server).last().expect("a token"), "Bearer new");
    close(&pool).await;
}

#[tokio::test]
async fn an_upstream_gets_the_tokens_of_the_oauth_settings_that_it_names() {
    let protected = Protected::start().await;
    let plain = CounterServer::start();
    let text = format!(
        "oauth:\n  users:\n    grant: authorization_code\n    redirect_uri: https://gateway.example.com/callback\n\
         upstreams:\n  one: {{ url: '{}', transport: streamable_http, lifecycle: legacy, oauth: users }}\n  \
         two: {{ url: '{}', transport: streamable_http }}\n",
        protected.endpoint().url(),
        plain.url()
    );
    let config = FileConfig::parse(Format::Yaml, &text, &[], []).expect("a file");
    let settings = config.oauth().next().expect("settings");
    let source = configured(settings).expect("a source");
    let credentials = config
        .credentials()
        .with_source(settings.name(), source.clone());
    let pool = builder(PoolConfig::default()).credentials(credentials);
    let pool = pool.build().expect("a pool");
    let [one, two] = endpoints(&config).try_into().expect("two");
    let request = |endpoint| AcquireRequest::new(endpoint, Principal::user("alice"));
    let client = pool.client(request(one)).await.expect("a client");
    let error = call(&client, "count").await.expect_err("no token yet");
    let authorized = protected.authorize(&source, &needed(&error), "alice").await;
    authorized.expect("a token");
    assert_eq!(call(&client, "count").await.expect("an answer"), 1);
    // The other upstream gets nothing of it.
    let client = pool.client(request(two)).await.expect("a client");
    call(&client, "increment").await.expect("an answer");
    assert!(seen(&plain).is_empty());
    close(&pool).await;
}

#[tokio::test]
async fn oauth_settings_without_a_source_are_an_error_that_names_them() {
    let server = CounterServer::start();
    let text = format!(
        "oauth: {{ machine: {{ grant: client_credentials, clients: [{{ id: a }}] }} }}\n\
         upstreams: {{ one: {{ url: '{}', transport: streamable_http, oauth: machine }} }}\n",
        server.url()
    );
    let config = FileConfig::parse(Format::Yaml, &text, &[], []).expect("a file");
    let pool = pool(&config);
    let endpoint = endpoints(&config).remove(0);
    let request = AcquireRequest::new(endpoint, Principal::user("alice"));
    let error = match pool.client(request).await {
        Ok(client) => call(&client, "increment").await.expect_err("no source"),
        Err(error) => mcp_session_pool::error::CallError::Acquire(std::sync::Arc::new(error)),
    };
    let error = error.credential_error().expect("the source's error");
    assert!(error.to_string().contains("`machine`"), "{error}");
    assert!(server.seen().is_empty());
    close(&pool).await;
}
