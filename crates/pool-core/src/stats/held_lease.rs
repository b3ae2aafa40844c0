//! A lease that is held.

use std::{panic::Location, time::Duration};

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::{
    acquire::{Held, HeldLeases},
    time::seconds,
    types::Fingerprint,
};

/// A lease that is held, in a pool that watches its leases
/// ([`lease_overdue_after`](crate::config::TimeoutsConfig::lease_overdue_after)).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HeldLease {
    /// The number of the lease, for [`SessionPool::end_lease`](crate::SessionPool::end_lease).
    pub number: u64,
    /// The key of its session, by its short name.
    pub fingerprint: Fingerprint,
    /// How long it is held, in seconds in serde.
    #[serde(serialize_with = "seconds")]
    pub held_for: Duration,
    /// Whether that is longer than the setting.
    pub is_overdue: bool,
    /// The line of code that took it.
    #[serde(serialize_with = "as_text")]
    pub site: &'static Location<'static>,
}

impl HeldLease {
    /// The leases that are held for the longest time.
    pub(crate) fn oldest(leases: &HeldLeases, most: usize, now: Instant) -> Vec<Self> {
        let of = |held: Held| {
            let session = held.session.upgrade()?;
            Some(Self {
                number: held.number,
                fingerprint: session.key.fingerprint(),
                held_for: now.saturating_duration_since(held.since),
                is_overdue: leases.is_overdue(held.since, now),
                site: held.site,
            })
        };
        leases.oldest(most).into_iter().filter_map(of).collect()
    }
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
