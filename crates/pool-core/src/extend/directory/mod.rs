//! The seam for a directory of the sessions that replicas of a gateway share.

mod claim;
mod directory;
mod error;
mod fleet_key;
mod held;
mod holding;
mod sealed;
mod tenure;

pub use claim::{Claim, ClaimRequest};
pub use directory::{Beat, Reach, Removal, Removed, Revoked, SessionDirectory};
pub use error::{DirectoryError, SealError};
pub(crate) use fleet_key::hex;
pub use fleet_key::{FleetKey, FleetMark};
pub(crate) use held::{Claimed, Held};
pub use holding::{Fence, Holding, ReplicaId, SessionRef, Sharing};
pub use sealed::{ParkedSession, SealedSession, SessionSeal};
pub(crate) use tenure::Tenure;
