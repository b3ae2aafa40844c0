//! The forms in which servers answer.

use std::net::SocketAddr;

use mcp_pool_core::{Endpoint, config::Lifecycle};

use crate::Result;

/// The form of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, in a session.
    Json,
    /// An event stream for each answer, in a session.
    Events,
    /// JSON, without sessions (revision 2026-07-28).
    Stateless,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Events, Self::Stateless];

    pub(super) fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.path() == path)
    }

    pub(super) fn url(self, address: SocketAddr) -> String {
        format!("http://{address}{}", self.path())
    }

    /// The endpoint at this address, whose era is known.
    pub(super) fn endpoint(self, url: &str) -> Result<Endpoint> {
        let lifecycle = match self {
            Self::Json | Self::Events => Lifecycle::Legacy,
            Self::Stateless => Lifecycle::Stateless,
        };
        Ok(Endpoint::streamable_http(url)?.with_lifecycle(lifecycle))
    }

    fn path(self) -> &'static str {
        match self {
            Self::Json => "/json",
            Self::Events => "/events",
            Self::Stateless => "/stateless",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_form() {
        for form in Form::ALL {
            assert_eq!(Form::of_path(form.path()), Some(form));
        }
        assert_eq!(Form::of_path("/"), None);
    }
}
