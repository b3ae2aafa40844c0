//! Credentials of callers in the environments of their children.

use std::collections::BTreeSet;

use http::{HeaderName, header};
use mcp_pool_core::{
    AcquireRequest, Principal, Scope, SessionPool,
    error::{AcquireError, CallError, ExtractError, FaultKind, Outcome},
    extend::{Identity, IdentityExtractor},
};
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};
use serde_json::{Value, json};

use crate::common::{LONG, Marked, PROGRAM, call_of, header_map, request_of};

fn command() -> StdioCommand {
    StdioCommand::new(PROGRAM).arg("serve")
}

fn token() -> Value {
    json!({ "name": "API_TOKEN" })
}

#[tokio::test]
async fn twenty_users_have_a_child_each_with_their_own_credential() {
    let child = Marked::of(command().bearer_env("API_TOKEN"));
    let pool = child.pool();
    let users = (0..20).map(async |user: usize| {
        let authorization = format!("Bearer token-{user}");
        let request = request_of(&user.to_string(), &[("authorization", &authorization)]);
        let client = pool.client(request).await.unwrap();
        for call in 1..=10 {
            let answer = call_of(&client, "env", token()).await.unwrap();
            assert_eq!(answer, format!("token-{user}"));
            let count = call_of(&client, "increment", Value::Null).await.unwrap();
            assert_eq!(count, call.to_string());
        }
        call_of(&client, "pid", Value::Null).await.unwrap()
    });
    let children: BTreeSet<_> = futures::future::join_all(users).await.into_iter().collect();
    assert_eq!(children.len(), 20);
    assert_eq!(child.connector.stats().started, 20);
    pool.close(LONG).await;
    child.none_left().await;
}

#[tokio::test]
async fn a_child_has_the_variables_of_its_command_and_no_other() {
    let key = HeaderName::from_static("x-api-key");
    let command = command()
        .env("LEVEL", "warn")
        .env_from("PATH")
        .env_from("SURELY_NOT_SET")
        .credential_env(key, "API_KEY");
    let child = Marked::of(command);
    let pool = child.pool();
    let request = request_of(
        "alice",
        &[("x-api-key", "k"), ("authorization", "Bearer x")],
    );
    let client = pool.client(request).await.unwrap();
    let names = call_of(&client, "env_names", Value::Null).await.unwrap();
    let expected = match std::env::var_os("PATH") {
        Some(_) => "API_KEY,LEVEL,MARK,PATH",
        None => "API_KEY,LEVEL,MARK",
    };
    assert_eq!(names, expected);
    pool.close(LONG).await;
}

#[tokio::test]
async fn a_caller_without_the_credential_is_refused_before_a_child_is_started() {
    let child = Marked::of(command().bearer_env("API_TOKEN"));
    let pool = child.pool();
    for headers in [&[][..], &[("authorization", "Basic x")]] {
        let error = pool
            .acquire(&request_of("alice", headers))
            .await
            .unwrap_err();
        let AcquireError::Connect(error) = error else {
            panic!("{error:?}");
        };
        assert!(
            matches!(error.kind(), FaultKind::Credentials(_)),
            "{error:?}"
        );
    }
    assert_eq!(child.connector.stats().started, 0);
    let optional = command()
        .bearer_env("API_TOKEN")
        .with_optional_credentials();
    let child = Marked::of(optional);
    let pool = child.pool();
    let client = pool.client(request_of("alice", &[])).await.unwrap();
    assert_eq!(call_of(&client, "env", token()).await.unwrap(), "not set");
    pool.close(LONG).await;
}

/// One identity for all tokens, as an extractor of verified claims has.
struct OneUser;

#[async_trait::async_trait]
impl IdentityExtractor for OneUser {
    async fn extract(&self, _: &http::HeaderMap) -> Result<Option<Identity>, ExtractError> {
        Ok(Some(Identity::from_parts("test", ["alice"])))
    }
}

fn pool_of_one_user(child: &Marked) -> SessionPool {
    let builder = SessionPool::builder().connector(child.connector.clone());
    builder.extractor(OneUser).build().expect("a pool")
}

