//! The sessions that replicas share: a pool's side of their directory. It knows no key pool.

mod catch_up;
mod circuit;
mod claim;
mod closings;
mod driver;
mod handles;
mod hints;
mod link;
mod names;
mod overdue;
mod sealing;
mod settings;
mod upstream_hints;

pub(crate) use claim::{Opening, Revival};
pub use handles::{HandleError, SessionHandle};
pub(crate) use hints::UpstreamHint;
pub(crate) use link::FleetLink;
pub use settings::Fleet;
