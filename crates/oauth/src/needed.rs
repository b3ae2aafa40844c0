//! What a user has to do.

use std::{fmt, sync::Arc, time::SystemTime};

use url::Url;

/// The user has to authorize: send the user's browser to [`url`](Self::url), then call
/// [`complete`](crate::OAuthCredentials::complete) with the address that it comes back to.
///
/// Cheap to clone. `Debug` and `Display` show the host alone: the URL belongs to this one user.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationNeeded(Arc<Needed>);

#[derive(PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) url: Url,
    pub(crate) scopes: Vec<String>,
    pub(crate) issuer: String,
    pub(crate) until: SystemTime,
}

impl AuthorizationNeeded {
    /// Where to send the user. It holds no secret of the client, and is for this user alone. Do not log
    /// it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The scopes that are requested. None: the server chooses.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// The authorization server that the user is sent to.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Until when the authorization can be completed.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        self.0.until
    }
}

impl fmt::Display for AuthorizationNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.url.host_str().unwrap_or_default();
        write!(f, "the user has to authorize at `{host}`")
    }
}

impl fmt::Debug for AuthorizationNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationNeeded")
            .field("host", &self.0.url.host_str())
            .field("scopes", &self.0.scopes)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for AuthorizationNeeded {}

impl From<Needed> for AuthorizationNeeded {
    fn from(needed: Needed) -> Self {
        Self(Arc::new(needed))
    }
}
