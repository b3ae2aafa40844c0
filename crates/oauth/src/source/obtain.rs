//! New tokens.

use std::time::SystemTime;

use super::{engine::Engine, job::Job};
use crate::{
    client::{ClientAuthentication, RegisteredClient},
    discovery::Discovered,
    error::{OAuthError, Step},
    flow::ScopeChoice,
    grant::Grant,
    token::{Issued, TokenRequest, Tokens},
};

impl Engine {
    /// Obtains new tokens by the grant of the settings. `held` are the scopes of the token that they
    /// replace.
    ///
    /// # Errors
    /// [`OAuthError::AuthorizationNeeded`]: the user has to authorize.
    pub(super) async fn obtained(
        &self,
        job: &Job,
        discovered: &Discovered,
        held: &[String],
    ) -> Result<Tokens, OAuthError> {
        let client = self.client_for(discovered).await?;
        let scopes = self.scopes(job, discovered, held);
        let form = match &self.settings.grant {
            Grant::AuthorizationCode { redirect_uri } => {
                let needed = self.authorize(job, discovered, &client, redirect_uri, scopes);
                return Err(needed.await?.into());
            }
            Grant::ClientCredentials => {
                vec![("grant_type", "client_credentials".to_owned())]
            }
            Grant::JwtBearer(subject) => {
                let assertion = self.subject(subject.as_ref(), job, discovered).await?;
                jwt_bearer(&assertion)
            }
            Grant::TokenExchange(exchange) => self.exchange(exchange, job, discovered).await?,
            Grant::EnterpriseManaged(enterprise) => {
                let id_jag = self.id_jag(enterprise, job, discovered, &scopes).await?;
                jwt_bearer(&id_jag)
            }
        };
        self.requested(discovered, &client, form, &scopes).await
    }

    async fn requested(
        &self,
        discovered: &Discovered,
        client: &RegisteredClient,
        mut form: Vec<(&'static str, String)>,
        scopes: &[String],
    ) -> Result<Tokens, OAuthError> {
        let server = &discovered.server;
        form.push(("resource", discovered.resource.clone()));
        if !scopes.is_empty() {
            form.push(("scope", scopes.join(" ")));
        }
        let request = TokenRequest {
            step: Step::Token,
            endpoint: &server.token_endpoint,
            reach: discovered.reach,
            client,
            audience: &server.issuer,
            form,
            key: self.settings.key.as_ref().filter(|_| server.takes_proofs()),
        };
        let response = request.send(&self.http).await?;
        let from = issued(discovered, client);
        Ok(Tokens::of(response, from, scopes, SystemTime::now()))
    }

    fn scopes(&self, job: &Job, discovered: &Discovered, held: &[String]) -> Vec<String> {
        let choice = ScopeChoice {
            configured: &self.settings.scopes,
            challenged: &job.challenged(),
            held: if job.is_step_up() { held } else { &[] },
            of_resource: &discovered.scopes_supported,
            of_server: &discovered.server.scopes_supported,
            wants_refresh: matches!(self.settings.grant, Grant::AuthorizationCode { .. }),
        };
        choice.choose()
    }
}

/// The form of an assertion grant (RFC 7523 section 2.1).
fn jwt_bearer(assertion: &crate::secret::Secret) -> Vec<(&'static str, String)> {
    let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    vec![
        ("grant_type", grant_type.to_owned()),
        ("assertion", assertion.expose().to_owned()),
    ]
}

/// Where the tokens of this client are from.
pub(super) fn issued(discovered: &Discovered, client: &RegisteredClient) -> Issued {
    Issued {
        issuer: discovered.server.issuer.clone(),
        token_endpoint: discovered.server.token_endpoint.clone(),
        client_id: client.id.clone(),
        resource: discovered.resource.clone(),
        takes_post: matches!(client.authentication, ClientAuthentication::SecretPost(_)),
    }
}
