//! The credentials of one session.

use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::{
    latest::{Credential, LatestCredentials},
    source::{CallerHeaders, CredentialRequest, CredentialSource},
};
use crate::{error::CredentialError, time::Timestamp, types::Endpoint, wire::CallContext};

/// The credentials of one session, as its transport sees them. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    source: Arc<dyn CredentialSource>,
    endpoint: Endpoint,
    latest: Arc<LatestCredentials>,
    /// The headers of the caller that the session was opened for.
    opener: Arc<HeaderMap>,
}

impl Credentials {
    pub(crate) fn new(
        source: Arc<dyn CredentialSource>,
        endpoint: Endpoint,
        latest: Arc<LatestCredentials>,
        opener: Arc<HeaderMap>,
    ) -> Self {
        Self {
            source,
            endpoint,
            latest,
            opener,
        }
    }

    /// Fixed headers, for tests of a transport without a pool.
    #[must_use]
    pub fn fixed(endpoint: Endpoint, headers: HeaderMap) -> Self {
        let opener = Arc::new(headers);
        let credential = Credential {
            headers: Arc::clone(&opener),
            ends_at: Timestamp::NEVER,
        };
        let latest = Arc::new(LatestCredentials::new(credential, Timestamp::of_nanos(0)));
        Self::new(Arc::new(CallerHeaders), endpoint, latest, opener)
    }

    /// The headers to send with a request now.
    ///
    /// `call` is the context that came with the request; `None` for a request that the transport
    /// makes of its own accord.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn headers(
        &self,
        call: Option<&CallContext>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.ask(call, None).await
    }

    /// Fresh headers after the endpoint refused `rejected` with 401.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn renewed(
        &self,
        call: Option<&CallContext>,
        rejected: &Arc<HeaderMap>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.ask(call, Some(rejected)).await
    }

    async fn ask(
        &self,
        call: Option<&CallContext>,
        rejected: Option<&Arc<HeaderMap>>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        if let Some(rejected) = rejected {
            self.latest.refuse(rejected);
        }
        let newest = self.latest.load();
        let caller = match call {
            Some(call) => call.caller(),
            // The refusal of the latest headers proves nothing against those that opened the
            // session.
            None if rejected == Some(&newest) => &self.opener,
            None => &newest,
        };
        let request = CredentialRequest {
            endpoint: &self.endpoint,
            caller,
            caller_has_ended: call.is_some_and(CallContext::has_ended),
            newest: &newest,
            rejected,
        };
        self.source.headers(&request).await
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
