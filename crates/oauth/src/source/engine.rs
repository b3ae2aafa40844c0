//! What all work for tokens shares.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::time::Instant;
use url::Url;

use crate::{
    account::{Account, AccountKey, Accounts, Current},
    client::RegisteredClient,
    dpop::DpopKey,
    error::OAuthError,
    grant::Grant,
    net::HttpClient,
    store::{CredentialStore, Record, RecordName},
    token::Tokens,
};

/// What all work for tokens shares.
pub(super) struct Engine {
    pub(super) settings: Settings,
    pub(super) http: HttpClient,
    pub(super) store: Arc<dyn CredentialStore>,
    pub(super) accounts: Accounts,
    /// One registration at a time for each issuer.
    pub(super) registrations: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// The settings of a source.
pub(super) struct Settings {
    pub(super) grant: Grant,
    pub(super) clients: Vec<RegisteredClient>,
    pub(super) metadata_document: Option<Url>,
    pub(super) registers: bool,
    pub(super) client_name: String,
    pub(super) scopes: Vec<String>,
    pub(super) key: Option<DpopKey>,
    pub(super) step_up_limit: usize,
}

impl Engine {
    /// The tokens of an account in the store.
    pub(super) async fn load(&self, account: &AccountKey) -> Result<Option<Tokens>, OAuthError> {
        let record = self.store.load(&tokens_name(account)).await?;
        Ok(record.and_then(|record| record.read()))
    }

    /// Keeps new tokens, and uses them. Where the store fails they are used all the same, since the
    /// server may have withdrawn the ones before.
    pub(super) async fn keep(
        &self,
        account: &Account,
        tokens: Tokens,
    ) -> Result<Arc<Current>, OAuthError> {
        let record = Record::write(&tokens).ending_at(tokens.worthless_at());
        let current = account.adopt(Current::new(tokens)?);
        let saved = self.store.save(&tokens_name(&account.key), &record).await;
        if let Err(error) = saved {
            tracing::warn!(%error, "a token is not kept");
        }
        Ok(current)
    }

    /// Removes the tokens of an account.
    pub(super) async fn drop_tokens(&self, account: &AccountKey) -> Result<(), OAuthError> {
        if let Some(account) = self.accounts.find(account) {
            account.forget();
        }
        Ok(self.store.remove(&tokens_name(account)).await?)
    }

    /// Uses the tokens in the store, where they are there and have not ended.
    pub(super) async fn adopt_stored(
        &self,
        account: &Account,
    ) -> Result<Option<Arc<Current>>, OAuthError> {
        let Some(tokens) = self.load(&account.key).await? else {
            return Ok(None);
        };
        let current = Current::new(tokens)?;
        let has_ended = current.moment(Instant::now()) == crate::account::Moment::Ended;
        match has_ended && current.tokens.refresh.is_none() {
            true => Ok(None),
            false => Ok(Some(account.adopt(current))),
        }
    }
}

fn tokens_name(account: &AccountKey) -> RecordName {
    RecordName::new("tokens", account)
}
