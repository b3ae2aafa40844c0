//! A connector without a network, and the remote control that drives it.
//!
//! Its sessions are real rmcp clients over memory, so that everything above the transport behaves
//! as it would on a network, and on paused time.
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

mod connector;
mod counts;
mod remote;
mod transport;

pub use connector::{FakeConnector, connector, connector_of};
use mcp_pool_core::{Endpoint, TransportKind};
pub use remote::{Behaviour, Remote};

/// An endpoint of the fake transport.
///
/// # Panics
/// When `name` cannot be the name of a host.
#[must_use]
pub fn endpoint(name: &str) -> Endpoint {
    Endpoint::new(&format!("http://{name}.test/mcp"), kind()).expect("a name of a host")
}

/// The transport kind of [`connector`].
#[must_use]
pub fn kind() -> TransportKind {
    TransportKind::new("fake")
}
