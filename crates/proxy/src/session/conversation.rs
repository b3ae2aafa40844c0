//! What is kept for one downstream session.
#![expect(
    deprecated,
    reason = "clients of the revisions with sessions set log levels"
)]

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_pool_core::Scope;
use rmcp::model::{ClientCapabilities, LoggingLevel};

use super::{destination::Destination, in_flight::InFlight, losses::Losses};
use crate::caller::Caller;

/// What is kept for one downstream session, or for one subscription of a client without a session.
pub(crate) struct Conversation {
    id: Arc<str>,
    owner: OnceLock<Caller>,
    client: OnceLock<Client>,
    level: Mutex<Option<LoggingLevel>>,
    pub(crate) in_flight: InFlight,
    pub(crate) losses: Losses,
}

/// The client of the session.
struct Client {
    capabilities: ClientCapabilities,
    destination: Destination,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        Self {
            id: format!("{:032x}", rand::random::<u128>()).into(),
            owner: OnceLock::new(),
            client: OnceLock::new(),
            level: Mutex::new(None),
            in_flight: InFlight::default(),
            losses: Losses::default(),
        }
    }

    /// The id, which no client chooses and no client sees.
    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The scope of its upstream sessions.
    pub(crate) fn scope(&self) -> Scope {
        Scope::conversation(Arc::clone(&self.id))
    }

    /// Notes the client. The first one stays.
    pub(crate) fn begin(&self, capabilities: ClientCapabilities, destination: Destination) {
        let _ = self.client.set(Client {
            capabilities,
            destination,
        });
    }

    /// What the client can answer.
    pub(crate) fn capabilities(&self) -> ClientCapabilities {
        let client = self.client.get();
        client.map_or_else(ClientCapabilities::default, |client| {
            client.capabilities.clone()
        })
    }

    /// Where messages go; `None` before there is a client.
    pub(crate) fn destination(&self) -> Option<&Destination> {
        self.client.get().map(|client| &client.destination)
    }

    /// True where the session belongs to this caller. It belongs to the first caller that uses it.
    pub(crate) fn belongs_to(&self, caller: &Caller) -> bool {
        self.owner.get_or_init(|| caller.clone()) == caller
    }

    /// Sets the level of the log messages that the client wants.
    pub(crate) fn set_level(&self, level: LoggingLevel) {
        *self.lock_level() = Some(level);
    }

    /// The level of the log messages that the client wants, where it set one.
    pub(crate) fn level(&self) -> Option<LoggingLevel> {
        *self.lock_level()
    }

    fn lock_level(&self) -> MutexGuard<'_, Option<LoggingLevel>> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
