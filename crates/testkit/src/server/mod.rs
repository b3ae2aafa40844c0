//! A real MCP server in the test's own process.

mod barrier;
mod counter;
mod counter_server;
mod counterpart;
mod hostile;
mod modes;
mod request_log;
mod run;
mod server_requests;
mod sse;
mod switches;

pub use counter_server::CounterServer;
pub use counterpart::Counterpart;
pub use hostile::{HostileSse, Mischief};
pub use modes::{Modes, Revisions};
// The name until 0.1.0; the transports' own tests use it.
#[doc(hidden)]
pub use modes::Modes as Form;
pub use request_log::Seen;
pub(crate) use run::Running;
pub use switches::{Refusal, Switches, UnknownSession};
