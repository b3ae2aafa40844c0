//! Why a credential source has no headers for a request.

use std::{error::Error, fmt, sync::Arc};

use url::Url;

/// Why there are no credentials for a request. `reason` must hold no part of one.
#[derive(Clone, Debug)]
pub struct CredentialError {
    reason: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    action: Option<Arc<UserAction>>,
}

/// What a user has to do at an address before there are credentials, such as to authorize.
///
/// The address is for this one user: `Debug` shows its host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct UserAction {
    url: Url,
    message: String,
}

impl UserAction {
    /// The user has to go to `url`. `message` is the reason in words for the user, without a secret.
    #[must_use]
    pub fn new(url: Url, message: impl Into<String>) -> Self {
        Self {
            url,
            message: message.into(),
        }
    }

    /// The address to send the user to. Do not log it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Why, in words for the user.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Debug for UserAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAction")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl CredentialError {
    /// There are none, for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cause: None,
            action: None,
        }
    }

    /// There are none, for the reason that the error gives. Neither its `Display` nor its `Debug` may
    /// show any part of a credential.
    #[must_use]
    pub fn of(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            reason: cause.to_string(),
            cause: Some(Arc::new(cause)),
            action: None,
        }
    }

    /// The same error, which is over once the user has done this.
    #[must_use]
    pub fn with_user_action(mut self, action: UserAction) -> Self {
        self.action = Some(Arc::new(action));
        self
    }

    /// What the user has to do before the call is made again, where that is the reason.
    #[must_use]
    pub fn user_action(&self) -> Option<&UserAction> {
        self.action.as_deref()
    }

    /// The error that the source gave as its reason, where it is of this type: what a caller can act on.
    ///
    /// ```
    /// use mcp_pool_core::error::CredentialError;
    /// let error = CredentialError::of(std::fmt::Error);
    /// assert!(error.cause::<std::fmt::Error>().is_some());
    /// ```
    #[must_use]
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        self.cause.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credentials: {}", self.reason)
    }
}

impl Error for CredentialError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The reason is its text, so that the causes begin below it.
        self.cause.as_deref()?.source()
    }
}

/// Two errors are equal where they give the same reason.
impl PartialEq for CredentialError {
    fn eq(&self, other: &Self) -> bool {
        self.reason == other.reason
    }
}

impl Eq for CredentialError {}
