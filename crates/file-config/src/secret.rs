//! Secrets by reference.

use std::{fmt, fs, path::PathBuf};

use http::HeaderValue;

/// Where a secret is: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretRef {
    pub(crate) place: Place,
    /// A text in front of the secret, such as `Bearer `.
    pub(crate) prefix: String,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file, whose last line break does not count.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

/// Why a secret cannot be had. Shows where it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the file `{}` cannot be read", .0.display())]
    NoFile(PathBuf),
    #[error("the variable `{0}` is not set")]
    NoVariable(String),
    #[error("{0} is empty or no value of a header")]
    Unusable(Place),
    #[error("{0} is empty")]
    Empty(Place),
}

impl SecretRef {
    /// The secret as a text.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn text(
        &self,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, SecretError> {
        let secret = self.place.read(variables)?;
        match secret.is_empty() {
            true => Err(SecretError::Empty(self.place.clone())),
            false => Ok(format!("{}{secret}", self.prefix)),
        }
    }

    /// The secret as the value of a header.
    ///
    /// # Errors
    /// It is not there, or no header can have it.
    pub(crate) fn value(
        &self,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<HeaderValue, SecretError> {
        let secret = self.place.read(variables)?;
        let unusable = || SecretError::Unusable(self.place.clone());
        if secret.is_empty() {
            return Err(unusable());
        }
        let value = HeaderValue::try_from(format!("{}{secret}", self.prefix));
        let mut value = value.map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Place {
    fn read(&self, variables: &dyn Fn(&str) -> Option<String>) -> Result<String, SecretError> {
        match self {
            Self::File(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|_| SecretError::NoFile(path.clone()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            Self::Variable(name) => {
                variables(name).ok_or_else(|| SecretError::NoVariable(name.clone()))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file `{}`", path.display()),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
        }
    }
}
