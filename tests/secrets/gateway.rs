//! A gateway shows no token of its users and no credential of its upstreams.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::Request;
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    Endpoint, SessionPool, StreamableHttpConnector,
    config::Setting,
    file_config::{FileConfig, Format},
    jwt::{JwtIdentity, JwtKeys},
    proxy::{
        Caller, Fault, Proxy, Separator, Unavailable, Upstream,
        auth::{BearerAuth, ProtectedResource},
    },
    rmcp::transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use crate::{
    common::close,
    shown::Shown,
    tokens::{hs256, in_secs},
};

const SECRET: &[u8] = b"pl4nted-hmac-secret-of-32-bytes!";

/// Shows a gateway at work and all its types.
pub(crate) async fn show(shown: &Shown, server: &CounterServer) {
    let config = file(shown, server);
    let jwt = JwtIdentity::builder(JwtKeys::secret(SECRET).expect("a key"))
        .any_issuer()
        .any_audience()
        .build()
        .expect("an extractor");
    let claims = json!({ "iss": "i", "sub": "pl4nted-claim", "exp": in_secs(300) });
    let token = hs256(SECRET, &json!({ "alg": "HS256" }), &claims);
    let verified = jwt.verify(&token).await.expect("a valid token");
    let verified = verified.expect("a token");
    shown.show(&verified);
    shown.show(verified.claims());
    serve(shown, &config, jwt, &token).await;
    errors(shown, server);
}

/// A file with references to secrets.
fn file(shown: &Shown, server: &CounterServer) -> FileConfig {
    let text = format!(
        "upstreams: {{ one: {{ url: '{}?key=pl4nted-query', transport: streamable_http, \
         headers: {{ x-api-key: {{ env: KEY }} }} }} }}\n\
         oauth: {{ own: {{ grant: client_credentials, clients: [{{ id: gateway, \
         issuer: 'https://login.example.com', secret: {{ env: KEY }} }}] }} }}",
        server.url()
    );
    let variables = [("KEY".to_owned(), "pl4nted-key".to_owned())];
    let config = FileConfig::parse(Format::Yaml, &text, &[], variables).expect("a file");
    shown.show(&config);
    shown.show(&config.credentials());
    config.upstreams().for_each(|upstream| shown.show(upstream));
    for settings in config.oauth() {
        shown.show(settings);
        shown.show(settings.grant());
        settings.clients().iter().for_each(|it| shown.show(it));
        shown.show(&mcp_session_pool::oauth::configured(settings).expect("a source"));
    }
    shown.show(&Format::Yaml);
    let wrong = "pool: pl4nted-key\nupstreams: { one: { url: pl4nted-query, headers: pl4nted-key } }\n\
         oauth: { own: { grant: pl4nted-key, clients: [{ id: x, secret: pl4nted-key }] } }";
    let variables = [("MCP_SESSION_POOL_TTL".to_owned(), "pl4nted-key".to_owned())];
    let error = FileConfig::parse(Format::Yaml, wrong, &[], variables).expect_err("it is wrong");
    shown.fail(&error);
    error
        .problems()
        .iter()
        .for_each(|problem| shown.fail(problem));
    let setting = Setting::from_variable("MCP_SESSION_POOL_NAME", "pl4nted-key");
    shown.show(&setting.expect("a setting"));
    config
}

/// Serves one user on this thread, so that all that is logged is captured.
async fn serve(shown: &Shown, config: &FileConfig, jwt: JwtIdentity, token: &str) {
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .credentials(config.credentials())
        .build()
        .expect("a pool");
    let builder = config
        .upstreams()
        .fold(Proxy::builder(pool.clone()), |builder, upstream| {
            builder.upstream(Upstream::new(upstream.name(), upstream.endpoint().clone()))
        });
    shown.show(&builder);
    let gone = Endpoint::streamable_http("http://127.0.0.1:1/?key=pl4nted-query").expect("a url");
    let (reports, report) = (shown.clone(), |shown: &Shown, event: &Unavailable<'_>| {
        shown.show(event)
    });
    let builder = builder
        .upstream(Upstream::new("gone", gone))
        .on_unavailable(move |event| report(&reports, event));
    let proxy = builder.build().expect("a proxy");
    shown.show(&proxy);
    shown.show(&proxy.handler());
    shown.show(&proxy.stream_layer());
    let url = "http://localhost/mcp?key=pl4nted-query"
        .parse()
        .expect("a url");
    let resource = ProtectedResource::new(url);
    shown.show(&resource);
    let auth = BearerAuth::new(jwt, resource);
    shown.show(&auth);
    shown.show(&auth.layer(()));
    shown.show(&proxy.stream_layer().layer(()));
    let handlers = proxy.clone();
    let service = StreamableHttpService::new(
        move || Ok(handlers.handler()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default().with_json_response(true),
    );
    let app = Router::new().fallback_service(service).layer(auth);
    let streams = proxy.stream_layer().layer(app.clone());
    let answer = streams.oneshot(list(token)).await.expect("an answer");
    shown.show(answer.body());
    assert_eq!(answer.status(), 200);
    let forged = format!("{token}pl4nted-token");
    let refused = app.oneshot(list(&forged)).await.expect("an answer");
    assert_eq!(refused.status(), 401);
    shown.add(&format!("{:?}", refused.headers()));
    close(&pool).await;
}

/// `tools/list` of revision 2026-07-28.
fn list(token: &str) -> Request<Body> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message: Value =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } });
    Request::post("/mcp")
        .header("host", "localhost")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/list")
        .header("authorization", format!("Bearer {token}"))
        .header("cookie", "sid=pl4nted-cookie")
        .body(Body::from(message.to_string()))
        .expect("a request")
}

fn errors(shown: &Shown, server: &CounterServer) {
    use mcp_session_pool::{
        Principal,
        error::CallError,
        extend::Identity,
        rmcp::{ErrorData, model::ErrorCode},
    };
    let own = ErrorData::new(ErrorCode(1), "pl4nted-argument", None);
    let error = CallError::Rpc(own);
    let fault = Fault::of(&error);
    shown.show(&fault);
    shown.show(&fault.party());
    shown.show(&Separator::new("__"));
    let principal = Principal::user("pl4nted-principal");
    shown.show(&Caller::new(
        principal,
        Identity::from_parts("t", ["pl4nted-token"]),
    ));
    let upstream = Upstream::new("one", crate::request(server).endpoint().clone());
    shown.show(&upstream);
    let pool = SessionPool::builder().build().expect("a pool");
    let twice = Proxy::builder(pool)
        .upstream(upstream.clone())
        .upstream(upstream);
    shown.fail(&twice.build().expect_err("two of a name"));
}
