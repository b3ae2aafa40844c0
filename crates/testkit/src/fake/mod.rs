//! A connector without a network, and the remote control that drives it.
//!
//! Its sessions are real rmcp clients over memory: everything above the transport behaves as on a
//! network, and works on paused time.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mcp_pool_core::{AcquireRequest, Principal, SessionPool, error::FaultKind};
//! use mcp_pool_testkit::fake::{self, Behaviour};
//!
//! let (connector, remote) = fake::connector();
//! let pool = SessionPool::builder().connector(connector).build()?;
//! let request = AcquireRequest::new(fake::endpoint("a"), Principal::user("alice"));
//!
//! remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
//! assert!(pool.acquire(&request).await.is_err());
//! remote.on_connect(Behaviour::Ok);
//! let lease = pool.acquire(&request).await?;
//! assert_eq!(remote.open(), 1);
//! # drop(lease);
//! # Ok(())
//! # }
//! ```

mod address;
mod behaviour;
mod connector;
mod counts;
mod ledger;
mod load;
mod remote;
mod session_end;
mod sessions;
mod transport;

pub use address::{endpoint, kind};
pub use behaviour::Behaviour;
pub use connector::{FakeConnector, connector, connector_of};
pub use ledger::Arrival;
pub use load::Load;
pub use remote::Remote;
pub use session_end::SessionEnd;
pub use sessions::{OpenConnect, OpenSession, session_number};
