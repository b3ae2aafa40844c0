//! The descriptions of upstreams, and that of the proxy.

use std::sync::Arc;

use futures::future::join_all;
use mcp_pool_core::{AcquireRequest, error::CallError};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ExtensionCapabilities, SKILLS_EXTENSION_ID, ServerCapabilities, ServerConfig,
        TASKS_EXTENSION_ID,
    },
    service::RequestContext,
};
use tokio::time::timeout;

use super::handler::ProxyHandler;
use crate::{
    fault::Fault,
    upstreams::{Unavailable, Upstream},
};

impl ProxyHandler {
    /// The description of the proxy for the client of a request: that of the single upstream, or those
    /// of several together.
    ///
    /// # Errors
    /// The single upstream's failure. Of several, those that fail are left out.
    pub(super) async fn gather(
        &self,
        requests: Vec<AcquireRequest>,
    ) -> Result<ServerConfig, ErrorData> {
        let upstreams = self.proxy.upstreams.iter().zip(requests);
        if self.single().is_some() {
            let (_, request) = upstreams.into_iter().next().ok_or_else(no_upstream)?;
            let info = self.info_of(request).await;
            return info.map(passed_on).or_else(|error| {
                let fault = Fault::of(&error);
                match fault.user_action() {
                    // Only a client that is introduced can send its user anywhere.
                    Some(_) => Ok(self.own_info()),
                    None => Err(fault.to_error()),
                }
            });
        }
        let infos = upstreams.map(|(upstream, request)| self.info_in_time(upstream, request));
        let infos = join_all(infos).await;
        let infos = infos.into_iter().flatten();
        let merged = ServerConfig::new(ServerCapabilities::default())
            .with_server_info(self.proxy.server_info.clone());
        Ok(infos.fold(merged, merge))
    }

    /// The proxy's own description, of everything that it can pass on.
    pub(super) fn own_info(&self) -> ServerConfig {
        ServerConfig::new(everything()).with_server_info(self.proxy.server_info.clone())
    }

