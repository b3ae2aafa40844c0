//! The pool in front of a handler.

mod handler_proxy;
mod sealed;
mod service;
mod turn;

pub(crate) use handler_proxy::{HandlerProxy, ListWatcher, ProxiedHandler};
pub(crate) use sealed::{SealedAnswer, SealedNotification, SealedRequest};
pub(crate) use service::ProxyService;
pub(crate) use turn::NotificationTurn;
