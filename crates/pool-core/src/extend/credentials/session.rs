//! The credentials of one session.

use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::{
    latest::{Credential, LatestCredentials},
    request::{CredentialRefusal, CredentialRequest, RequestKind, RequestTarget},
    source::{CallerHeaders, CredentialSource},
};
use crate::{
    error::CredentialError,
    time::Timestamp,
    types::{DigestKey, Endpoint, Identity, KeyParts, PoolKey, Principal, Scope},
    wire::CallContext,
};

/// The credentials of one session, as its transport sees them. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    source: Arc<dyn CredentialSource>,
    key: PoolKey,
    latest: Arc<LatestCredentials>,
    /// The headers of the caller that the session was opened for.
    opener: Arc<HeaderMap>,
}

impl Credentials {
    pub(crate) fn new(
        source: Arc<dyn CredentialSource>,
        key: PoolKey,
        latest: Arc<LatestCredentials>,
        opener: Arc<HeaderMap>,
    ) -> Self {
        Self {
            source,
            key,
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
        let key = PoolKey::new(
            DigestKey::of_process(),
            &KeyParts {
                principal: &Principal::anonymous(),
                endpoint: &endpoint,
                identity: &Identity::anonymous(),
                scope: &Scope::Identity,
                profile: "",
                declared: b"",
            },
        );
        Self::new(Arc::new(CallerHeaders), key, latest, opener)
    }

    /// The headers to send with a request now.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn headers(
        &self,
        target: RequestTarget<'_>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        self.request(target, None, None).await
    }

    /// Fresh headers after the endpoint refused `rejected`.
    ///
    /// # Errors
    /// [`CredentialError`] as the source gives it.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept of a dropped call.
    pub async fn renewed(
        &self,
        target: RequestTarget<'_>,
        rejected: &Arc<HeaderMap>,
        refusal: &CredentialRefusal,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        if refusal.is_of_credential() {
            self.latest.refuse(rejected);
        }
        self.request(target, Some(rejected), Some(refusal)).await
    }

    /// Notes what a response gives for later requests: a nonce. A transport calls it with each response.
    pub fn note_response(&self, headers: &HeaderMap) {
        if let Some(nonce) = headers.get(DPOP_NONCE) {
            self.latest.note_nonce(nonce);
        }
    }

    async fn request(
        &self,
        target: RequestTarget<'_>,
        rejected: Option<&Arc<HeaderMap>>,
        refusal: Option<&CredentialRefusal>,
    ) -> Result<Arc<HeaderMap>, CredentialError> {
        let (newest, nonce) = self.latest.load_with_nonce();
        let call = target.call;
        let caller = match call {
            Some(call) => call.caller(),
            // The refusal of the latest headers proves nothing against those that opened the
            // session.
            None if rejected == Some(&newest) => &self.opener,
            None => &newest,
        };
        let request = CredentialRequest {
            key: &self.key,
            endpoint: self.key.endpoint(),
            kind: match call {
                Some(_) => RequestKind::Call,
                None => RequestKind::Session,
            },
            http: target.http,
            caller,
            caller_has_ended: call.is_some_and(CallContext::has_ended),
            newest: &newest,
            rejected,
            refusal,
            nonce: nonce.as_ref(),
        };
        self.source.headers(&request).await
    }
}

/// The header with a nonce for later proofs of possession (RFC 9449 section 8.2).
const DPOP_NONCE: &str = "dpop-nonce";

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
