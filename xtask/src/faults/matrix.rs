//! The cells of the matrix.

use std::time::Duration;

use mcp_pool_testkit::{Fault, Wire};
use mcp_session_pool::config::Lifecycle;

use super::{
    cell::Cell,
    kinds::{Class, Place, ScopeKind},
    rig::MAX_BYTES,
};

/// Every cell.
pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (wire, era) in TRANSPORTS {
        for (fault, place) in strikes() {
            for scope in [ScopeKind::Identity, ScopeKind::Conversation] {
                for slots in [1, 4] {
                    for class in [Class::Change, Class::Read] {
                        cells.push(Cell {
                            fault: fault.clone(),
                            place,
                            wire,
                            era,
                            scope,
                            slots,
                            class,
                        });
                    }
                }
            }
        }
    }
    cells
}

/// HTTP+SSE is older than the era without sessions.
const TRANSPORTS: [(Wire, Lifecycle); 5] = [
    (Wire::Json, Lifecycle::Legacy),
    (Wire::Json, Lifecycle::Stateless),
    (Wire::Events, Lifecycle::Legacy),
    (Wire::Events, Lifecycle::Stateless),
    (Wire::Sse, Lifecycle::Legacy),
];

/// Each fault with each place where it can strike.
fn strikes() -> Vec<(Fault, Place)> {
    let faults = faults();
    let places = [Place::Call, Place::Opening];
    let all = places.map(|place| faults.iter().map(move |fault| (fault.clone(), place)));
    all.into_iter().flatten().collect()
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![
        Fault::Refuse(DOWN),
        Fault::SlowAccept(DOWN),
        Fault::Restart {
            down: DOWN,
            keeps_sessions: true,
        },
        Fault::Restart {
            down: DOWN,
            keeps_sessions: false,
        },
        Fault::SessionsForgotten,
        Fault::HalfOpen,
        Fault::Stopped(DOWN),
        Fault::ClosedBefore,
        Fault::ResetBefore,
        Fault::Slow(Duration::from_millis(150)),
        // Longer than a call and its session's opening may take.
        Fault::Late(Duration::from_millis(800)),
        Fault::HangAfterHeaders,
        Fault::ClosedInBody,
        Fault::ResetInBody,
        Fault::ResetAfterBody,
        Fault::ReplyLost,
        Fault::ByteAtATime(Duration::from_micros(100)),
        Fault::Oversized(2 * MAX_BYTES),
        Fault::Garbage,
        Fault::WrongId,
        Fault::Duplicate,
        Fault::Stray,
        Fault::WrongContentType,
        Fault::Flood(1_000),
        Fault::RequestFlood(100),
    ];
    faults.extend(certificates());
    faults.extend(BEFORE.map(Fault::Status));
    faults.extend(AFTER.map(Fault::StatusAfter));
    for status in [301, 302, 307, 308] {
        for elsewhere in [false, true] {
            faults.push(Fault::Redirect { status, elsewhere });
        }
    }
    faults
}

/// The faults of servers over TLS.
fn certificates() -> [Fault; 3] {
    [
        Fault::RenewedCertificate,
        Fault::UntrustedCertificate(DOWN),
        Fault::ExpiredCertificate(DOWN),
    ]
}

const DOWN: Duration = Duration::from_millis(200);
/// Statuses of servers that execute nothing.
const BEFORE: [u16; 15] = [
    400, 401, 403, 404, 405, 407, 408, 409, 410, 421, 429, 431, 500, 502, 503,
];
/// Statuses of proxies that lost their server, or of frameworks that fail after the work.
const AFTER: [u16; 8] = [400, 404, 408, 429, 500, 502, 503, 504];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cell_has_a_name_of_its_own() {
        let cells = cells();
        let names: BTreeSet<String> = cells.iter().map(Cell::name).collect();
        assert_eq!(names.len(), cells.len());
    }
}
