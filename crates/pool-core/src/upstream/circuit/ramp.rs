//! The limit of connects to an endpoint that has just come back.

/// The limit of connects to an endpoint that has just come back: a few at first, twice as many with
/// each success, so that a crowd does not bring it down again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    allowed: u32,
    in_flight: u32,
}

impl Default for Ramp {
    fn default() -> Self {
        Self {
            allowed: FIRST,
            in_flight: 0,
        }
    }
}

impl Ramp {
    /// Begins one connect, if the limit allows it.
    pub(super) fn begin(&mut self) -> bool {
        let allowed = self.in_flight < self.allowed;
        self.in_flight += u32::from(allowed);
        allowed
    }

    /// Ends one connect. `true` once the limit is not needed any more.
    pub(super) fn end(&mut self, answered: bool) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        if answered {
            self.allowed = self.allowed.saturating_mul(2);
        }
        self.allowed >= ENOUGH
    }
}

const FIRST: u32 = 4;
const ENOUGH: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_doubles_with_each_success_and_then_ends() {
        let mut ramp = Ramp::default();
        let begun = (0..10).filter(|_| ramp.begin()).count();
        assert_eq!(begun, 4);
        assert!(!ramp.end(false));
        assert!(ramp.begin());
        assert!(!ramp.begin());
        let ends: Vec<bool> = (0..6).map(|_| ramp.end(true)).collect();
        assert_eq!(ends, [false, false, false, false, false, true]);
    }
}
