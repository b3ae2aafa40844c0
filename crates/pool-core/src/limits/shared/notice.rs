//! What is read of a limit without its lock.

use std::num::NonZeroU32;

use super::{
    super::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    account::{Account, LimitKind, Rival, Standing},
};

/// What is read of a limit without its lock. Written under the lock.
#[derive(Debug, Default)]
pub(super) struct Notice {
    /// How many permits are wanted back, also by quotas.
    wanted: AtomicUsize,
    /// How many permits are wanted back, of whichever holder.
    short: AtomicUsize,
    surplus: AtomicBool,
    /// The standing of the poorest that waits, packed.
    poorest: AtomicU64,
    /// How many seekers wait that have no permit at all.
    without_any: AtomicUsize,
    /// True while no key has anything idle to reclaim. Reset when no permit is wanted.
    exhausted: AtomicBool,
}

/// The state of a limit.
pub(super) struct Published {
    /// The length of the line and the surplus.
    pub(super) wanted: usize,
    /// How many permits are wanted back by the quotas under a limit.
    pub(super) wanted_by_quotas: usize,
    pub(super) has_surplus: bool,
    pub(super) poorest: Option<Standing>,
    pub(super) without_any: usize,
}

impl Notice {
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    pub(super) fn shortage(&self) -> usize {
        self.short.load(Ordering::Relaxed)
    }

    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed) > 0
    }

    #[inline]
    pub(super) fn has_surplus(&self) -> bool {
        self.surplus.load(Ordering::Relaxed)
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Acquire)
    }

    pub(super) fn set_exhausted(&self, is_exhausted: bool) {
        self.exhausted.store(is_exhausted, Ordering::Release);
    }

    /// True when a holder gives a permit that it could use itself to another one that waits.
    pub(super) fn is_yielded_by(
        &self,
        account: &Account,
        kind: LimitKind,
        is_turn_over: impl FnOnce() -> bool,
    ) -> bool {
        if !account.rotates {
            return false;
        }
        let Some(rival) = self.rival() else {
            return false;
        };
        let own = Standing {
            held: account.held(kind),
            weight: account.weight,
        };
        own.yields_to(rival, is_turn_over)
    }

    /// The poorest that waits.
    fn rival(&self) -> Option<Rival> {
        Some(Rival {
            standing: unpack(self.poorest.load(Ordering::Relaxed))?,
            has_none: self.without_any.load(Ordering::Relaxed) > 0,
        })
    }

    pub(super) fn publish(&self, state: Published) {
        let wanted = state.wanted + state.wanted_by_quotas;
        self.wanted.store(wanted, Ordering::Relaxed);
        self.short.store(state.wanted, Ordering::Relaxed);
        self.surplus.store(state.has_surplus, Ordering::Relaxed);
        let poorest = state.poorest.map_or(NOBODY, pack);
        self.poorest.store(poorest, Ordering::Relaxed);
        self.without_any.store(state.without_any, Ordering::Relaxed);
        if state.wanted == 0 {
            self.set_exhausted(false);
        }
    }
}

/// No standing: its weight would be zero.
const NOBODY: u64 = 0;

/// A standing in one word. More than four billion permits are as good as four billion.
fn pack(standing: Standing) -> u64 {
    let held = u32::try_from(standing.held).unwrap_or(u32::MAX);
    u64::from(held) << 32 | u64::from(standing.weight.get())
}

fn unpack(packed: u64) -> Option<Standing> {
    let weight = u32::try_from(packed & u64::from(u32::MAX)).ok()?;
    Some(Standing {
        held: usize::try_from(packed >> 32).ok()?,
        weight: NonZeroU32::new(weight)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_survives_its_word() {
        assert_eq!(unpack(NOBODY), None);
        for (held, weight) in [(0, 1), (1, 1), (4_096, 7), (u32::MAX as usize, u32::MAX)] {
            let weight = NonZeroU32::new(weight).unwrap();
            let standing = Standing { held, weight };
            assert_eq!(unpack(pack(standing)), Some(standing));
        }
    }
}
