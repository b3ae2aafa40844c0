//! From a name of the proxy to an upstream and its own name.

use rmcp::ErrorData;

use super::handler::ProxyHandler;
use crate::{
    naming::NamePolicy,
    upstreams::{Mode, Upstream},
};

impl ProxyHandler {
    /// The upstream behind a name of a tool, a prompt or a task, which becomes its own name for it.
    ///
    /// # Errors
    /// No upstream has it.
    pub(super) fn by_name(
        &self,
        name: &mut (impl AsRef<str> + From<String>),
    ) -> Result<&Upstream, ErrorData> {
        let found = self.split(self.proxy.names.as_ref(), name);
        found.ok_or_else(|| ErrorData::invalid_params("no upstream has this name", None))
    }

    /// The upstream behind a URI, which becomes its own URI for it.
    ///
    /// # Errors
    /// No upstream has it.
    pub(super) fn by_uri(&self, uri: &mut String) -> Result<&Upstream, ErrorData> {
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

    fn split(
        &self,
        policy: &dyn NamePolicy,
        name: &mut (impl AsRef<str> + From<String>),
    ) -> Option<&Upstream> {
        let (upstream, own) = policy.split(name.as_ref())?;
        let upstream = self.proxy.upstream(upstream)?;
        *name = own.to_owned().into();
        Some(upstream)
    }
}
