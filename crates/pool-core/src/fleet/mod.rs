//! The sessions that replicas share: a pool's side of their directory. It knows no key pool.

mod circuit;
mod driver;
mod link;
mod names;
mod settings;

pub(crate) use link::{FleetLink, Opening, Revival};
pub use settings::Fleet;
