//! Renewals: at most one at a time for each account.

use std::{sync::Arc, time::Duration, time::SystemTime};

use mcp_pool_core::extend::{Flight, Follower};
use tokio::time::{Instant, timeout};

use super::{engine::Engine, job::Job};
use crate::{
    account::{Current, Moment},
    discovery::{Discovered, discover},
    error::{OAuthError, Step},
    token::{TokenRequest, Tokens},
};

type Outcome = Result<Arc<Current>, OAuthError>;

impl Engine {
    /// Renews the tokens of an account, on a task of its own, or waits for the renewal under way.
    pub(super) async fn renewed(self: &Arc<Self>, job: Job) -> Outcome {
        let outcome = self.join(job).outcome().await;
        outcome.unwrap_or(Err(OAuthError::GivenUp))
    }

    /// Begins a renewal, or joins the one under way.
    pub(super) fn join(self: &Arc<Self>, job: Job) -> Follower<Outcome> {
        let leader = match job.account.renewals.join() {
            Flight::Follower(follower) => return follower,
            Flight::Leader(leader) => leader,
        };
        let follower = leader.follow();
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = timeout(TIME_LIMIT, engine.renew(&job)).await;
            let outcome = outcome.unwrap_or(Err(OAuthError::GivenUp));
            note(&job, &outcome);
            leader.finish(outcome);
        });
        follower
    }

    async fn renew(&self, job: &Job) -> Outcome {
        if let Some(current) = self.renewed_meanwhile(job).await? {
            return Ok(current);
        }
        let held = self.load(&job.account.key).await?;
        if let Some(current) = job.account.current.load_full()
            && job.is_of_refused()
            && !job.account.admits_replacement(Instant::now())
        {
            return Ok(current);
        }
        let discovered = match self.discovered(job, held.is_some()).await {
            // The tokens have noted where they are from.
            Err(error) if is_passing(&error) && held.is_some() => None,
            discovered => Some(discovered?),
        };
        let held = match (held, &discovered) {
            (Some(held), Some(discovered)) if !is_from(&held, discovered) => {
                // Nothing of one server is ever sent to another.
                self.drop_tokens(&job.account.key).await?;
                None
            }
            (held, _) => held,
        };
        if let Some(held) = held.as_ref().filter(|_| !job.is_step_up())
            && let Some(tokens) = self.refreshed(job, held).await?
        {
            return self.keep(&job.account, tokens).await;
        }
        let discovered = discovered.ok_or(OAuthError::NoResponse {
            step: Step::ResourceMetadata,
        })?;
        let scopes = held.map(|held| held.scopes).unwrap_or_default();
        let tokens = self.obtained(job, &discovered, &scopes).await?;
        if job.is_step_up() {
            job.account.note_step_up(Instant::now());
        }
        self.keep(&job.account, tokens).await
    }

    /// The tokens that another renewal, another replica or a completed authorization has left meanwhile.
    async fn renewed_meanwhile(&self, job: &Job) -> Result<Option<Arc<Current>>, OAuthError> {
        let serves = |current: &Current| {
            let is_new = !job.is_stale(&current.authorization);
            let covers = !job.is_step_up() || current.covers(&job.challenged());
            is_new && covers && current.moment(Instant::now()) != Moment::Ended
        };
        if let Some(current) = job.account.current.load_full().filter(|it| serves(it)) {
            return Ok(Some(current));
        }
        let Some(tokens) = self.load(&job.account.key).await? else {
            return Ok(None);
        };
        let stored = Current::new(tokens)?;
        Ok(serves(&stored).then(|| job.account.adopt(stored)))
    }

    /// Where to get tokens: as the challenge names it, otherwise as it was found before. Where tokens are
    /// held, their server may have changed.
    async fn discovered(&self, job: &Job, holds: bool) -> Result<Arc<Discovered>, OAuthError> {
        let account = &job.account;
        let known = match job.challenge() {
            None => account.discovered.load_full(),
            Some(challenge) if !holds => account.just_discovered(challenge),
            Some(_) => None,
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let discovered = discover(&self.http, &job.endpoint, job.challenge()).await?;
        let discovered = Arc::new(discovered);
        let challenge = job.challenge().cloned().unwrap_or_default();
        account.note_discovered(&challenge, &discovered);
        Ok(discovered)
    }

    /// Tokens for the refresh token. `None`: there is none, or the server refused it for good.
    async fn refreshed(&self, job: &Job, held: &Tokens) -> Result<Option<Tokens>, OAuthError> {
        let Some(refresh) = &held.refresh else {
            return Ok(None);
        };
        let Some(client) = self.client_of(&held.from).await? else {
            return Ok(None);
        };
        let request = TokenRequest {
            step: Step::Token,
            endpoint: &held.from.token_endpoint,
            reach: self.http.reach(&job.endpoint),
            client: &client,
            audience: &held.from.issuer,
            form: vec![
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", refresh.expose().to_owned()),
                ("resource", held.from.resource.clone()),
            ],
            key: self.settings.key.as_ref().filter(|_| held.is_bound),
        };
        match request.send(&self.http).await {
            Ok(response) => Ok(Some(held.refreshed(response, SystemTime::now()))),
            Err(OAuthError::Refused { code, .. }) if is_final(code.as_str()) => {
                if code.as_str() == "invalid_client" {
                    self.forget_registration(&held.from.issuer).await?;
                }
                self.refused_for_good(job, held).await
            }
            Err(error) => Err(error),
        }
    }

    /// Drops a refresh token that was refused, unless another replica has replaced it.
    async fn refused_for_good(
        &self,
        job: &Job,
        held: &Tokens,
    ) -> Result<Option<Tokens>, OAuthError> {
        let stored = self.load(&job.account.key).await?;
        match stored.filter(|stored| stored.refresh != held.refresh) {
            Some(stored) => Ok(Some(stored)),
            None => {
                self.drop_tokens(&job.account.key).await?;
                Ok(None)
            }
        }
    }
}

/// Notes the outcome of a renewal.
fn note(job: &Job, outcome: &Outcome) {
    let host = job.endpoint.host_str().unwrap_or_default();
    match outcome {
        Ok(_) => tracing::debug!(host, "a token was renewed"),
        Err(error) => {
            job.account.rest(Instant::now());
            tracing::debug!(host, %error, "a token was not renewed");
        }
    }
}

/// Whether tokens are from the server and for the resource that were found now.
fn is_from(tokens: &Tokens, discovered: &Discovered) -> bool {
    tokens.from.issuer == discovered.server.issuer && tokens.from.resource == discovered.resource
}

/// Whether an error may be over soon.
fn is_passing(error: &OAuthError) -> bool {
    match error {
        OAuthError::NoResponse { .. } => true,
        OAuthError::Status { status, .. } => *status >= 500 || *status == 429,
        _ => false,
    }
}

/// Whether an error code ends a refresh token, or the client that it is of.
fn is_final(code: &str) -> bool {
    matches!(
        code,
        "invalid_grant" | "invalid_client" | "unauthorized_client"
    )
}

/// All requests of one renewal.
const TIME_LIMIT: Duration = Duration::from_secs(60);
