//! From a name of the proxy to an upstream and its own name.

use rmcp::ErrorData;

use super::handler::ProxyHandler;
use crate::{
    naming::NamePolicy,
    upstreams::{Mode, Upstream},
};

impl ProxyHandler {
    /// The upstream behind a name of a tool or prompt, and its own name for it.
    ///
    /// # Errors
    /// No upstream has it.
    pub(super) fn by_name<'a>(
        &'a self,
        name: &'a str,
    ) -> Result<(&'a Upstream, &'a str), ErrorData> {
        let found = self.split(self.proxy.names.as_ref(), name);
        found.ok_or_else(|| ErrorData::invalid_params("no upstream has this name", None))
    }

    /// The upstream behind a URI, and its own URI for it.
    ///
    /// # Errors
    /// No upstream has it.
    pub(super) fn by_uri<'a>(&'a self, uri: &'a str) -> Result<(&'a Upstream, &'a str), ErrorData> {
        let found = self.split(self.proxy.uris.as_ref(), uri);
        found.ok_or_else(|| ErrorData::resource_not_found("no upstream has this resource", None))
    }

    /// The upstream of a proxy that changes nothing.
    pub(super) fn single(&self) -> Option<&Upstream> {
        match self.proxy.mode {
            Mode::Single => self.proxy.upstreams.first(),
            Mode::Several => None,
        }
    }

    fn split<'a>(
        &'a self,
        policy: &dyn NamePolicy,
        name: &'a str,
    ) -> Option<(&'a Upstream, &'a str)> {
        let (upstream, own) = policy.split(name)?;
        Some((self.proxy.upstream(upstream)?, own))
    }
}
