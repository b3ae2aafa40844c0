//! The plain types that everything else is made of.

mod breaker_state;
mod digest;
mod endpoint;
mod era;
mod headers;
mod identity;
mod limits;
mod pool_key;
mod principal;
mod scope;
mod selector;
mod transport_kind;

pub use breaker_state::BreakerState;
pub use digest::Fingerprint;
pub(crate) use digest::{Digest, DigestKey, Hex};
pub use endpoint::{AffinityError, AffinityScope, Endpoint, EndpointError};
pub use era::{Era, Lifecycle};
pub use headers::{PER_REQUEST_HEADERS, is_reserved_header, upstream_headers};
pub use identity::Identity;
pub use limits::{PoolLimits, QuotaKind};
pub use pool_key::PoolKey;
pub(crate) use pool_key::{KeyParts, PrehashedState};
pub use principal::Principal;
pub use scope::{ConversationId, Scope};
pub use selector::Selector;
pub use transport_kind::TransportKind;
