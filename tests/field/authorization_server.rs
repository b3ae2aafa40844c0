//! A small authorization server, and the resource behind it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use mcp_pool_testkit::{Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    Endpoint, Principal,
    config::Lifecycle,
    oauth::{
        AuthorizationNeeded, AuthorizationResponse, OAuthCredentials, OAuthError, reqwest,
        url::{Url, form_urlencoded},
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

use crate::common::headers;

/// An authorization server, with a resource that takes its tokens.
pub(crate) struct Protected {
    pub(crate) server: Arc<AuthorizationServer>,
    pub(crate) resource: ScriptedServer,
}

/// The authorization server.
#[derive(Default)]
pub(crate) struct AuthorizationServer {
    origin: OnceLock<String>,
    resource: OnceLock<String>,
    state: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    behaviour: Behaviour,
    count: usize,
    codes: HashMap<String, Form>,
    /// The access tokens that hold, with their users and scopes.
    access: HashMap<String, Held>,
    /// The refresh tokens that hold, with their users and scopes.
    refresh: HashMap<String, Held>,
    seen: Seen,
}

#[derive(Clone)]
struct Held {
    user: String,
    scope: String,
}

/// How the server behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    /// Seconds that it gives tokens by its word; it takes them until they are revoked.
    pub(crate) expires_in: u64,
    /// How long a token request takes.
    pub(crate) delay: Duration,
    /// The status of token requests that it refuses.
    pub(crate) refuses_with: Option<u16>,
    /// Whether the resource refuses every token.
    pub(crate) refuses_everything: bool,
    /// The type of its tokens.
    pub(crate) token_type: &'static str,
    /// The error code of token requests that it refuses.
    pub(crate) refuses_code: Option<&'static str>,
    /// Members that its metadata has in place of its own.
    pub(crate) metadata: Value,
    /// Members that the metadata of the resource has in place of its own.
    pub(crate) resource_metadata: Value,
    /// The issuer in its responses, where it is in them.
    pub(crate) names_issuer: Option<String>,
    /// The scope that calls of tools need.
    pub(crate) needs_scope: Option<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            expires_in: 3600,
            delay: Duration::ZERO,
            refuses_with: None,
            refuses_everything: false,
            token_type: "Bearer",
            refuses_code: None,
            metadata: json!({}),
            resource_metadata: json!({}),
            names_issuer: None,
            needs_scope: None,
        }
    }
}

/// What the server has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) registrations: usize,
    pub(crate) token_requests: Vec<Form>,
    /// Proofs of possession in token requests.
    pub(crate) proofs: usize,
    /// Documents with metadata that were given.
    pub(crate) documents: usize,
    /// Refreshes by user.
    pub(crate) refreshes: HashMap<String, usize>,
    running: HashSet<String>,
    /// Users with two refreshes at the same time.
    pub(crate) concurrent: HashSet<String>,
    /// Refresh tokens that were used after they had been replaced.
    pub(crate) reused: usize,
    /// Every secret that was given or received.
    pub(crate) secrets: HashSet<String>,
}

type Form = HashMap<String, String>;
type Shared = State<Arc<AuthorizationServer>>;

impl Protected {
    /// Starts both.
    pub(crate) async fn start() -> Self {
        let server = Arc::new(AuthorizationServer::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let _ = server.origin.set(format!("http://{address}"));
        let app = Router::new()
            .route("/resource", get(resource_metadata))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let front = Arc::clone(&server);
        let admit = move |request: &HttpRequest| front.admit(request);
        let resource = ScriptedServer::start_behind(admit, |exchange| async move {
            exchange.answer_plainly().await;
        });
        let endpoint = resource.endpoint(Lifecycle::Legacy);
        let _ = server.resource.set(endpoint.url().to_string());
        Self { server, resource }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.resource.endpoint(Lifecycle::Legacy)
    }

    /// Does what the browser of a user does who consents, and completes the authorization.
    pub(crate) async fn authorize(
        &self,
        credentials: &OAuthCredentials,
        needed: &AuthorizationNeeded,
        user: &str,
    ) -> Result<(), OAuthError> {
        let response = self.consent(needed, user).await;
        let principal = Principal::user(user.to_owned());
        credentials.complete(&principal, response).await
    }

    /// The response that the browser of a user comes back with.
    pub(crate) async fn consent(
        &self,
        needed: &AuthorizationNeeded,
        user: &str,
    ) -> AuthorizationResponse {
        let mut url = needed.url().clone();
        url.query_pairs_mut().append_pair("user", user);
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let page = browser.build().expect("a client").get(url).send().await;
        let page = page.expect("a page");
        let location = page.headers()["location"].to_str().expect("a text");
        let location: Url = location.parse().expect("a url");
        AuthorizationResponse::from_url(&location).expect("a response")
    }
}

impl AuthorizationServer {
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.lock().behaviour);
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    pub(crate) fn refreshes(&self, user: &str) -> usize {
        self.lock().seen.refreshes.get(user).copied().unwrap_or(0)
    }

    /// Takes no access token any longer that was given so far.
    pub(crate) fn revoke_access(&self) {
        self.lock().access.clear();
    }

    /// Takes no token any longer that was given so far.
    pub(crate) fn revoke_all(&self) {
        let mut state = self.lock();
        state.access.clear();
        state.refresh.clear();
    }

    pub(crate) fn origin(&self) -> String {
        self.origin.get().cloned().expect("it was started")
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().expect("no panic")
    }

