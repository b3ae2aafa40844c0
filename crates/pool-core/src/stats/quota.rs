//! The state of each quota.

use std::cmp::Reverse;

use serde::Serialize;

use crate::{
    acquire::Acquirer,
    limits::{Quota, QuotaHolder},
    types::{Fingerprint, QuotaKind},
};

/// The state of a quota of one principal, tenant or endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QuotaStats {
    /// What it counts, and for which kind of holder.
    pub quota: QuotaKind,
    /// Whose it is: the endpoint without its query, or a fingerprint of the principal or the tenant.
    pub holder: String,
    /// Sessions, connecting ones included, or calls in flight.
    pub used: usize,
    /// How many of them there may be.
    pub limit: usize,
    /// Keys that wait for one more session, or callers that wait until they may call.
    pub waiting: usize,
}

impl QuotaStats {
    /// The quotas that are in use and limited, `most` at most: those that the most wait for first, then
    /// the fullest.
    pub(crate) fn fullest(pool: &Acquirer, most: usize) -> Vec<Self> {
        let quotas = pool.services.capacity.quotas.all().into_iter();
        let limited = quotas.filter(|(_, quota)| quota.max() > 0);
        let mut rows: Vec<_> = limited
            .map(|(holder, quota)| Self::of(&holder, &quota))
            .collect();
        rows.sort_by_cached_key(|row| {
            let fullness = row.used.saturating_mul(FULL) / row.limit;
            (
                Reverse((row.waiting, fullness)),
                row.quota,
                row.holder.clone(),
            )
        });
        rows.truncate(most);
        rows
    }

    fn of(holder: &QuotaHolder, quota: &Quota) -> Self {
        Self {
            quota: quota.kind,
            holder: match holder {
                QuotaHolder::Endpoint(endpoint) => endpoint.to_string(),
                QuotaHolder::Principal(principal) => format!("{principal:?}"),
                QuotaHolder::Tenant(tenant) => {
                    let print = Fingerprint::of("tenant", tenant.as_bytes());
                    format!("Tenant({print})")
                }
            },
            used: quota.held(),
            limit: quota.max().max(1),
            waiting: quota.waiting(),
        }
    }
}

/// The unit in which quotas are compared.
const FULL: usize = 1_000;
