//! The scenarios about tokens.

use std::env;

use async_trait::async_trait;
use mcp_session_pool::{
    PooledClient, Principal,
    error::CallError,
    oauth::{
        AuthorizationNeeded, AuthorizationResponse, ClientAuthentication, DpopKey,
        EnterpriseManaged, Grant, OAuthCredentials, OAuthError, RegisteredClient, Secret,
        SigningAlgorithm, SigningKey, SubjectRequest, SubjectSource, reqwest, url::Url,
    },
};
use serde_json::Value;

use crate::{Result, each};

/// Tokens for a scenario.
pub(crate) struct Authorization {
    credentials: OAuthCredentials,
}

/// The user that all requests are made for.
pub(crate) fn user() -> Principal {
    Principal::user("conformance")
}

impl Authorization {
    /// What a scenario needs; `None` where it needs no token.
    pub(crate) fn of(scenario: &str) -> Result<Option<Self>> {
        let Some(scenario) = scenario.strip_prefix("auth/") else {
            return Ok(None);
        };
        let context = env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
        let context = serde_json::from_str(&context).unwrap_or(Value::Null);
        let context = Context(context);
        let mut builder = OAuthCredentials::builder(context.grant(scenario)?)
            .client_metadata_document(CLIENT_METADATA.parse()?)
            .dpop(DpopKey::generate()?);
        if let Some(client) = context.client()? {
            builder = builder.client(client);
        }
        let credentials = builder.build()?;
        Ok(Some(Self { credentials }))
    }

    pub(crate) fn credentials(&self) -> OAuthCredentials {
        self.credentials.clone()
    }

    /// Lists the tools and calls each; authorizes where that is needed.
    pub(crate) async fn play(&self, client: &PooledClient) -> Result {
        let mut needed = 0;
        loop {
            let played = async {
                let tools = client.list_all_tools().await?;
                each(client, &tools).await
            };
            let Err(error) = played.await else {
                return Ok(());
            };
            let Some(authorization) = needed_by(error.as_ref()) else {
                return Err(error);
            };
            needed += 1;
            if needed > MAX_AUTHORIZATIONS {
                return Err(error);
            }
            self.authorize(&authorization).await?;
        }
    }

    /// Does what a browser does whose user consents.
    async fn authorize(&self, needed: &AuthorizationNeeded) -> Result {
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let page = browser.build()?.get(needed.url().clone()).send().await?;
        let location = page.headers().get("location").ok_or("no redirect")?;
        let response = AuthorizationResponse::from_url(&location.to_str()?.parse()?)?;
        self.credentials.complete(&user(), response).await?;
        Ok(())
    }
}

/// What the user has to do before the call can be made.
fn needed_by(error: &(dyn std::error::Error + 'static)) -> Option<AuthorizationNeeded> {
    let error = error.downcast_ref::<CallError>()?.credential_error()?;
    error.cause::<AuthorizationNeeded>().cloned()
}

/// What a scenario tells its client.
struct Context(Value);

impl Context {
    fn text(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }

    fn required(&self, name: &str) -> Result<&str> {
        Ok(self.text(name).ok_or("the context lacks a text")?)
    }

    fn grant(&self, scenario: &str) -> Result<Grant> {
        Ok(match scenario {
            "client-credentials-jwt" | "client-credentials-basic" => Grant::ClientCredentials,
            "wif-jwt-bearer" => Grant::jwt_bearer(Fixed(self.required("valid_jwt")?.into())),
            "enterprise-managed-authorization" | "cross-app-access-complete-flow" => {
                Grant::EnterpriseManaged(EnterpriseManaged::new(
                    self.required("idp_issuer")?,
                    self.required("idp_token_endpoint")?.parse::<Url>()?,
                    RegisteredClient::new(self.required("idp_client_id")?),
                    Fixed(self.required("idp_id_token")?.into()),
                ))
            }
            _ => Grant::authorization_code(REDIRECT_URI.parse()?),
        })
    }

    /// The client that the authorization server knows.
    fn client(&self) -> Result<Option<RegisteredClient>> {
        let Some(id) = self.text("client_id") else {
            return Ok(None);
        };
        let mut client = RegisteredClient::new(id);
        if let Some(secret) = self.text("client_secret") {
            client = client.with_secret(secret);
        }
        if let Some(pem) = self.text("private_key_pem") {
            let key = SigningKey::from_pem(SigningAlgorithm::Es256, pem.as_bytes())?;
            client = client.with_authentication(ClientAuthentication::PrivateKeyJwt(key));
        }
        Ok(Some(match self.text("issuer") {
            Some(issuer) => client.of_issuer(issuer),
            // The scenario names none, and its server is the only upstream.
            None => client.of_any_issuer(),
        }))
    }
}

/// A token that the scenario gives.
struct Fixed(Secret);

#[async_trait]
impl SubjectSource for Fixed {
    async fn subject(
        &self,
        _request: &SubjectRequest<'_>,
    ) -> std::result::Result<Secret, OAuthError> {
        Ok(self.0.clone())
    }
}

/// The id that the suite expects of a client which has a document of its metadata.
const CLIENT_METADATA: &str = "https://conformance-test.local/client-metadata.json";
const REDIRECT_URI: &str = "http://localhost:3000/callback";

/// The suite counts how often a client authorizes.
const MAX_AUTHORIZATIONS: usize = 6;
