//! The public connector.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, EndpointError},
    extend::{ConnectRequest, Connector, Session, Support, open_detached},
};
use tokio_util::sync::CancellationToken;

use super::handshake::{Handshake, Shared};
use crate::{
    command::{Registry, StdioCommand},
    error::CommandError,
    limits::Limits,
    start::Processes,
    stats::{Counters, StdioStats},
};

/// Opens sessions over stdio: a child process each, of a command that is registered here.
///
/// All clones share the limits and the counts.
#[derive(Clone, Debug)]
pub struct StdioConnector {
    registry: Registry,
    shared: Shared,
}

impl StdioConnector {
    /// A connector without commands.
    #[must_use]
    pub fn new() -> Self {
        Self {
            registry: Registry::default(),
            shared: Shared {
                processes: Processes::new(DEFAULT_MAX_PROCESSES),
                limits: Limits::default(),
                counters: Arc::new(Counters::default()),
            },
        }
    }

    /// Registers a command. Its endpoint is [`endpoint`](Self::endpoint) with the same name.
    ///
    /// # Errors
    /// [`CommandError`]: the name is not valid or is taken, or the command is not complete.
    pub fn with_command(mut self, name: &str, command: StdioCommand) -> Result<Self, CommandError> {
        self.registry.add(name, command)?;
        Ok(self)
    }

    /// Limits the processes of all commands together, those included that are ending. Default: 256.
    ///
    /// A connect beyond the limit waits for a moment, and then fails with a source of
    /// [`StdioError::TooManyProcesses`](crate::StdioError::TooManyProcesses). Choose more than
    /// `max_total_sessions` of the pool, which closes idle sessions to make room.
    #[must_use]
    pub fn with_max_processes(mut self, processes: usize) -> Self {
        self.shared.processes = Processes::new(processes);
        self
    }

    /// Limits the size of one message of a server, in bytes. Default: 4 MiB.
    ///
    /// A larger answer ends its call with a fault of kind `TooLarge`, and the session goes on. A
    /// line of more than 16 times the limit ends its session.
    #[must_use]
    pub fn with_max_message_size(mut self, bytes: usize) -> Self {
        self.shared.limits.max_message = bytes;
        self
    }

    /// The endpoint of the command with this name: `stdio:` and the name.
    ///
    /// # Errors
    /// As [`Endpoint::new`]: the name does not fit into a URL.
    pub fn endpoint(name: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::new(&format!("stdio:{name}"), kind())
    }

    /// What the connector has counted.
    #[must_use]
    pub fn stats(&self) -> StdioStats {
        self.shared.counters.stats(self.shared.processes.running())
    }
}

impl Default for StdioConnector {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Connector for StdioConnector {
    fn kind(&self) -> TransportKind {
        kind()
    }

    fn schemes(&self) -> &[&str] {
        &["stdio"]
    }

    fn speaks_stateless(&self) -> bool {
        true
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        let given_up = CancellationToken::new();
        let handshake = Handshake {
            shared: self.shared.clone(),
            command: self.registry.of(request.endpoint())?,
            request: request.clone(),
            given_up: given_up.clone(),
        };
        let _given_up_when_dropped = given_up.drop_guard();
        open_detached(handshake.run()).await
    }

    /// Starts no child: the registered names are known.
    async fn detect(&self, request: &ConnectRequest) -> Result<Support, ConnectError> {
        match self.registry.of(request.endpoint()) {
            Ok(_) => Ok(Support::Supported),
            Err(_) => Ok(Support::Unsupported),
        }
    }
}

fn kind() -> TransportKind {
    TransportKind::new("stdio")
}

const DEFAULT_MAX_PROCESSES: usize = 256;
