//! Dynamic registration (RFC 7591).

use serde::{Deserialize, Serialize};
use url::Url;

use super::{authentication::ClientAuthentication, registered::RegisteredClient};
use crate::{
    discovery::Discovered,
    error::{ErrorCode, OAuthError, Step},
    net::HttpClient,
    secret::Secret,
};

/// A registered client as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Registration {
    client_id: String,
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
}

/// What is registered.
#[derive(Serialize)]
struct Metadata<'a> {
    client_name: &'a str,
    redirect_uris: Vec<&'a str>,
    grant_types: &'a [&'a str],
    response_types: [&'a str; 1],
    token_endpoint_auth_method: &'a str,
    application_type: &'a str,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl Registration {
    pub(crate) fn client(self, issuer: &str) -> RegisteredClient {
        let secret = self.client_secret.filter(|it| !it.expose().is_empty());
        let authentication = match (secret, self.token_endpoint_auth_method.as_deref()) {
            (None, _) | (_, Some("none")) => ClientAuthentication::None,
            (Some(secret), Some("client_secret_post")) => ClientAuthentication::SecretPost(secret),
            (Some(secret), Some("client_secret_basic")) => {
                ClientAuthentication::SecretBasic(secret)
            }
            (Some(secret), _) => ClientAuthentication::Secret(secret),
        };
        RegisteredClient::new(self.client_id)
            .with_authentication(authentication)
            .of_issuer(issuer)
    }
}

/// Registers a client for the authorization code grant.
pub(crate) async fn register(
    http: &HttpClient,
    discovered: &Discovered,
    name: &str,
    redirect_uri: &Url,
) -> Result<Registration, OAuthError> {
    let server = &discovered.server;
    let endpoint = server.registration_endpoint.as_ref();
    let endpoint = endpoint.ok_or(OAuthError::NoClient)?;
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    let method = methods
        .into_iter()
        .find(|method| server.takes_authentication(method));
    let metadata = Metadata {
        client_name: name,
        redirect_uris: vec![redirect_uri.as_str()],
        grant_types: &["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: method.ok_or(OAuthError::NoClient)?,
        application_type: application_type(redirect_uri),
    };
    let request = |request: reqwest::RequestBuilder| request.json(&metadata);
    let answer = http.post(discovered.reach, endpoint, STEP, request).await?;
    match answer.read::<Failure>() {
        Some(failure) if !answer.status.is_success() => Err(OAuthError::Refused {
            step: STEP,
            code: ErrorCode::new(&failure.error),
        }),
        _ => answer.document(STEP),
    }
}

/// A server that receives the browser itself is a web application (OpenID Connect Registration).
fn application_type(redirect_uri: &Url) -> &'static str {
    match redirect_uri.scheme() {
        "https" => "web",
        _ => "native",
    }
}

const STEP: Step = Step::Registration;
