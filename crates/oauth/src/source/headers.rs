//! The headers of one request.

use std::sync::Arc;

use http::{HeaderMap, header::AUTHORIZATION};
use mcp_pool_core::extend::{CredentialRefusal, CredentialRequest};
use tokio::time::Instant;

use super::{
    engine::Engine,
    job::{Job, Reason, scopes_of},
};
use crate::{
    account::{Account, AccountKey, Current, Moment},
    dpop::PROOF,
    error::OAuthError,
    grant::Grant,
};

impl Engine {
    /// The headers of one request. Without a token it is sent as it is: the challenge of the endpoint is
    /// what a token begins with.
    pub(super) async fn headers(
        self: &Arc<Self>,
        request: &CredentialRequest<'_>,
    ) -> Result<Arc<HeaderMap>, OAuthError> {
        let key = AccountKey::new(request.principal(), request.endpoint.url());
        let account = self.accounts.get(key);
        let current = match request.refusal {
            None => self.current(&account, request).await?,
            Some(refusal) if refusal.wants_nonce() => account.current.load_full(),
            Some(refusal) if refusal.is_insufficient_scope() => {
                self.with_scopes(&account, request, refusal).await?
            }
            Some(refusal) => Some(self.replaced(&account, request, refusal).await?),
        };
        self.headers_with(request, current.as_deref())
    }

    /// The token for a first attempt.
    async fn current(
        self: &Arc<Self>,
        account: &Arc<Account>,
        request: &CredentialRequest<'_>,
    ) -> Result<Option<Arc<Current>>, OAuthError> {
        let mut current = account.current.load_full();
        if current.is_none() && account.begins_to_load() {
            current = self.adopt_stored(account).await?;
        }
        let Some(current) = current else {
            return Ok(None);
        };
        let now = Instant::now();
        let can_renew = current.tokens.refresh.is_some() || !self.is_interactive();
        match current.moment(now) {
            Moment::Fresh => Ok(Some(current)),
            Moment::Due => {
                if can_renew && !account.rests(now) {
                    drop(self.join(job(account, request, Reason::End, Some(&current))));
                }
                Ok(Some(current))
            }
            Moment::Ended if can_renew => {
                let job = job(account, request, Reason::End, Some(&current));
                self.renewed(job).await.map(Some)
            }
            Moment::Ended => Ok(None),
        }
    }

    /// The token after one was refused.
    async fn replaced(
        self: &Arc<Self>,
        account: &Arc<Account>,
        request: &CredentialRequest<'_>,
        refusal: &CredentialRefusal,
    ) -> Result<Arc<Current>, OAuthError> {
        let rejected = request.rejected.and_then(|it| it.get(AUTHORIZATION));
        let current = account.current.load_full();
        if let Some(current) = current
            && Some(&current.authorization) != rejected
            && current.moment(Instant::now()) != Moment::Ended
        {
            return Ok(current);
        }
        let mut job = job(
            account,
            request,
            Reason::Refused(refusal.challenge.clone()),
            None,
        );
        job.stale = rejected.cloned();
        self.renewed(job).await
    }

    /// The token after one lacked a scope. Where adding scopes does not help it is the same, so that
    /// the caller gets the refusal.
    async fn with_scopes(
        self: &Arc<Self>,
        account: &Arc<Account>,
        request: &CredentialRequest<'_>,
        refusal: &CredentialRefusal,
    ) -> Result<Option<Arc<Current>>, OAuthError> {
        let wanted = scopes_of(&refusal.challenge);
        let rejected = request.rejected.and_then(|it| it.get(AUTHORIZATION));
        // A renewal under way may be for another reason.
        for _ in 0..MAX_JOINED {
            let Some(current) = account.current.load_full() else {
                return Ok(None);
            };
            let is_new = Some(&current.authorization) != rejected;
            if current.covers(&wanted) && (is_new || !wanted.is_empty()) {
                return Ok(Some(current));
            }
            let limit = self.settings.step_up_limit;
            if wanted.is_empty() || account.is_at_limit(limit, Instant::now()) {
                return Ok(Some(current));
            }
            let reason = Reason::LacksScope(refusal.challenge.clone());
            self.renewed(job(account, request, reason, Some(&current)))
                .await?;
        }
        Ok(account.current.load_full())
    }

    /// The headers of the caller with the token in place of what authenticates it here.
    fn headers_with(
        &self,
        request: &CredentialRequest<'_>,
        current: Option<&Current>,
    ) -> Result<Arc<HeaderMap>, OAuthError> {
        let mut headers = HeaderMap::clone(request.caller);
        headers.remove(AUTHORIZATION);
        headers.remove(PROOF);
        let Some(current) = current else {
            return Ok(Arc::new(headers));
        };
        headers.insert(AUTHORIZATION, current.authorization.clone());
        if let (true, Some(key), Some(http)) =
            (current.tokens.is_bound, &self.settings.key, request.http)
        {
            let token = Some(&current.tokens.access);
            let proof = key.proof(http.method, http.url, token, request.nonce)?;
            headers.insert(PROOF, proof);
        }
        Ok(Arc::new(headers))
    }

    fn is_interactive(&self) -> bool {
        matches!(self.settings.grant, Grant::AuthorizationCode { .. })
    }
}

fn job(
    account: &Arc<Account>,
    request: &CredentialRequest<'_>,
    reason: Reason,
    stale: Option<&Arc<Current>>,
) -> Job {
    Job {
        account: Arc::clone(account),
        principal: request.principal().clone(),
        endpoint: request.endpoint.url().clone(),
        caller: Arc::clone(request.caller),
        reason,
        stale: stale.map(|current| current.authorization.clone()),
    }
}

/// Renewals that are waited for.
const MAX_JOINED: usize = 3;
