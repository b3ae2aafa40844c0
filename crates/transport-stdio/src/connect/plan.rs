//! Which handshake a child gets.

use mcp_pool_core::{config::Lifecycle, extend::Era};

/// Which handshake a child gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// `server/discover`, and `initialize` where the server does not know it.
    Detect,
    /// `initialize`.
    Legacy,
    /// `server/discover`.
    Stateless,
}

impl Plan {
    /// The plan for an endpoint with this lifecycle, whose era a child may have shown.
    pub(super) fn of(lifecycle: Lifecycle, known: Option<Era>) -> Self {
        match (lifecycle, known) {
            (Lifecycle::Legacy, _) | (Lifecycle::Auto, Some(Era::Legacy)) => Self::Legacy,
            (Lifecycle::Stateless, _) | (Lifecycle::Auto, Some(Era::Stateless)) => Self::Stateless,
            _ => Self::Detect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_era_wins_over_a_known_one_and_an_unknown_one_is_detected() {
        let (legacy, stateless) = (Some(Era::Legacy), Some(Era::Stateless));
        for (lifecycle, known, plan) in [
            (Lifecycle::Auto, None, Plan::Detect),
            (Lifecycle::Auto, legacy, Plan::Legacy),
            (Lifecycle::Auto, stateless, Plan::Stateless),
            (Lifecycle::Legacy, stateless, Plan::Legacy),
            (Lifecycle::Stateless, legacy, Plan::Stateless),
        ] {
            assert_eq!(Plan::of(lifecycle, known), plan);
        }
    }
}
