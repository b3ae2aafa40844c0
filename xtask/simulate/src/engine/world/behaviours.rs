//! The behaviours of the server.

use std::time::Duration;

use http::HeaderMap;
use mcp_pool_core::error::{Challenge, FaultKind};
use mcp_pool_testkit::fake::Behaviour;

use super::super::numbers::Numbers;

/// A behaviour; half of them succeed at once.
pub(super) fn behaviour(numbers: &mut Numbers, fault: fn(&mut Numbers) -> FaultKind) -> Behaviour {
    match numbers.below(20) {
        0..10 => Behaviour::Ok,
        10..15 => Behaviour::Slow(numbers.millis(100)),
        15..18 => Behaviour::Fail(fault(numbers)),
        _ => Behaviour::Never,
    }
}

/// The fault of a connect.
pub(super) fn connect_fault(numbers: &mut Numbers) -> FaultKind {
    let retry_after = numbers.chance(50).then(|| Duration::from_millis(20));
    match numbers.below(7) {
        0 => FaultKind::Unauthorized(Challenge::from_headers(&HeaderMap::new())),
        1 => FaultKind::RateLimited { retry_after },
        2 => FaultKind::Server {
            status: 503,
            retry_after,
        },
        3 => FaultKind::Protocol,
        4 => FaultKind::Other,
        5 => FaultKind::Timeout,
        _ => FaultKind::Unreachable,
    }
}

/// The fault of a call.
pub(super) fn call_fault(numbers: &mut Numbers) -> FaultKind {
    match numbers.below(5) {
        0 | 1 => FaultKind::SessionGone,
        2 => FaultKind::Timeout,
        3 => FaultKind::RateLimited { retry_after: None },
        _ => FaultKind::Unreachable,
    }
}
