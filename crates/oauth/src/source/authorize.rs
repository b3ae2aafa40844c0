//! The beginning of an authorization by a user.

use url::Url;

use super::{engine::Engine, job::Job, obtain::issued};
use crate::{
    client::RegisteredClient,
    discovery::Discovered,
    error::{OAuthError, Step},
    flow::{NewPending, Pending},
    needed::AuthorizationNeeded,
    secret::Secret,
    store::{Record, RecordName},
};

impl Engine {
    /// What the user has to do: the authorization under way, or a new one.
    pub(super) async fn authorize(
        &self,
        job: &Job,
        discovered: &Discovered,
        client: &RegisteredClient,
        redirect_uri: &Url,
        scopes: Vec<String>,
    ) -> Result<AuthorizationNeeded, OAuthError> {
        let server = &discovered.server;
        if let Some(needed) = job.account.under_way(&server.issuer, &scopes) {
            return Ok(needed);
        }
        server.check_pkce()?;
        let endpoint = server.authorization_endpoint.as_ref();
        let endpoint = endpoint.ok_or(OAuthError::Unusable {
            step: Step::ServerMetadata,
            what: "it has no authorization endpoint",
        })?;
        discovered.reach.check(endpoint)?;
        let pending = Pending::new(NewPending {
            account: job.account.key.clone(),
            from: issued(discovered, client),
            redirect_uri: redirect_uri.clone(),
            scopes,
            is_step_up: job.is_step_up(),
            is_bound: server.takes_proofs(),
            promises_issuer: server.authorization_response_iss_parameter_supported,
        });
        let name = pending_name(&pending.state);
        let record = Record::write(&pending).ending_at(Some(pending.until));
        self.store.save(&name, &record).await?;
        let needed = pending.needed(endpoint);
        job.account.note_needed(&needed);
        Ok(needed)
    }
}

/// An authorization is found by its state alone.
pub(super) fn pending_name(state: &Secret) -> RecordName {
    RecordName::new("pending", &state.expose())
}
