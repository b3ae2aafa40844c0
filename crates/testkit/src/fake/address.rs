//! The addresses of the fake transport.

use mcp_pool_core::{Endpoint, TransportKind};

/// An endpoint of the fake transport.
///
/// # Panics
/// When `name` is not a valid host name.
#[must_use]
pub fn endpoint(name: &str) -> Endpoint {
    Endpoint::new(&format!("http://{name}.test/mcp"), kind()).expect("a name of a host")
}

/// The transport kind of [`connector`](super::connector).
#[must_use]
pub fn kind() -> TransportKind {
    TransportKind::new("fake")
}