#[tokio::test]
async fn a_token_that_rotates_reaches_a_new_child() {
    let child = Marked::of(command().bearer_env("API_TOKEN"));
    let pool = pool_of_one_user(&child);
    for token_of_hour in ["Bearer one", "Bearer two", "Bearer three"] {
        let request = request_of("alice", &[("authorization", token_of_hour)]);
        let client = pool.client(request).await.unwrap();
        for _ in 0..3 {
            let answer = call_of(&client, "env", token()).await.unwrap();
            assert_eq!(format!("Bearer {answer}"), token_of_hour);
        }
    }
    assert_eq!(child.connector.stats().started, 3);
    pool.close(LONG).await;
    child.none_left().await;
}

#[tokio::test]
async fn a_conversation_whose_token_rotates_is_lost_with_its_child() {
    let child = Marked::of(command().bearer_env("API_TOKEN"));
    let pool = pool_of_one_user(&child);
    let client = async |token: &str| {
        let request = request_of("alice", &[("authorization", token)]);
        let request = request.with_scope(Scope::conversation("c"));
        pool.client(request).await.unwrap()
    };
    let (one, two) = (client("Bearer one").await, client("Bearer two").await);
    assert_eq!(call_of(&one, "increment", Value::Null).await.unwrap(), "1");
    let error = call_of(&two, "increment", Value::Null).await.unwrap_err();
    assert!(matches!(error, CallError::SessionLost), "{error:?}");
    assert_eq!(call_of(&two, "increment", Value::Null).await.unwrap(), "1");
    assert_eq!(call_of(&two, "env", token()).await.unwrap(), "two");
    pool.close(LONG).await;
}

#[tokio::test]
async fn a_command_may_keep_its_child_when_a_token_rotates() {
    let child = Marked::of(command().bearer_env("API_TOKEN").with_kept_child());
    let pool = pool_of_one_user(&child);
    for token_of_hour in ["Bearer one", "Bearer two"] {
        let request = request_of("alice", &[("authorization", token_of_hour)]);
        let client = pool.client(request).await.unwrap();
        assert_eq!(call_of(&client, "env", token()).await.unwrap(), "one");
    }
    assert_eq!(child.connector.stats().started, 1);
    pool.close(LONG).await;
}

/// A header that is no part of the identity does not separate keys. The child does.
#[tokio::test]
async fn callers_with_different_credentials_never_share_a_child_whatever_their_key() {
    let header = HeaderName::from_static("x-own-secret");
    let child = Marked::of(command().credential_env(header, "API_TOKEN"));
    let pool = child.pool();
    let client = async |secret: &str| {
        let endpoint = StdioConnector::endpoint("child").unwrap();
        let request = AcquireRequest::new(endpoint, Principal::anonymous());
        let request = request.with_headers(header_map(&[("x-own-secret", secret)]));
        pool.client(request).await
    };
    let (one, two) = (client("one").await.unwrap(), client("two").await.unwrap());
    assert_eq!(one.key(), two.key(), "the key does not know them apart");
    let mut answered = 0;
    for _ in 0..10 {
        for (client, secret) in [(&one, "one"), (&two, "two")] {
            match call_of(client, "env", token()).await {
                Ok(answer) => {
                    assert_eq!(answer, secret);
                    answered += 1;
                }
                Err(error) => {
                    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error:?}");
                }
            }
        }
    }
    assert!(answered > 0, "they take turns");
    pool.close(LONG).await;
}

#[tokio::test]
async fn a_credential_that_ends_its_child_stops_no_other_caller() {
    let script = "test \"$API_TOKEN\" = good || exit 4; exec \"$0\" serve";
    let shell = StdioCommand::new("/bin/sh")
        .args(["-c", script])
        .arg(PROGRAM);
    let child = Marked::of(shell.credential_env(header::AUTHORIZATION, "API_TOKEN"));
    let pool = child.pool();
    let request = |user: &str, token: &str| request_of(user, &[("authorization", token)]);
    for _ in 0..2 {
        let error = pool.acquire(&request("mallory", "bad")).await.unwrap_err();
        assert!(format!("{error:?}").contains("Ended"), "{error:?}");
    }
    let good = pool.client(request("alice", "good")).await.unwrap();
    assert_eq!(call_of(&good, "increment", Value::Null).await.unwrap(), "1");
    pool.close(LONG).await;
}
