//! Server notifications through a channel.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, CustomNotification, Implementation,
        LoggingMessageNotificationParam, ProgressNotificationParam,
        ResourceUpdatedNotificationParam, TaskStatusNotificationParams,
    },
    service::NotificationContext,
};
use tokio::sync::mpsc;

use super::{
    factory::{ClientHandlerBox, HandlerFactory},
    list_kind::ListKind,
    noop::default_client_info,
};
use crate::types::PoolKey;

/// A [`HandlerFactory`] that passes server notifications on through a channel, each with the key it
/// belongs to. It declares no capability, so that servers send it no requests.
///
/// ```
/// use mcp_pool_core::extend::{ServerMessage, ServerMessages};
///
/// # async fn example() {
/// let (handlers, mut messages) = ServerMessages::channel(1_024);
/// // let pool = SessionPool::builder().handlers(handlers)...
/// while let Some(event) = messages.recv().await {
///     match event.message {
///         ServerMessage::ListChanged(list) => println!("{:?}: {}", event.key, list.as_str()),
///         _ => {}
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerMessages {
    sender: mpsc::Sender<ServerEvent>,
    missed: Arc<AtomicU64>,
    client: Implementation,
}

/// The other end of [`ServerMessages`].
#[derive(Debug)]
pub struct ServerMessagesReceiver {
    receiver: mpsc::Receiver<ServerEvent>,
    missed: Arc<AtomicU64>,
}

/// A notification of a server, and the key it belongs to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerEvent {
    /// The key of the session that received it: the caller it belongs to.
    pub key: PoolKey,
    /// The notification.
    pub message: ServerMessage,
}

/// A notification of a server. `Debug` shows its kind, and none of its content.
#[derive(Clone)]
#[non_exhaustive]
pub enum ServerMessage {
    /// A list has changed. Comes once for a burst of changes:
    /// [`PoolConfig::list_changed_debounce`](crate::PoolConfig).
    ListChanged(ListKind),
    /// A message for the log. The text is the server's.
    Log(LoggingMessageNotificationParam),
    /// A notification that this crate has no type for, as it came: of an extension, or of a later
    /// revision.
    Other(CustomNotification),
    /// The progress of a call without a sink of its own
    /// ([`with_progress`](crate::PooledClient::with_progress)).
    Progress(ProgressNotificationParam),
    /// A resource has changed.
    ResourceUpdated {
        /// The resource.
        uri: String,
    },
    /// The state of a task (extension `io.modelcontextprotocol/tasks`).
    Task(Box<TaskStatusNotificationParams>),
}

impl fmt::Debug for ServerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListChanged(list) => f.debug_tuple("ListChanged").field(list).finish(),
            Self::Log(_) => f.write_str("Log(..)"),
            Self::Other(_) => f.write_str("Other(..)"),
            Self::Progress(_) => f.write_str("Progress(..)"),
            Self::ResourceUpdated { .. } => f.write_str("ResourceUpdated(..)"),
            Self::Task(_) => f.write_str("Task(..)"),
        }
    }
}

impl ServerMessages {
    /// A factory and the receiver of its messages. `capacity`, at least 1, bounds the messages that
    /// wait for the receiver; further ones are dropped and counted, so that neither a slow receiver
    /// nor a flood from a server can fill the memory.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, ServerMessagesReceiver) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let missed = Arc::new(AtomicU64::new(0));
        let messages = Self {
            sender,
            missed: Arc::clone(&missed),
            client: default_client_info(),
        };
        (messages, ServerMessagesReceiver { receiver, missed })
    }

    /// Introduces the handlers to servers as `client`. Default: `mcp-session-pool` and its version.
    #[must_use]
    pub fn with_client_info(mut self, client: Implementation) -> Self {
        self.client = client;
        self
    }
}

impl ServerMessagesReceiver {
    /// The next message; `None` once no pool and no session can send one any more.
    ///
    /// # Cancel safety
    /// Safe; no message is lost to a dropped call.
    pub async fn recv(&mut self) -> Option<ServerEvent> {
        self.receiver.recv().await
    }

    /// How many messages were dropped since the receiver was full.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl HandlerFactory for ServerMessages {
    fn profile(&self) -> &str {
        "server-messages"
    }

    fn wants_server_messages(&self) -> bool {
        true
    }

    fn handler(&self, key: &PoolKey) -> ClientHandlerBox {
        ClientHandlerBox::new(PassOn {
            key: key.clone(),
            to: self.clone(),
        })
    }
}

/// The handler of one session.
struct PassOn {
    key: PoolKey,
    to: ServerMessages,
}

impl PassOn {
    fn pass_on(&self, message: ServerMessage) {
        let heard = ServerEvent {
            key: self.key.clone(),
            message,
        };
        if self.to.sender.try_send(heard).is_err() {
            self.to.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl ClientHandler for PassOn {
    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.pass_on(ServerMessage::Progress(params));
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.pass_on(ServerMessage::Log(params));
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.pass_on(ServerMessage::ResourceUpdated { uri: params.uri });
    }

    async fn on_resource_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.pass_on(ServerMessage::ListChanged(ListKind::Resources));
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.pass_on(ServerMessage::ListChanged(ListKind::Tools));
    }

    async fn on_prompt_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.pass_on(ServerMessage::ListChanged(ListKind::Prompts));
    }

    async fn on_task_status(
        &self,
        params: TaskStatusNotificationParams,
        _context: NotificationContext<RoleClient>,
    ) {
        self.pass_on(ServerMessage::Task(Box::new(params)));
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        _context: NotificationContext<RoleClient>,
    ) {
        self.pass_on(ServerMessage::Other(notification));
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), self.to.client.clone())
    }
}
