//! The errors of a directory and of a seal.

use std::{error::Error, fmt, sync::Arc};

/// Why a directory did not do what was requested.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The fence is not the current one: another replica has the session, or the store knows it no more.
    Lost,
    /// The directory does not keep the session: it ends with its replica.
    NotKept,
    /// The store was not reached, or did not answer in time.
    Unreachable(Option<Arc<dyn Error + Send + Sync>>),
    /// The store answered, and not with what was requested.
    Refused(Arc<dyn Error + Send + Sync>),
}

impl DirectoryError {
    /// The store was not reached; `source` must show no secret.
    #[must_use]
    pub fn unreachable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unreachable(Some(Arc::new(source)))
    }

    /// The store refused; `source` must show no secret.
    #[must_use]
    pub fn refused(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(Arc::new(source))
    }

    /// A short word for labels and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::NotKept => "not_kept",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the directory has another holder of the session, or knows it no more",
            Self::NotKept => "the directory does not keep the session",
            Self::Unreachable(_) => "the directory of sessions does not answer",
            Self::Refused(_) => "the directory of sessions refused the request",
        })
    }
}

impl Error for DirectoryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable(Some(source)) | Self::Refused(source) => Some(source.as_ref()),
            Self::Unreachable(None) | Self::Lost | Self::NotKept => None,
        }
    }
}

/// Why a sealed session does not open, or a session cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// It was sealed for another key, or changed since.
    Forged,
    /// It was sealed by another schema.
    Schema,
    /// It was sealed under key material that is not known.
    UnknownKey,
}

impl SealError {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Schema => "schema",
            Self::UnknownKey => "unknown_key",
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the sealed session is of another key, or was changed",
            Self::Schema => "the sealed session is of another schema",
            Self::UnknownKey => "the sealed session is under unknown key material",
        })
    }
}

impl Error for SealError {}
