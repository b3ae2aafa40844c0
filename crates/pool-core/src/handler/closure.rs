//! A handler factory from a closure.

use std::fmt;

use rmcp::model::ClientCapabilities;

use super::factory::{ClientHandlerBox, HandlerFactory};
use crate::types::PoolKey;

/// A [`HandlerFactory`] made from a closure that builds the handler of a key.
///
/// ```
/// use mcp_pool_core::{PoolKey, rmcp, extend::{ClientHandlerBox, HandlerFn}};
/// use rmcp::{ClientHandler, RoleClient, model::ProgressNotificationParam, service::NotificationContext};
///
/// /// Receives the progress of one user's calls.
/// struct ProgressPrinter {
///     user: String,
/// }
///
/// impl ClientHandler for ProgressPrinter {
///     async fn on_progress(
///         &self,
///         params: ProgressNotificationParam,
///         _context: NotificationContext<RoleClient>,
///     ) {
///         println!("{}: {}", self.user, params.progress);
///     }
/// }
///
/// let handlers = HandlerFn::new("progress", |key: &PoolKey| {
///     let user = key.principal().user_id().unwrap_or("anonymous");
///     ClientHandlerBox::new(ProgressPrinter { user: user.to_owned() })
/// });
/// ```
pub struct HandlerFn<F> {
    profile: String,
    declared: ClientCapabilities,
    hears_all: bool,
    make: F,
}

impl<F: Fn(&PoolKey) -> ClientHandlerBox + Send + Sync> HandlerFn<F> {
    /// A factory whose handlers are built by `make`. It declares no capability and receives every
    /// message that a server sends, outside of calls too.
    ///
    /// `profile` names its handlers: see [`HandlerFactory::profile`].
    #[must_use]
    pub fn new(profile: impl Into<String>, make: F) -> Self {
        Self {
            profile: profile.into(),
            declared: ClientCapabilities::default(),
            hears_all: true,
            make,
        }
    }

    /// Declares what the handlers can answer: sampling, elicitation, roots.
    #[must_use]
    pub fn declaring(mut self, capabilities: ClientCapabilities) -> Self {
        self.declared = capabilities;
        self
    }

    /// Leaves out what servers send outside of any call, which saves each session a connection.
    /// Without effect where anything is declared.
    #[must_use]
    pub fn within_calls(mut self) -> Self {
        self.hears_all = false;
        self
    }
}

impl<F: Fn(&PoolKey) -> ClientHandlerBox + Send + Sync> HandlerFactory for HandlerFn<F> {
    fn profile(&self) -> &str {
        &self.profile
    }

    fn declared(&self) -> ClientCapabilities {
        self.declared.clone()
    }

    fn wants_server_messages(&self) -> bool {
        self.hears_all || self.declared != ClientCapabilities::default()
    }

    fn handler(&self, key: &PoolKey) -> ClientHandlerBox {
        (self.make)(key)
    }
}

impl<F> fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerFn")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
