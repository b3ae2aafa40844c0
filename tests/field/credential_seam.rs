//! What a credential source sees of a request and of its refusal, and how often a request is repeated.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    error::{CredentialError, FaultKind, Outcome},
    extend::{CredentialRequest, CredentialSource, RequestKind},
};

use crate::{
    common::{call, close, headers},
    fronts::{adding, behind, passing},
    over::{Over, builder},
};

/// What a source saw of one request.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    principal: Option<String>,
    kind: RequestKind,
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    metadata: Option<String>,
    scopes: Vec<String>,
    nonce: Option<String>,
}

impl Seen {
    fn of(request: &CredentialRequest<'_>) -> Self {
        let challenge = request.refusal.map(|refusal| &refusal.challenge);
        let metadata = challenge.and_then(|it| it.parameter("resource_metadata"));
        let scopes = challenge.map(|it| it.scopes().map(str::to_owned).collect());
        let text = |nonce: &http::HeaderValue| nonce.to_str().expect("a text").to_owned();
        Self {
            principal: request.principal().user_id().map(str::to_owned),
            kind: request.kind,
            method: request.http.map(|http| http.method.to_string()),
            path: request.http.map(|http| http.url.path().to_owned()),
            status: request.refusal.map(|refusal| refusal.status.as_u16()),
            metadata: metadata.map(str::to_owned),
            scopes: scopes.unwrap_or_default(),
            nonce: request.nonce.map(text),
        }
    }
}

/// A source with a token for each refusal: `Bearer 0`, `Bearer 1` and so on.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<(usize, Vec<Seen>)>>);

#[async_trait]
impl CredentialSource for Counting {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let mut state = self.0.lock().expect("no panic");
        state.1.push(Seen::of(request));
        state.0 += usize::from(request.refusal.is_some());
        let token = format!("Bearer {}", state.0);
        Ok(Arc::new(headers(&[("authorization", &token)])))
    }
}

impl Counting {
    fn seen(&self) -> Vec<Seen> {
        self.0.lock().expect("no panic").1.clone()
    }
}

fn pool(source: impl CredentialSource + 'static) -> SessionPool {
    let builder = builder(PoolConfig::default()).credentials(source);
    builder.build().expect("a pool")
}

async fn alice(pool: &SessionPool, over: Over, server: &ScriptedServer) -> PooledClient {
    let client = pool.client(over.request(server, "alice")).await;
    client.expect("a client")
}

fn refuse(status: StatusCode, challenge: &str) -> Front {
    Front::Respond(status, headers(&[("www-authenticate", challenge)]))
}

fn is_call(request: &HttpRequest) -> bool {
    request.name() == "tools/call"
}

/// The tokens of the calls that came.
fn tokens(server: &ScriptedServer) -> Vec<String> {
    let calls = server.requests().into_iter().filter(is_call);
    calls.filter_map(|it| it.header("authorization")).collect()
}

