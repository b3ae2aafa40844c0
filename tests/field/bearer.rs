//! Requests without a valid token are challenged, and a session id is no authentication.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use mcp_session_pool::{
    Principal,
    jwt::{JwtIdentity, JwtKeys, JwtRefusal},
    proxy::{
        Caller,
        auth::{BearerAuth, BearerAuthService, ProtectedResource},
    },
};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::tokens::{AUDIENCE, ISSUER, claims, hs256, in_secs};

const SECRET: [u8; 32] = [7; 32];
const METADATA: &str = "https://gateway.example/.well-known/oauth-protected-resource/mcp";

fn auth(keys: JwtKeys, scopes: &[&str]) -> BearerAuth {
    let jwt = JwtIdentity::builder(keys).issuer(ISSUER).audience(AUDIENCE);
    let url = "https://gateway.example/mcp?key=sekret".parse();
    let resource = ProtectedResource::new(url.expect("a url"));
    let add = |resource: ProtectedResource, scope: &&str| resource.scope(*scope);
    let resource = scopes.iter().fold(resource, add);
    BearerAuth::new(jwt.build().expect("an extractor"), resource)
}

fn given(scopes: &[&str]) -> BearerAuth {
    auth(JwtKeys::secret(SECRET).expect("a key"), scopes)
}

fn token(changes: Value) -> String {
    hs256(
        &SECRET,
        &json!({ "alg": "HS256" }),
        &claims("alice", changes),
    )
}

/// A handler that opens the session `s-1` and returns the user that it serves.
async fn handler(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let caller = request.extensions().get::<Caller>().expect("a caller");
    let user = caller.principal().user_id().unwrap_or_default().to_owned();
    let response = Response::builder().header("mcp-session-id", "s-1");
    Ok(response.body(Body::from(user)).expect("a response"))
}

fn request(authorization: &[&str], session: Option<&str>) -> Request<Body> {
    let mut request = Request::post("https://gateway.example/mcp");
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    if let Some(session) = session {
        request = request.header("mcp-session-id", session);
    }
    request.body(Body::empty()).expect("a request")
}

/// The status and the challenge of an answer.
async fn answer<S>(service: &BearerAuthService<S>, request: Request<Body>) -> (u16, String)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let response = service.clone().oneshot(request).await.expect("an answer");
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map(|value| value.to_str().expect("a text").to_owned());
    (response.status().as_u16(), challenge.unwrap_or_default())
}

#[tokio::test]
async fn a_request_without_a_valid_token_gets_the_challenge_that_helps_its_client() {
    let service = given(&["tools"]).layer(service_fn(handler));
    let bearer = |changes| format!("Bearer {}", token(changes));
    let scope = "scope=\"tools\"";
    let base = format!("Bearer resource_metadata=\"{METADATA}\"");
    let invalid = format!("{base}, error=\"invalid_token\", {scope}");
    let expired = bearer(json!({ "scope": "tools", "exp": in_secs(-300) }));
    let forged = format!("{}x", bearer(json!({ "scope": "tools" })));
    for (authorization, status, challenge) in [
        (vec![], 401, format!("{base}, {scope}")),
        (vec!["Basic abc"], 401, format!("{base}, {scope}")),
        (vec!["Bearer opaque"], 401, invalid.clone()),
        (vec![expired.as_str()], 401, invalid.clone()),
        (vec![forged.as_str()], 401, invalid),
        (vec!["Bearer a", "Bearer b"], 400, String::new()),
        (
            vec![bearer(json!({ "scope": "other" })).as_str()],
            403,
            format!("{base}, error=\"insufficient_scope\", {scope}"),
        ),
    ] {
        let answered = answer(&service, request(&authorization, None)).await;
        assert_eq!(answered, (status, challenge), "{authorization:?}");
    }
}

#[tokio::test]
async fn a_valid_token_names_the_user_for_the_handler() {
    let service = given(&["tools"]).layer(service_fn(handler));
    for scopes in [
        json!({ "scope": "other tools" }),
        json!({ "scp": ["tools"] }),
        json!({ "scp": "tools" }),
    ] {
        let bearer = format!("bearer {}", token(scopes));
        let served = service.clone().oneshot(request(&[&bearer], None)).await;
        let body = axum::body::to_bytes(served.expect("an answer").into_body(), 100).await;
        assert_eq!(body.expect("a body"), "alice");
    }
}

#[tokio::test]
async fn a_session_serves_no_other_user_whoever_knows_its_id() {
    let service = given(&[]).layer(service_fn(handler));
    let alice = format!("Bearer {}", token(json!({})));
    let rotated = format!("Bearer {}", token(json!({ "jti": 2 })));
    let bob = format!("Bearer {}", token(json!({ "sub": "bob" })));
    let elsewhere = format!("Bearer {}", token(json!({ "tenant_id": "other" })));
    assert_eq!(answer(&service, request(&[&alice], None)).await.0, 200);
    for (bearer, session, status) in [
        (&alice, "s-1", 200),
        (&rotated, "s-1", 200),
        (&bob, "s-1", 404),
        (&elsewhere, "s-1", 404),
        (&alice, "s-2", 404),
    ] {
        let answered = answer(&service, request(&[bearer], Some(session))).await;
        assert_eq!(answered.0, status);
    }
}

#[tokio::test]
async fn a_principal_of_the_gateways_own_making_may_refuse_a_token() {
    let auth = given(&[]).principal_by(|claims| claims.text("email").map(Principal::user));
    let service = auth.layer(service_fn(handler));
    let named = format!("Bearer {}", token(json!({ "email": "a@example.com" })));
    let unnamed = format!("Bearer {}", token(json!({})));
    assert_eq!(answer(&service, request(&[&named], None)).await.0, 200);
    assert_eq!(answer(&service, request(&[&unnamed], None)).await.0, 401);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_not_the_users_fault() {
    let keys = JwtKeys::url("http://127.0.0.1:1/jwks.json").expect("a url");
    let service = auth(keys, &[]).layer(service_fn(handler));
    let header = json!({ "alg": "RS256", "kid": "first" });
    let bearer = format!(
        "Bearer {}",
        hs256(&SECRET, &header, &claims("alice", json!({})))
    );
    let response = service
        .oneshot(request(&[&bearer], None))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
}

#[tokio::test]
async fn verified_claims_come_with_the_identity_and_are_not_decoded_twice() {
    let jwt = JwtIdentity::builder(JwtKeys::secret(SECRET).expect("a key"))
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()
        .expect("an extractor");
    let text = token(json!({ "email": "a@example.com", "groups": ["x"] }));
    for _ in 0..2 {
        let verified = jwt.verify(&text).await.expect("valid").expect("a token");
        assert_eq!(verified.claims().text("email"), Some("a@example.com"));
        assert_eq!(verified.claims().get("groups"), Some(&json!(["x"])));
        assert_eq!(verified.claims().text("absent"), None);
        let identity = jwt
            .identify(&text)
            .await
            .expect("valid")
            .expect("an identity");
        assert_eq!(verified.identity(), &identity);
    }
    let forged = jwt.verify(&format!("{text}x")).await;
    assert_eq!(forged.expect_err("forged"), JwtRefusal::WrongSignature);
}
