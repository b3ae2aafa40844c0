//! Tokens, codes, verifiers and keys of authorization servers are shown nowhere.

use std::collections::HashSet;

use async_trait::async_trait;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use mcp_session_pool::{
    AcquireRequest, PooledClient, Principal, SessionPool, StreamableHttpConnector,
    extend::{CredentialRefusal, HttpTarget, RequestKind, RequestTarget},
    oauth::{
        AuthorizationNeeded, AuthorizationResponse, ClientAuthentication, CredentialStore, DpopKey,
        EnterpriseManaged, ErrorCode, FileStore, Grant, InboundToken, MemoryStore,
        OAuthCredentials, OAuthError, Record, RecordName, RegisteredClient, Secret,
        SigningAlgorithm, SigningKey, Step, StoreError, SubjectRequest, SubjectSource,
        TokenExchange, TokenType,
    },
};
use serde_json::json;

use crate::{
    authorization_server::Protected,
    common::{call, close, headers},
    shown::{ShowingConnector, Shown},
};

/// Shows a user's authorization from its beginning to the end of its tokens, and returns the secrets that
/// were in it.
pub(crate) async fn show(shown: &Shown) -> HashSet<String> {
    show_the_rest(shown);
    let protected = Protected::start().await;
    let store = ShowingStore(MemoryStore::default(), shown.clone());
    let grant = Grant::authorization_code("https://g.com/?pl4nted-query".parse().expect("a url"));
    let settings = OAuthCredentials::builder(grant.clone()).store(store);
    shown.show(&grant);
    shown.show(&settings);
    let credentials = settings.build().expect("a source");
    let pool = pool(&credentials, shown);
    let request = AcquireRequest::new(protected.endpoint(), Principal::user("pl4nted-principal"));
    let client = pool.client(request).await.expect("a client");
    let mut secrets = authorized(&protected, &credentials, &client, shown).await;
    let server = &protected.server;
    server.revoke_access();
    call(&client, "count").await.expect("a renewed token");
    server.behave(|behaviour| behaviour.refuses_with = Some(500));
    server.revoke_access();
    shown.fail(&call(&client, "count").await.expect_err("no token now"));
    server.behave(|behaviour| behaviour.refuses_with = None);
    server.revoke_all();
    shown.fail(&call(&client, "count").await.expect_err("it was revoked"));
    server.behave(|it| it.resource_metadata = json!({ "resource": "https://pl4nted-query.com" }));
    shown.fail(&call(&client, "count").await.expect_err("another resource"));
    shown.show(&credentials);
    close(&pool).await;
    refused_exchange(&protected, shown).await;
    let seen = server.seen().secrets;
    assert!(seen.len() > 8, "codes, verifiers, states and tokens");
    secrets.extend(seen);
    secrets
}

fn pool(credentials: &OAuthCredentials, shown: &Shown) -> SessionPool {
    let connector = StreamableHttpConnector::new().expect("a client");
    let builder = SessionPool::builder()
        .connector(ShowingConnector(connector, shown.clone()))
        .credentials(credentials.clone())
        .observer(shown.clone());
    builder.build().expect("a pool")
}

async fn authorized(
    protected: &Protected,
    credentials: &OAuthCredentials,
    client: &PooledClient,
    shown: &Shown,
) -> HashSet<String> {
    let error = call(client, "count").await.expect_err("no token yet");
    shown.fail(&error);
    let error = error.credential_error().expect("the source's own error");
    shown.fail(error);
    let needed = error.cause::<AuthorizationNeeded>().expect("an address");
    shown.fail(needed);
    let user = "pl4nted-principal";
    let response = protected.consent(needed, user).await;
    shown.show::<AuthorizationResponse>(&response);
    let other = credentials
        .complete(&Principal::user("other"), response)
        .await;
    shown.fail(&other.expect_err("it is not of the other"));
    let authorized = protected.authorize(credentials, needed, user).await;
    authorized.expect("a token");
    call(client, "count").await.expect("a count");
    // The state and the challenge of the address belong to one user.
    let query = needed.url().query_pairs();
    let own = query.filter(|(name, _)| name == "state" || name == "code_challenge");
    own.map(|(_, value)| value.into_owned()).collect()
}

