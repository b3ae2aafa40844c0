//! Server-initiated requests and notifications.

mod closure;
mod factory;
mod list_kind;
mod list_versions;
mod log_level;
mod noop;
mod profile;
mod progress;
mod proxy;
mod resource_update;
mod schema_defaults;
mod server_messages;

pub use closure::HandlerFn;
pub use factory::{ClientHandlerBox, HandlerFactory};
pub use list_kind::ListKind;
pub(crate) use list_versions::ListVersions;
pub(crate) use log_level::LogLevelCell;
pub use noop::NoopHandlers;
pub(crate) use profile::Profile;
pub(crate) use progress::{ProgressRoute, ProgressSink};
pub(crate) use proxy::{
    HandlerOwner, HandlerProxy, ListWatcher, NotificationTurn, ProxiedHandler, ProxyService,
    SealedAnswer, SealedNotification, SealedRequest,
};
pub use resource_update::ResourceUpdate;
pub use schema_defaults::with_schema_defaults;
pub use server_messages::{ServerEvent, ServerMessage, ServerMessages, ServerMessagesReceiver};
