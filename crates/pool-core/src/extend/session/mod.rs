//! An initialised session and what is known of it.

mod close_notifier;
mod driver;
mod info;
mod metadata;
mod server_stream;
mod session;
mod shared;
mod slots_by_era;
mod stream_state;
mod watched_transport;

pub use close_notifier::CloseNotifier;
pub use driver::{CloseOutcome, RunningSession, SessionDriver};
pub use info::SessionInfo;
pub use metadata::SessionMetadata;
pub use server_stream::ServerStreamState;
pub use session::Session;
pub(crate) use slots_by_era::{SlotsByEra, SlotsCell};
pub use stream_state::ServerStream;
pub use watched_transport::WatchedTransport;
