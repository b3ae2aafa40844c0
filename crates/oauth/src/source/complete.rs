//! The end of an authorization by a user.

use std::time::SystemTime;

use mcp_pool_core::Principal;
use tokio::time::Instant;

use super::{authorize::pending_name, engine::Engine};
use crate::{
    error::{OAuthError, Step},
    flow::{AuthorizationResponse, Pending},
    secret::Secret,
    token::{TokenRequest, TokenResponse, Tokens},
};

impl Engine {
    /// Exchanges the code of a response for tokens of this principal.
    pub(super) async fn complete(
        &self,
        principal: &Principal,
        response: AuthorizationResponse,
    ) -> Result<(), OAuthError> {
        let name = pending_name(&response.state);
        let record = self.store.load(&name).await?;
        let pending = record.and_then(|record| record.read::<Pending>());
        let pending = pending.filter(|pending| pending.account.is_of(principal));
        let pending = pending.ok_or(OAuthError::UnknownState)?;
        // A forged response does not end an authorization: it stays for the true one.
        pending.check_issuer(&response)?;
        self.store.remove(&name).await?;
        if pending.is_over() {
            return Err(OAuthError::UnknownState);
        }
        let account = self.accounts.get(pending.account.clone());
        let code = match response.code {
            Ok(code) => code,
            Err(code) => {
                account.forget();
                let step = Step::Authorization;
                return Err(OAuthError::Refused { step, code });
            }
        };
        let response = self.exchanged(&pending, &code).await?;
        let scopes = &pending.scopes;
        let tokens = Tokens::of(response, pending.from, scopes, SystemTime::now());
        if pending.is_step_up {
            account.note_step_up(Instant::now());
        }
        self.keep(&account, tokens).await?;
        Ok(())
    }

    async fn exchanged(
        &self,
        pending: &Pending,
        code: &Secret,
    ) -> Result<TokenResponse, OAuthError> {
        let client = self.client_of(&pending.from).await?;
        let endpoint = pending.account.endpoint();
        let request = TokenRequest {
            step: Step::Token,
            endpoint: &pending.from.token_endpoint,
            reach: self.http.reach(&endpoint.ok_or(OAuthError::UnknownState)?),
            client: &client.ok_or(OAuthError::NoClient)?,
            audience: &pending.from.issuer,
            form: vec![
                ("grant_type", "authorization_code".to_owned()),
                ("code", code.expose().to_owned()),
                ("redirect_uri", pending.redirect_uri.to_string()),
                ("code_verifier", pending.verifier.expose().to_owned()),
                ("resource", pending.from.resource.clone()),
            ],
            key: self.settings.key.as_ref().filter(|_| pending.is_bound),
        };
        request.send(&self.http).await
    }
}
