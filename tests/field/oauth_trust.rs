//! What authorization servers and upstreams are trusted with.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_session_pool::{
    Principal,
    oauth::{
        BuildError, DpopKey, Grant, OAuthCredentials, OAuthError, RegisteredClient, TokenExchange,
    },
};
use serde_json::{Value, json};

use crate::{
    authorization_server::Protected,
    common::{call, close, headers},
    oauth_setup::{authorized, built, cause, client, credentials, grant, needed, pool, request},
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
    let issuer = protected.server.origin();
    let client = RegisteredClient::new("gateway")
        .with_secret("secret")
        .of_issuer(issuer);
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

#[tokio::test]
async fn a_secret_and_a_callers_token_reach_no_server_that_an_upstream_names_by_itself() {
    let exchange = || Grant::TokenExchange(TokenExchange::default());
    let public = || RegisteredClient::new("gateway");
    let unsettled = [
        (Grant::ClientCredentials, public().with_secret("secret")),
        (exchange(), public()),
    ];
    for (grant, client) in unsettled {
        let built = OAuthCredentials::builder(grant).client(client).build();
        let error = built.expect_err("it could be any server");
        assert!(
            matches!(error, BuildError::ClientWithoutIssuer),
            "{error:?}"
        );
    }
    let settled = [
        (Grant::ClientCredentials, public()),
        (exchange(), public().of_any_issuer()),
    ];
    for (grant, client) in settled {
        let built = OAuthCredentials::builder(grant).client(client).build();
        built.expect("it is settled");
    }
    let protected = Protected::start().await;
    let client = public()
        .with_secret("secret")
        .of_issuer("https://login.example.com");
    let credentials = built(OAuthCredentials::builder(exchange()).client(client));
    let pool = pool(&credentials);
    let inbound = headers(&[("authorization", "Bearer inbound-of-alice")]);
    let request = request(&protected, "alice").with_headers(inbound);
    let client = pool.client(request).await.expect("a client");
    call(&client, "count").await.expect_err("another issuer");
    assert!(protected.server.seen().token_requests.is_empty());
    close(&pool).await;
}

#[tokio::test]
async fn an_upstream_that_refuses_every_token_gets_a_bounded_number_of_them() {
    let protected = Protected::start().await;
    let server = &protected.server;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    server.behave(|behaviour| behaviour.refuses_everything = true);
    for _ in 0..30 {
        let error = call(&client, "count").await.expect_err("it is refused");
        assert!(error.challenge().is_some(), "{error:?}");
    }
    let refreshes = server.refreshes("alice");
    assert!((1..=20).contains(&refreshes), "{refreshes}");
    server.behave(|behaviour| behaviour.refuses_everything = false);
    call(&client, "count").await.expect("the last token holds");
    close(&pool).await;
}

#[tokio::test]
async fn a_user_who_does_not_authorize_costs_one_discovery() {
    let protected = Protected::start().await;
    let credentials = credentials();
    let pool = pool(&credentials);
    let client = client(&pool, &protected, "alice").await;
    for _ in 0..10 {
        needed(&call(&client, "count").await.expect_err("no token yet"));
    }
    let seen = protected.server.seen();
    assert_eq!((seen.documents, seen.registrations), (2, 1));
    close(&pool).await;
}

#[tokio::test]
async fn each_request_has_a_proof_of_its_own_where_tokens_are_bound_to_a_key() {
    let protected = Protected::start().await;
    protected.server.behave(|it| {
        it.metadata = json!({ "dpop_signing_alg_values_supported": ["ES256"] });
        it.token_type = "DPoP";
    });
    let key = DpopKey::generate().expect("a key");
    let credentials = built(OAuthCredentials::builder(grant()).dpop(key));
    let pool = pool(&credentials);
    let client = authorized(&pool, &protected, &credentials, "alice").await;
    for _ in 0..3 {
        call(&client, "count").await.expect("a count");
    }
    close(&pool).await;
    let mut proofs = HashSet::new();
    let requests = protected.resource.requests();
    let bound = requests.iter().filter_map(|request| {
        let token = request.header("authorization")?;
        Some((token, request))
    });
    for (token, request) in bound {
        assert!(token.starts_with("DPoP "), "{}", request.name());
        let proof = request.header("dpop").expect("a proof");
        let claims = proof.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("claims");
        assert_eq!(claims["htm"], request.method.as_str());
        assert_eq!(claims["htu"], protected.endpoint().url().as_str());
        assert!(proofs.insert(proof), "a proof is used once");
    }
    assert!(proofs.len() >= 6, "{}", proofs.len());
    let proofs = protected.server.seen().proofs;
    assert_eq!(proofs, 1, "the token request has one");
}
