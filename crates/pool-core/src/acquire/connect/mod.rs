//! How sessions are opened.

mod connect;
mod open_session;
mod pool_session;
mod reports;
mod share;

pub(crate) use connect::Connects;
pub(super) use connect::begin;
pub(super) use open_session::watch_stream;
pub(super) use reports::report_quota;
