//! Which client is used with which server.

use std::sync::{Arc, PoisonError};

use url::Url;

use super::engine::Engine;
use crate::{
    client::{ClientAuthentication, RegisteredClient, Registration, register},
    discovery::Discovered,
    error::OAuthError,
    grant::Grant,
    store::{Record, RecordName},
    token::Issued,
};

impl Engine {
    /// The client for new tokens: one of the settings, one by the URL of its metadata, or one that is
    /// registered dynamically (revision 2026-07-28, client registration).
    pub(super) async fn client_for(
        &self,
        discovered: &Discovered,
    ) -> Result<RegisteredClient, OAuthError> {
        let server = &discovered.server;
        if let Some(client) = self.configured(&server.issuer) {
            return Ok(client.clone().for_server(server));
        }
        if let Some(client) = self.by_metadata()
            && server.client_id_metadata_document_supported
        {
            return Ok(client);
        }
        match &self.settings.grant {
            Grant::AuthorizationCode { redirect_uri } if self.settings.registers => {
                let client = self.registered(discovered, redirect_uri).await?;
                Ok(client.for_server(server))
            }
            _ => Err(OAuthError::NoClient),
        }
    }

    /// The client that tokens were issued to. `None`: it is known no longer.
    pub(super) async fn client_of(
        &self,
        from: &Issued,
    ) -> Result<Option<RegisteredClient>, OAuthError> {
        let is_it = |client: &RegisteredClient| client.id == from.client_id;
        let known = self.configured(&from.issuer).cloned();
        if let Some(client) = known.or_else(|| self.by_metadata()).filter(is_it) {
            return Ok(Some(posting(client, from.takes_post)));
        }
        let Grant::AuthorizationCode { redirect_uri } = &self.settings.grant else {
            return Ok(None);
        };
        let stored = self.stored(&from.issuer, redirect_uri).await?;
        Ok(stored.filter(is_it).map(|it| posting(it, from.takes_post)))
    }

    /// Removes the registration with this issuer, which does not know it any longer.
    pub(super) async fn forget_registration(&self, issuer: &str) -> Result<(), OAuthError> {
        if let Grant::AuthorizationCode { redirect_uri } = &self.settings.grant {
            self.store.remove(&name(issuer, redirect_uri)).await?;
        }
        Ok(())
    }

    /// The client of the settings for this issuer.
    fn configured(&self, issuer: &str) -> Option<&RegisteredClient> {
        let clients = &self.settings.clients;
        let own = |client: &&RegisteredClient| client.issuer.as_deref() == Some(issuer);
        let any = |client: &&RegisteredClient| client.issuer.is_none();
        let own = clients.iter().find(own);
        own.or_else(|| clients.iter().find(any))
    }

    fn by_metadata(&self) -> Option<RegisteredClient> {
        let url = self.settings.metadata_document.as_ref()?;
        Some(RegisteredClient::new(url.as_str()))
    }

    async fn stored(
        &self,
        issuer: &str,
        redirect_uri: &Url,
    ) -> Result<Option<RegisteredClient>, OAuthError> {
        let record = self.store.load(&name(issuer, redirect_uri)).await?;
        let registration = record.and_then(|record| record.read::<Registration>());
        Ok(registration.map(|registration| registration.client(issuer)))
    }

    async fn registered(
        &self,
        discovered: &Discovered,
        redirect_uri: &Url,
    ) -> Result<RegisteredClient, OAuthError> {
        let issuer = &discovered.server.issuer;
        let turn = self.turn(issuer);
        let _turn = turn.lock().await;
        if let Some(client) = self.stored(issuer, redirect_uri).await? {
            return Ok(client);
        }
        let client_name = &self.settings.client_name;
        let registration = register(&self.http, discovered, client_name, redirect_uri).await?;
        let record = Record::write(&registration);
        self.store
            .save(&name(issuer, redirect_uri), &record)
            .await?;
        Ok(registration.client(issuer))
    }

    /// The turn of registrations with an issuer.
    fn turn(&self, issuer: &str) -> Arc<tokio::sync::Mutex<()>> {
        let turns = self.registrations.lock();
        let mut turns = turns.unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(issuer.to_owned()).or_default())
    }
}

/// The client with its secret in the body, where the server takes it there alone.
fn posting(mut client: RegisteredClient, takes_post: bool) -> RegisteredClient {
    if let ClientAuthentication::Secret(secret) = &client.authentication
        && takes_post
    {
        client.authentication = ClientAuthentication::SecretPost(secret.clone());
    }
    client
}

/// A registration is with one server, for one address that the browser comes back to.
fn name(issuer: &str, redirect_uri: &Url) -> RecordName {
    RecordName::new("client", &[issuer, redirect_uri.as_str()])
}