    /// The requests for a session with each upstream, for the caller of a downstream request.
    ///
    /// # Errors
    /// There is no caller, or the session is another's.
    pub(super) fn requests(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<Vec<AcquireRequest>, ErrorData> {
        let upstreams = self.proxy.upstreams.iter();
        upstreams
            .map(|upstream| self.request(upstream, context))
            .collect()
    }

    /// The description of an upstream, with its name; `None` where it fails.
    async fn info_in_time(
        &self,
        upstream: &Upstream,
        request: AcquireRequest,
    ) -> Option<Described> {
        let error = match timeout(self.proxy.list_timeout, self.info_of(request)).await {
            Ok(Ok(info)) => {
                return Some(Described {
                    name: upstream.name().to_owned(),
                    info: passed_on(info),
                });
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.proxy.unavailable(&Unavailable {
            upstream: upstream.name(),
            method: "initialize",
            error: error.as_ref(),
        });
        None
    }

    async fn info_of(&self, request: AcquireRequest) -> Result<ServerConfig, CallError> {
        let lease = self.proxy.pool.acquire(&request).await;
        let lease = lease.map_err(|error| CallError::Acquire(Arc::new(error)))?;
        let peer = lease.peer().await?;
        let info = peer.peer_info().ok_or(CallError::UnexpectedResult)?;
        let mut config = ServerConfig::new(info.capabilities.clone());
        // A stateless server may have no name.
        let name = info.server_info.clone();
        config.server_info = name.unwrap_or_else(|| self.proxy.server_info.clone());
        config.instructions.clone_from(&info.instructions);
        config.meta.clone_from(&info.meta);
        Ok(config)
    }
}

/// The description of one upstream.
struct Described {
    name: String,
    info: ServerConfig,
}

/// Everything that a proxy can pass on, for a client whose upstreams are not known yet.
fn everything() -> ServerCapabilities {
    #[expect(deprecated, reason = "servers of the revisions with sessions do log")]
    let builder = ServerCapabilities::builder().enable_logging();
    builder
        .enable_completions()
        .enable_prompts()
        .enable_prompts_list_changed()
        .enable_resources()
        .enable_resources_list_changed()
        .enable_resources_subscribe()
        .enable_skills_with_directory_read()
        .enable_tasks()
        .enable_tools()
        .enable_tool_list_changed()
        .build()
}

/// What of an upstream's own words the proxy can keep. Extensions are agreements of both ends, of which
/// it knows tasks and skills.
fn passed_on(mut info: ServerConfig) -> ServerConfig {
    if let Some(extensions) = &mut info.capabilities.extensions {
        extensions.retain(|name, _| [SKILLS_EXTENSION_ID, TASKS_EXTENSION_ID].contains(&&**name));
    }
    info.capabilities.extensions = info
        .capabilities
        .extensions
        .filter(|extensions| !extensions.is_empty());
    info
}

/// The description for a client with a session, which gets no tasks: its calls return results.
pub(super) fn in_session(mut info: ServerConfig) -> ServerConfig {
    if let Some(extensions) = &mut info.capabilities.extensions {
        extensions.remove(TASKS_EXTENSION_ID);
        if extensions.is_empty() {
            info.capabilities.extensions = None;
        }
    }
    info
}

fn no_upstream() -> ErrorData {
    ErrorData::internal_error("the proxy has no upstream", None)
}

/// Adds the description of one more upstream.
fn merge(mut all: ServerConfig, described: Described) -> ServerConfig {
    let Described { name, info: one } = described;
    let (of_all, own) = (&mut all.capabilities, one.capabilities);
    of_all.extensions = extensions_of_both(of_all, &own);
    of_all.logging = of_all.logging.take().or(own.logging);
    of_all.completions = of_all.completions.take().or(own.completions);
    if let Some(own) = own.tools {
        let tools = of_all.tools.get_or_insert_default();
        tools.list_changed = either(tools.list_changed, own.list_changed);
    }
    if let Some(own) = own.prompts {
        let prompts = of_all.prompts.get_or_insert_default();
        prompts.list_changed = either(prompts.list_changed, own.list_changed);
    }
    if let Some(own) = own.resources {
        let resources = of_all.resources.get_or_insert_default();
        resources.list_changed = either(resources.list_changed, own.list_changed);
        resources.subscribe = either(resources.subscribe, own.subscribe);
    }
    if let Some(own) = one.instructions {
        let section = format!("# {name}\n\n{own}");
        all.instructions = Some(match all.instructions.take() {
            Some(others) => format!("{others}\n\n{section}"),
            None => section,
        });
    }
    all
}

/// The extensions that one of two servers offers.
fn extensions_of_both(
    one: &ServerCapabilities,
    other: &ServerCapabilities,
) -> Option<ExtensionCapabilities> {
    let either = |offers: fn(&ServerCapabilities) -> bool| offers(one) || offers(other);
    let mut both = ServerCapabilities::builder();
    if either(ServerCapabilities::supports_tasks) {
        both = both.enable_tasks();
    }
    if either(ServerCapabilities::supports_directory_read) {
        both = both.enable_skills_with_directory_read();
    } else if either(ServerCapabilities::supports_skills) {
        both = both.enable_skills();
    }
    both.build().extensions
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    one.max(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_upstreams_can_together_what_each_of_them_can() {
        let tools = ServerCapabilities::builder()
            .enable_resources()
            .enable_skills_with_directory_read()
            .enable_tools()
            .build();
        let changing = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_completions()
            .enable_tasks()
            .build();
        let of = |name: &str, capabilities| {
            let info = ServerConfig::new(capabilities).with_instructions(format!("use {name}"));
            Described {
                name: name.to_owned(),
                info,
            }
        };
        let merged = [of("one", tools), of("two", changing)]
            .into_iter()
            .fold(ServerConfig::new(ServerCapabilities::default()), merge);
        assert!(merged.capabilities.supports_directory_read());
        assert!(merged.capabilities.supports_tasks());
        assert_eq!(merged.capabilities.tools.unwrap().list_changed, Some(true));
        assert!(merged.capabilities.completions.is_some());
        assert!(merged.capabilities.prompts.is_none());
        let instructions = merged.instructions.unwrap();
        assert_eq!(instructions, "# one\n\nuse one\n\n# two\n\nuse two");
    }
}
