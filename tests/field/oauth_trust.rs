//! What authorization servers and upstreams are trusted with.

use mcp_session_pool::{
    Principal,
    oauth::{Grant, OAuthCredentials, OAuthError, RegisteredClient, TokenExchange},
};
use serde_json::{Value, json};

use crate::{
    authorization_server::Protected,
    common::{call, close, headers},
    oauth_setup::{authorized, built, cause, client, credentials, needed, pool, request},
};

#[tokio::test]
async fn an_authorization_is_completed_once_by_the_principal_that_it_is_of() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = client(&pool, &protected, "alice").await;
    let error = call(&client, "count").await.expect_err("no token yet");
    let needed = needed(&error);
    let other = protected.consent(&needed, "mallory").await;
    let refused = credentials
        .complete(&Principal::user("mallory"), other)
        .await;
    assert_eq!(refused, Err(OAuthError::UnknownState));
    let authorized = protected.authorize(&credentials, &needed, "alice").await;
    authorized.expect("the authorization is Alice's still");
    let again = protected.authorize(&credentials, &needed, "alice").await;
    assert_eq!(again, Err(OAuthError::UnknownState));
    call(&client, "count").await.expect("a count");
    close(&pool).await;
}

#[tokio::test]
async fn metadata_that_cannot_be_trusted_leads_to_no_authorization() {
    let forged = "http://127.0.0.1:1";
    for (is_of_resource, change, expected) in [
        (
            true,
            json!({ "resource": "http://127.0.0.1:1/mcp" }),
            OAuthError::OtherResource,
        ),
        (
            true,
            json!({ "authorization_servers": ["http://10.0.0.1/"] }),
            OAuthError::NotSecure {
                host: "10.0.0.1".to_owned(),
            },
        ),
        (
            true,
            json!({ "authorization_servers": ["https://169.254.169.254/"] }),
            OAuthError::AddressNotAllowed {
                host: "169.254.169.254".to_owned(),
            },
        ),
        (false, json!({ "issuer": forged }), OAuthError::OtherIssuer),
        (
            false,
            json!({ "token_endpoint": "https://192.168.0.1/token" }),
            OAuthError::AddressNotAllowed {
                host: "192.168.0.1".to_owned(),
            },
        ),
        (
            false,
            json!({ "code_challenge_methods_supported": ["plain"] }),
            OAuthError::NoPkce,
        ),
        (
            false,
            json!({ "code_challenge_methods_supported": Value::Null }),
            OAuthError::NoPkce,
        ),
        (
            false,
            json!({ "registration_endpoint": Value::Null }),
            OAuthError::NoClient,
        ),
    ] {
        let protected = Protected::start().await;
        protected.server.behave(|behaviour| match is_of_resource {
            true => behaviour.resource_metadata = change.clone(),
            false => behaviour.metadata = change.clone(),
        });
        let credentials = credentials();
        let pool = pool(&credentials);
        let client = client(&pool, &protected, "alice").await;
        let error = call(&client, "count").await.expect_err("no token");
        assert_eq!(cause(&error), expected, "{change}");
        assert!(protected.server.seen().token_requests.is_empty());
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_response_of_another_issuer_gets_no_code_exchanged() {
    let protected = Protected::start().await;
    let server = &protected.server;
    server.behave(|behaviour| {
        let promise = json!({ "authorization_response_iss_parameter_supported": true });
        behaviour.metadata = promise;
    });
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = client(&pool, &protected, "alice").await;
    let error = call(&client, "count").await.expect_err("no token yet");
    let needed = needed(&error);
    for (issuer, expected) in [
        (
            Some("https://evil.example.com".to_owned()),
            OAuthError::OtherIssuer,
        ),
        (None, OAuthError::NoIssuer),
    ] {
        server.behave(|behaviour| behaviour.names_issuer = issuer);
        let refused = protected.authorize(&credentials, &needed, "alice").await;
        assert_eq!(refused, Err(expected));
    }
    assert!(server.seen().token_requests.is_empty());
    let own = Some(server.origin());
    server.behave(|behaviour| behaviour.names_issuer = own);
    let authorized = protected.authorize(&credentials, &needed, "alice").await;
    authorized.expect("the true response");
    call(&client, "count").await.expect("a count");
    close(&pool).await;
}

#[tokio::test]
async fn a_token_of_one_authorization_server_is_never_sent_to_the_next() {
    let (protected, next) = (Protected::start().await, Protected::start().await);
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    let moved = json!({ "authorization_servers": [next.server.origin()] });
    protected.server.behave(|it| it.resource_metadata = moved);
    protected.server.revoke_access();
    let error = call(&client, "count").await.expect_err("a new server");
    assert_eq!(needed(&error).issuer(), next.server.origin());
    assert!(next.server.seen().token_requests.is_empty());
    assert_eq!(next.server.seen().registrations, 1, "a client of its own");
    assert_eq!(protected.server.refreshes("alice"), 0);
    close(&pool).await;
}

#[tokio::test]
async fn the_token_of_a_caller_is_exchanged_and_never_reaches_the_upstream() {
    let protected = Protected::start().await;
    let client = RegisteredClient::new("gateway").with_secret("secret");
    let exchange = Grant::TokenExchange(TokenExchange::default());
    let credentials = built(OAuthCredentials::builder(exchange).client(client));
    let pool = pool(&credentials);
    let inbound = headers(&[
        ("authorization", "Bearer inbound-of-alice"),
        ("x-trace", "1"),
    ]);
    let request = request(&protected, "alice").with_headers(inbound);
    let client = pool.client(request).await.expect("a client");
    call(&client, "count").await.expect("the exchanged token");
    close(&pool).await;
    let requests = protected.server.seen().token_requests;
    assert_eq!(requests.len(), 1, "one exchange for all requests");
    assert_eq!(requests[0]["subject_token"], "inbound-of-alice");
    assert_eq!(
        requests[0]["client_secret"], "secret",
        "where the server takes it"
    );
    for seen in protected.resource.requests() {
        let token = seen.header("authorization").unwrap_or_default();
        assert!(!token.contains("inbound"), "{}", seen.name());
        assert_eq!(seen.header("x-trace").as_deref(), Some("1"));
    }
}
