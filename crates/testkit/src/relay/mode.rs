//! What a relay does with its connections.

use super::cuts::Cuts;

/// What a relay does with its connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) runs: bool,
    pub(super) cuts: Option<Cuts>,
}
