//! The pool in front of a handler.

mod closed;
mod handler_proxy;
mod list_watcher;
mod refusal;
mod sealed;
mod service;
mod turn;

pub(crate) use handler_proxy::{HandlerOwner, HandlerProxy, ProxiedHandler};
pub(crate) use list_watcher::ListWatcher;
pub(crate) use sealed::{SealedAnswer, SealedNotification, SealedRequest};
pub(crate) use service::ProxyService;
pub(crate) use turn::NotificationTurn;