/// Types that need no server.
fn show_the_rest(shown: &Shown) {
    let url = "https://h/?pl4nted-query".parse().expect("a url");
    shown.show(&HttpTarget::new(&Method::POST, &url));
    shown.show(&RequestTarget::http(&Method::POST, &url));
    shown.show(&RequestKind::Call);
    let challenge = headers(&[("www-authenticate", "Bearer scope=\"pl4nted-challenge\"")]);
    let refusal = CredentialRefusal::of_response(StatusCode::UNAUTHORIZED, &challenge);
    shown.show::<CredentialRefusal>(&refusal.expect("a refusal"));
    let secret = Secret::from("pl4nted-token");
    let client = RegisteredClient::new("pl4nted-key").with_secret("pl4nted-token");
    shown.show(&secret);
    shown.show(&client);
    shown.show(&ClientAuthentication::SecretPost(secret));
    shown.show(&DpopKey::generate().expect("a key"));
    let no_key = SigningKey::from_pem(SigningAlgorithm::Es256, b"pl4nted-key");
    shown.fail::<OAuthError>(&no_key.expect_err("no key"));
    let key = SigningKey::from_pem(SigningAlgorithm::Es256, pem().as_bytes());
    shown.show(&key.expect("a key"));
    shown.show(&SigningAlgorithm::EdDsa);
    let exchange = TokenExchange::default().for_audience("pl4nted-query");
    shown.show(&exchange);
    shown.show(&EnterpriseManaged::new("i", url, client, InboundToken));
    shown.show(&InboundToken);
    shown.show(&TokenType::IdToken);
    shown.show(&Step::Token);
    shown.fail(&StoreError::new("no reason holds a record"));
    shown.show(&Record::from_bytes(*b"pl4nted-token"));
    shown.show(&MemoryStore::default());
    let name = format!("mcp-pool-secrets-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    shown.show(&FileStore::new(folder.clone(), [7; 32]).expect("a folder"));
    std::fs::remove_dir_all(folder).expect("it is there");
}

/// Shows an exchange of a caller's token that the server refuses.
async fn refused_exchange(protected: &Protected, shown: &Shown) {
    protected
        .server
        .behave(|it| it.resource_metadata = json!({}));
    let subject = ShowingSubject(shown.clone());
    let exchange = TokenExchange::new(subject, TokenType::AccessToken);
    let client = RegisteredClient::new("gateway").with_secret("pl4nted-key");
    let client = client.of_any_issuer();
    let credentials = OAuthCredentials::builder(Grant::TokenExchange(exchange)).client(client);
    let credentials = credentials.build().expect("a source");
    let pool = pool(&credentials, shown);
    let inbound = headers(&[("authorization", "Bearer pl4nted-token")]);
    let request = AcquireRequest::new(protected.endpoint(), Principal::user("pl4nted-principal"));
    let client = pool.client(request.with_headers(inbound)).await;
    let client = client.expect("a client");
    let refuses = |code: Option<&'static str>| {
        protected.server.behave(|it| it.refuses_code = code);
    };
    refuses(Some("invalid_target"));
    let error = call(&client, "count").await.expect_err("it is refused");
    shown.fail(&error);
    let cause = error.credential_error().and_then(|it| it.cause());
    let Some(OAuthError::Refused { code, .. }) = cause else {
        panic!("{error:?}");
    };
    shown.show::<ErrorCode>(code);
    refuses(None);
    call(&client, "count").await.expect("an exchanged token");
    close(&pool).await;
}

/// The caller's own token, whose request is shown.
struct ShowingSubject(Shown);

#[async_trait]
impl SubjectSource for ShowingSubject {
    async fn subject(&self, request: &SubjectRequest<'_>) -> Result<Secret, OAuthError> {
        self.0.show(request);
        InboundToken.subject(request).await
    }
}

/// A store whose names are shown.
struct ShowingStore(MemoryStore, Shown);

#[async_trait]
impl CredentialStore for ShowingStore {
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        self.1.show(name);
        self.0.load(name).await
    }

    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError> {
        self.1.show(record);
        self.0.save(name, record).await
    }

    async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        self.0.remove(name).await
    }
}

/// A new private key.
fn pem() -> String {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let text = STANDARD.encode(key.expect("a key").as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
