//! A session inside the pool, and the sessions that are open.

mod detected_sessions;
mod ending;
mod history;
mod lists;
mod open_sessions;
mod pooled_session;
mod spares;

pub(crate) use detected_sessions::{DetectedSession, DetectedSessions};
pub(crate) use ending::Ending;
pub(crate) use history::{HasHistory, History};
pub(crate) use open_sessions::OpenSessions;
pub(crate) use pooled_session::{NewSession, PooledSession, SessionSlot, Sharing};
pub(crate) use spares::Spares;