    /// What the resource does with a request.
    fn admit(&self, request: &HttpRequest) -> Front {
        let state = self.lock();
        let token = request.header("authorization").unwrap_or_default();
        let token = token.split_once(' ').map_or("", |(_, token)| token);
        let metadata = format!("resource_metadata=\"{}/resource\"", self.origin());
        let refuse = |status, demand: String| {
            let challenge = format!("Bearer {metadata}, {demand}");
            Front::Respond(status, headers(&[("www-authenticate", &challenge)]))
        };
        let held = state.access.get(token);
        let Some(held) = held.filter(|_| !state.behaviour.refuses_everything) else {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "error=\"invalid_token\"".to_owned(),
            );
        };
        match &state.behaviour.needs_scope {
            Some(scope)
                if request.name() == "tools/call"
                    && !held.scope.split(' ').any(|held| held == scope) =>
            {
                let demand = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
                refuse(StatusCode::FORBIDDEN, demand)
            }
            _ => Front::Pass(HeaderMap::new()),
        }
    }

    /// Answers a token request.
    fn grant(&self, form: &Form) -> Result<Value, &'static str> {
        let mut state = self.lock();
        if let Some(code) = state.behaviour.refuses_code {
            return Err(code);
        }
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let held = match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => {
                let asked = state.codes.remove(&field("code")).ok_or("invalid_grant")?;
                let user = asked.get("user").cloned().ok_or("invalid_grant")?;
                let scope = asked.get("scope").cloned().unwrap_or_default();
                Held { user, scope }
            }
            Some("refresh_token") => {
                let Some(held) = state.refresh.remove(&field("refresh_token")) else {
                    state.seen.reused += 1;
                    return Err("invalid_grant");
                };
                *state.seen.refreshes.entry(held.user.clone()).or_default() += 1;
                held
            }
            Some(_) => Held {
                user: "machine".to_owned(),
                scope: field("scope"),
            },
            None => return Err("invalid_request"),
        };
        state.count += 1;
        let count = state.count;
        let (access, refresh) = (
            format!("pl4nted-access-{count}"),
            format!("pl4nted-refresh-{count}"),
        );
        state.seen.secrets.extend([access.clone(), refresh.clone()]);
        let expires_in = state.behaviour.expires_in;
        let scope = held.scope.clone();
        state.access.insert(access.clone(), held.clone());
        state.refresh.insert(refresh.clone(), held);
        Ok(json!({
            "access_token": access,
            "token_type": state.behaviour.token_type,
            "expires_in": expires_in,
            "refresh_token": refresh,
            "scope": scope,
        }))
    }

    /// Notes a refresh that begins, by its user.
    fn begin(&self, form: &Form) -> Option<String> {
        let mut state = self.lock();
        let secrets = ["code", "code_verifier", "refresh_token", "client_secret"];
        let secrets = secrets.iter().filter_map(|name| form.get(*name).cloned());
        state.seen.secrets.extend(secrets);
        state.seen.token_requests.push(form.clone());
        let user = state.refresh.get(form.get("refresh_token")?)?.user.clone();
        if !state.seen.running.insert(user.clone()) {
            state.seen.concurrent.insert(user.clone());
        }
        Some(user)
    }
}

/// `own` with the members of `changes` in place of its own.
fn changed(mut own: Value, changes: &Value) -> Json<Value> {
    for (name, value) in changes.as_object().into_iter().flatten() {
        own[name] = value.clone();
    }
    Json(own)
}

async fn resource_metadata(State(server): Shared) -> Json<Value> {
    let own = json!({
        "resource": server.resource.get(),
        "authorization_servers": [server.origin()],
    });
    server.lock().seen.documents += 1;
    changed(own, &server.lock().behaviour.resource_metadata)
}

async fn metadata(State(server): Shared) -> Json<Value> {
    let origin = server.origin();
    let own = json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "registration_endpoint": format!("{origin}/register"),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    server.lock().seen.documents += 1;
    changed(own, &server.lock().behaviour.metadata)
}

async fn register(State(server): Shared) -> Json<Value> {
    let mut state = server.lock();
    state.seen.registrations += 1;
    let secret = format!("pl4nted-client-secret-{}", state.seen.registrations);
    state.seen.secrets.insert(secret.clone());
    Json(json!({
        "client_id": format!("client-{}", state.seen.registrations),
        "client_secret": secret,
        "token_endpoint_auth_method": "client_secret_post",
    }))
}

async fn authorize(State(server): Shared, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let asked: Form = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let mut state = server.lock();
    state.count += 1;
    let code = format!("pl4nted-code-{}", state.count);
    state
        .seen
        .secrets
        .extend([code.clone(), asked["state"].clone()]);
    let mut back: Url = asked["redirect_uri"].parse().expect("a url");
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked["state"]);
    if let Some(issuer) = &state.behaviour.names_issuer {
        back.query_pairs_mut().append_pair("iss", issuer);
    }
    state.codes.insert(code, asked);
    let location = [(header::LOCATION, back.to_string())];
    (StatusCode::FOUND, location).into_response()
}

async fn token(State(server): Shared, sent: HeaderMap, body: String) -> Response {
    server.lock().seen.proofs += usize::from(sent.contains_key("dpop"));
    let form: Form = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let running = server.begin(&form);
    let behaviour = server.lock().behaviour.clone();
    sleep(behaviour.delay).await;
    let response = match behaviour.refuses_with {
        Some(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            status.into_response()
        }
        None => match server.grant(&form) {
            Ok(tokens) => Json(tokens).into_response(),
            Err(code) => {
                let error = Json(json!({ "error": code }));
                (StatusCode::BAD_REQUEST, error).into_response()
            }
        },
    };
    if let Some(user) = running {
        server.lock().seen.running.remove(&user);
    }
    response
}