#[tokio::test]
async fn a_source_sees_the_request_and_the_challenge_that_refused_it() {
    const DEMAND: &str = r#"Bearer resource_metadata="https://e.com/meta", scope="read write", error="invalid_token""#;
    for over in Over::ALL {
        let server = behind(|request| match request.header("authorization") {
            Some(token) if is_call(request) && token == "Bearer 0" => {
                refuse(StatusCode::UNAUTHORIZED, DEMAND)
            }
            _ => passing(),
        });
        let source = Counting::default();
        let pool = pool(source.clone());
        let client = alice(&pool, over, &server).await;
        call(&client, "count").await.expect("the renewed token");
        assert_eq!(tokens(&server), ["Bearer 0", "Bearer 1"], "{over:?}");
        let seen = source.seen();
        let call = seen.iter().find(|seen| seen.kind == RequestKind::Call);
        let call = call.expect("a call").clone();
        assert_eq!(call.principal.as_deref(), Some("alice"), "{over:?}");
        assert_eq!(call.method.as_deref(), Some("POST"));
        assert!(call.path.is_some() && call.status.is_none());
        let refused = seen.iter().find(|seen| seen.status.is_some());
        let expected = Seen {
            status: Some(401),
            metadata: Some("https://e.com/meta".to_owned()),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            ..call
        };
        assert_eq!(refused, Some(&expected), "{over:?}");
        if over != Over::StatelessHttp {
            assert!(seen.iter().any(|seen| seen.kind == RequestKind::Session));
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_request_that_lacks_a_scope_is_repeated_twice_at_most() {
    const LACKS: &str = r#"Bearer error="insufficient_scope", scope="files:write""#;
    for over in Over::ALL {
        for (needed, expected) in [("Bearer 2", Ok(3)), ("never", Err(3))] {
            let server = behind(move |request| match request.header("authorization") {
                Some(token) if is_call(request) && token != needed => {
                    refuse(StatusCode::FORBIDDEN, LACKS)
                }
                _ => passing(),
            });
            let pool = pool(Counting::default());
            let client = alice(&pool, over, &server).await;
            let called = call(&client, "count").await;
            let sent = tokens(&server).len();
            match (called, expected) {
                (Ok(_), Ok(count)) => assert_eq!(sent, count, "{over:?}"),
                (Err(error), Err(count)) => {
                    assert_eq!(sent, count, "{over:?}");
                    assert!(error.challenge().expect("one").is_insufficient_scope());
                    assert_eq!(error.outcome(), Outcome::NotExecuted);
                }
                (called, _) => panic!("{over:?} {needed}: {called:?}"),
            }
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_refusal_without_a_challenge_of_scope_is_not_repeated() {
    for challenge in ["Bearer", r#"Bearer error="access_denied""#] {
        let server = behind(move |request| match is_call(request) {
            true => refuse(StatusCode::FORBIDDEN, challenge),
            false => passing(),
        });
        let pool = pool(Counting::default());
        let client = alice(&pool, Over::LegacyHttp, &server).await;
        call(&client, "count").await.expect_err("it is forbidden");
        assert_eq!(tokens(&server), ["Bearer 0"]);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_source_sees_the_last_nonce_of_a_refusal_as_of_an_answer() {
    const WANTS: &str = r#"DPoP error="use_dpop_nonce""#;
    // Over HTTP+SSE the answer may come before the response of its POST, and so before the nonce.
    for over in [Over::LegacyHttp, Over::StatelessHttp] {
        let server = behind(|request| match request.header("authorization") {
            Some(token) if is_call(request) && token == "Bearer 0" => Front::Respond(
                StatusCode::UNAUTHORIZED,
                headers(&[("www-authenticate", WANTS), ("dpop-nonce", "first")]),
            ),
            _ if is_call(request) => adding(&[("dpop-nonce", "second")]),
            _ => passing(),
        });
        let source = Counting::default();
        let pool = pool(source.clone());
        let client = alice(&pool, over, &server).await;
        for _ in 0..2 {
            call(&client, "count").await.expect("a count");
        }
        let seen = source.seen();
        let calls = seen.iter().filter(|seen| seen.kind == RequestKind::Call);
        let nonces: Vec<_> = calls.map(|seen| seen.nonce.as_deref()).collect();
        assert_eq!(nonces, [None, Some("first"), Some("second")], "{over:?}");
        close(&pool).await;
    }
}

/// What a caller can act on.
#[derive(Debug)]
struct Locked(u32);

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the vault is locked")
    }
}

impl std::error::Error for Locked {}

/// A source that fails with a typed reason once a request was refused.
struct Vault;

#[async_trait]
impl CredentialSource for Vault {
    async fn headers(
        &self,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        match request.refusal {
            Some(_) => Err(CredentialError::of(Locked(7))),
            None => Ok(Arc::clone(request.caller)),
        }
    }
}

#[tokio::test]
async fn the_typed_reason_of_a_source_reaches_the_caller_of_a_call_as_of_a_connect() {
    for over in Over::ALL {
        for at_connect in [true, false] {
            let server = behind(move |request| match is_call(request) || at_connect {
                true => refuse(StatusCode::UNAUTHORIZED, "Bearer"),
                false => passing(),
            });
            let pool = pool(Vault);
            let client = alice(&pool, over, &server).await;
            let error = call(&client, "count").await.expect_err("it is locked");
            let reason = error.credential_error().expect("the reason of the source");
            assert_eq!(reason.cause::<Locked>().map(|it| it.0), Some(7), "{over:?}");
            assert!(reason.cause::<fmt::Error>().is_none());
            assert_eq!(reason.to_string(), "credentials: the vault is locked");
            assert_eq!(error.outcome(), Outcome::NotExecuted);
            if let Some(failure) = error.failure() {
                assert!(matches!(failure.kind(), FaultKind::Credentials(_)));
            }
            close(&pool).await;
        }
    }
}
