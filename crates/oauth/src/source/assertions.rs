//! Tokens of a principal that are exchanged.

use super::{engine::Engine, job::Job};
use crate::{
    discovery::Discovered,
    error::{OAuthError, Step},
    grant::{EnterpriseManaged, SubjectRequest, SubjectSource, TokenExchange},
    secret::Secret,
    token::TokenRequest,
};

impl Engine {
    /// The token of the principal at another authority.
    pub(super) async fn subject(
        &self,
        source: &dyn SubjectSource,
        job: &Job,
        discovered: &Discovered,
    ) -> Result<Secret, OAuthError> {
        let request = SubjectRequest {
            principal: &job.principal,
            caller: &job.caller,
            issuer: &discovered.server.issuer,
            token_endpoint: &discovered.server.token_endpoint,
            resource: &discovered.resource,
        };
        source.subject(&request).await
    }

    /// The form of a token exchange (RFC 8693 section 2.1).
    pub(super) async fn exchange(
        &self,
        exchange: &TokenExchange,
        job: &Job,
        discovered: &Discovered,
    ) -> Result<Vec<(&'static str, String)>, OAuthError> {
        let subject = self.subject(exchange.subject.as_ref(), job, discovered);
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE.to_owned()),
            ("subject_token", subject.await?.expose().to_owned()),
            ("subject_token_type", exchange.subject_type.uri().to_owned()),
        ];
        form.extend(exchange.audience.clone().map(|it| ("audience", it)));
        Ok(form)
    }

    /// The assertion of an identity provider for the authorization server of the resource (ID-JAG).
    pub(super) async fn id_jag(
        &self,
        enterprise: &EnterpriseManaged,
        job: &Job,
        discovered: &Discovered,
        scopes: &[String],
    ) -> Result<Secret, OAuthError> {
        let subject = self.subject(enterprise.subject.as_ref(), job, discovered);
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE.to_owned()),
            ("requested_token_type", ID_JAG.to_owned()),
            ("audience", discovered.server.issuer.clone()),
            ("resource", discovered.resource.clone()),
            ("subject_token", subject.await?.expose().to_owned()),
            (
                "subject_token_type",
                enterprise.subject_type.uri().to_owned(),
            ),
        ];
        if !scopes.is_empty() {
            form.push(("scope", scopes.join(" ")));
        }
        let request = TokenRequest {
            step: Step::IdentityProvider,
            endpoint: &enterprise.token_endpoint,
            reach: self.http.reach(&job.endpoint),
            client: &enterprise.client,
            audience: &enterprise.issuer,
            form,
            key: None,
        };
        let response = request.send(&self.http).await?;
        match response.issued_token_type.as_deref() {
            Some(ID_JAG) => Ok(response.access_token),
            _ => Err(OAuthError::Unusable {
                step: Step::IdentityProvider,
                what: "the token is no ID-JAG",
            }),
        }
    }
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
