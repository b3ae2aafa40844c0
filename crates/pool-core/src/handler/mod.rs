//! Server-initiated requests and notifications.

mod closure;
mod factory;
mod list_kind;
mod list_versions;
mod noop;
mod profile;
mod progress;
mod proxy;
mod schema_defaults;
mod sealed;
mod server_messages;

pub use closure::HandlerFn;
pub use factory::{ClientHandlerBox, HandlerFactory};
pub use list_kind::ListKind;
pub(crate) use list_versions::ListVersions;
pub use noop::NoopHandlers;
pub(crate) use profile::Profile;
pub(crate) use progress::{ProgressRoute, ProgressSink};
pub(crate) use proxy::{HandlerProxy, ListWatcher, NotificationTurn, ProxiedHandler, ProxyService};
pub use schema_defaults::with_schema_defaults;
pub(crate) use sealed::{SealedAnswer, SealedNotification, SealedRequest};
pub use server_messages::{ServerEvent, ServerMessage, ServerMessages, ServerMessagesReceiver};
