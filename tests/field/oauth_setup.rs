//! Clients of users with tokens.

use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, Principal, SessionPool,
    error::CallError,
    oauth::{AuthorizationNeeded, Grant, OAuthBuilder, OAuthCredentials, OAuthError},
};

use crate::{authorization_server::Protected, common::call, over::builder};

pub(crate) fn grant() -> Grant {
    let redirect_uri = "https://gateway.example.com/callback";
    Grant::authorization_code(redirect_uri.parse().expect("a url"))
}

pub(crate) fn built(builder: OAuthBuilder) -> OAuthCredentials {
    builder.build().expect("a source")
}

pub(crate) fn credentials() -> OAuthCredentials {
    built(OAuthCredentials::builder(grant()))
}

pub(crate) fn pool(credentials: &OAuthCredentials) -> SessionPool {
    let builder = builder(PoolConfig::default()).credentials(credentials.clone());
    builder.build().expect("a pool")
}

pub(crate) fn request(protected: &Protected, user: &str) -> AcquireRequest {
    AcquireRequest::new(protected.endpoint(), Principal::user(user.to_owned()))
}

pub(crate) async fn client(pool: &SessionPool, protected: &Protected, user: &str) -> PooledClient {
    let client = pool.client(request(protected, user)).await;
    client.expect("a client")
}

/// What a user has to do, from the error of a call.
pub(crate) fn needed(error: &CallError) -> AuthorizationNeeded {
    let error = error.credential_error().expect("the source's own error");
    let needed = error.cause::<AuthorizationNeeded>();
    needed.expect("the user has to authorize").clone()
}

pub(crate) fn cause(error: &CallError) -> OAuthError {
    let error = error.credential_error().expect("the source's own error");
    error.cause::<OAuthError>().expect("the cause").clone()
}

/// A client of a user who has authorized.
pub(crate) async fn authorized(
    pool: &SessionPool,
    protected: &Protected,
    credentials: &OAuthCredentials,
    user: &str,
) -> PooledClient {
    let client = client(pool, protected, user).await;
    let error = call(&client, "count").await.expect_err("no token yet");
    let authorized = protected
        .authorize(credentials, &needed(&error), user)
        .await;
    authorized.expect("a token");
    call(&client, "count").await.expect("a count");
    client
}
