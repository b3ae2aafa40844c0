//! What went wrong with Redis, without what was sent.

use std::{error::Error, fmt};

use mcp_pool_core::extend::DirectoryError;
use redis::{ErrorKind, RedisError};

/// Why Redis did not do what was requested. It shows neither an address nor a key nor a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisFailure {
    what: &'static str,
    /// The code of an error of the server, such as `NOAUTH`.
    code: Option<String>,
}

impl RedisFailure {
    pub(crate) fn of(error: &RedisError) -> Self {
        let what = match error.kind() {
            ErrorKind::InvalidClientConfig => "the URL names no server that can be used",
            ErrorKind::AuthenticationFailed => "the credentials of the directory were refused",
            ErrorKind::Io => "the server is not reached",
            ErrorKind::Server(_) => "the server refused the command",
            _ => "the server gave an unexpected answer",
        };
        Self {
            what,
            code: error.code().map(str::to_owned),
        }
    }

    pub(crate) fn no_server() -> Self {
        Self {
            what: "the URL names no server that can be used",
            code: None,
        }
    }

    #[cfg(not(all(feature = "sentinel", feature = "cluster")))]
    pub(crate) fn no_feature() -> Self {
        Self {
            what: "the URL needs the feature `sentinel` or `cluster` of the crate",
            code: None,
        }
    }

    pub(crate) fn unexpected() -> Self {
        Self {
            what: "the server gave an unexpected answer",
            code: None,
        }
    }
}

impl fmt::Display for RedisFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for RedisFailure {}

/// The error of a step.
pub(crate) fn failed(error: &RedisError) -> DirectoryError {
    let failure = RedisFailure::of(error);
    let is_absent = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
    match is_absent {
        true => DirectoryError::unreachable(failure),
        false => DirectoryError::refused(failure),
    }
}

/// The error of an answer that no script gives.
pub(crate) fn unexpected() -> DirectoryError {
    DirectoryError::refused(RedisFailure::unexpected())
}
