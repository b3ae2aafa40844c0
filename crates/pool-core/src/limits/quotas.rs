//! The quotas of a pool, by their holders.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    accounts::{Accounts, Known, account_of},
    shared::{Account, Grantee, LimitKind, Quota, Seat, Seats, SharedLimit},
};
use crate::{
    extend::{Share, ShareHolder},
    types::{Endpoint, PoolLimits, Principal, QuotaKind},
};

/// The quotas of a pool. There are none until one is set.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<ByHolder>);

#[derive(Default)]
struct ByHolder {
    quotas: Known<QuotaName, Quota>,
    accounts: Known<AccountName, Account>,
}

/// Whose quota it is, and of what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct QuotaName {
    kind: QuotaKind,
    holder: QuotaHolder,
}

/// Whose permits a quota counts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum QuotaHolder {
    /// Those of an endpoint, whatever its settings.
    Endpoint(Endpoint),
    Principal(Principal),
    Tenant(Arc<str>),
}

/// The holder of a share under a quota.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AccountName {
    quota: QuotaName,
    holder: ShareHolder,
}

/// The holders that a permit counts for, as far as quotas are concerned.
pub(crate) struct Owner<'o> {
    /// `None` for a session that all principals share.
    pub(crate) principal: Option<&'o Principal>,
    pub(crate) endpoint: &'o Endpoint,
}

impl Quotas {
    /// The places of an owner under its quotas of a limit. `None` where neither the pool nor the
    /// endpoint has one. An endpoint's own number counts from now on.
    pub(super) fn seats<K: Grantee>(
        &self,
        owner: &Owner<'_>,
        accounts: &Accounts,
        limit: &Arc<SharedLimit<K>>,
        limits: &PoolLimits,
    ) -> Option<Seats> {
        let own = own_number(owner.endpoint, limit.kind());
        if own.is_none() && !has_quotas(limit.kind(), limits) {
            return None;
        }
        let share = match owner.principal {
            Some(principal) => accounts.share(principal),
            None => accounts.share(&Principal::anonymous()),
        };
        let seats = owner.names(limit.kind()).map(|name| {
            let own = own.filter(|_| matches!(name.holder, QuotaHolder::Endpoint(_)));
            let seat = self.seat(name, &share, limits);
            if let Some(own) = own.map(|own| own.get() as usize)
                && seat.quota.set_own(own)
            {
                limit.set_quota(&seat.quota, own);
            }
            seat
        });
        Some(seats.collect())
    }

    /// Applies the own number of an endpoint that has changed, or the pool's where it has none now.
    pub(super) fn update<K: Grantee>(
        &self,
        endpoint: &Endpoint,
        limit: &Arc<SharedLimit<K>>,
        limits: &PoolLimits,
    ) {
        let holder = QuotaHolder::Endpoint(endpoint.plain());
        let kind = holder.kind(limit.kind());
        let quota = self.lock().quotas.get(&QuotaName { kind, holder });
        let own = own_number(endpoint, limit.kind());
        let own = own.map_or(0, |own| own.get() as usize);
        if let Some(quota) = quota
            && quota.set_own(own)
        {
            let max = quota.own().unwrap_or_else(|| limits.quota(kind));
            limit.set_quota(&quota, max);
        }
    }

    /// Every quota that is in use, with its holder.
    pub(crate) fn all(&self) -> Vec<(QuotaHolder, Arc<Quota>)> {
        let known = self.lock();
        let all = known.quotas.iter();
        all.map(|(name, quota)| (name.holder.clone(), quota))
            .collect()
    }

    fn seat(&self, name: QuotaName, share: &Share, limits: &PoolLimits) -> Seat {
        let mut known = self.lock();
        let max = limits.quota(name.kind);
        let new = || Quota::new(name.kind, max);
        let quota = known.quotas.get_or_insert(name.clone(), new);
        let account = AccountName {
            quota: name,
            holder: share.holder.clone(),
        };
        let account = known.accounts.get_or_insert(account, || account_of(share));
        Seat { quota, account }
    }

    fn lock(&self) -> MutexGuard<'_, ByHolder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner<'_> {
    /// The names of its quotas of a limit, the narrowest first: a crowd of one principal waits in the line of
    /// that, and not in those that others wait in, too.
    fn names(&self, limit: LimitKind) -> impl Iterator<Item = QuotaName> {
        let endpoint = QuotaHolder::Endpoint(self.endpoint.plain());
        let tenant = self.principal.and_then(Principal::shared_tenant);
        let tenant = tenant.map(|tenant| QuotaHolder::Tenant(Arc::clone(tenant)));
        let principal = self.principal.cloned().map(QuotaHolder::Principal);
        let holders = [principal, tenant, Some(endpoint)];
        holders.into_iter().flatten().map(move |holder| QuotaName {
            kind: holder.kind(limit),
            holder,
        })
    }
}

impl QuotaHolder {
    fn kind(&self, limit: LimitKind) -> QuotaKind {
        match (self, limit) {
            (Self::Endpoint(_), LimitKind::Calls) => QuotaKind::CallsPerEndpoint,
            (Self::Endpoint(_), _) => QuotaKind::SessionsPerEndpoint,
            (Self::Principal(_), LimitKind::Calls) => QuotaKind::CallsPerPrincipal,
            (Self::Principal(_), _) => QuotaKind::SessionsPerPrincipal,
            (Self::Tenant(_), LimitKind::Calls) => QuotaKind::CallsPerTenant,
            (Self::Tenant(_), _) => QuotaKind::SessionsPerTenant,
        }
    }
}

/// An endpoint's own number, if it has one.
fn own_number(endpoint: &Endpoint, limit: LimitKind) -> Option<NonZeroU32> {
    match limit {
        LimitKind::Calls => endpoint.max_calls(),
        LimitKind::Keys | LimitKind::Sessions => endpoint.max_sessions(),
    }
}

fn has_quotas(limit: LimitKind, limits: &PoolLimits) -> bool {
    let kinds = match limit {
        LimitKind::Calls => [
            QuotaKind::CallsPerEndpoint,
            QuotaKind::CallsPerPrincipal,
            QuotaKind::CallsPerTenant,
        ],
        LimitKind::Keys | LimitKind::Sessions => [
            QuotaKind::SessionsPerEndpoint,
            QuotaKind::SessionsPerPrincipal,
            QuotaKind::SessionsPerTenant,
        ],
    };
    kinds.iter().any(|kind| limits.quota(*kind) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LimitsConfig, extend::Fair, limits::calls::CallSeeker};

    #[test]
    fn a_caller_has_places_only_where_a_quota_of_what_it_seeks_is_set() {
        let accounts = Accounts::new(Arc::new(Fair));
        let principal = Principal::user("alice");
        let endpoint = Endpoint::streamable_http("http://127.0.0.1/mcp").expect("a URL");
        let owner = Owner {
            principal: Some(&principal),
            endpoint: &endpoint,
        };
        let has_seats = |kind, limits: PoolLimits| {
            let limit = SharedLimit::<CallSeeker>::new(kind, 0);
            let seats = Quotas::default().seats(&owner, &accounts, &limit, &limits);
            seats.is_some()
        };
        for quota in QuotaKind::ALL {
            for (kind, is_of_calls) in [(LimitKind::Calls, true), (LimitKind::Sessions, false)] {
                let limits = |max| LimitsConfig::default().pool_limits().with_quota(quota, max);
                let concerns = quota.is_of_calls() == is_of_calls;
                assert_eq!(has_seats(kind, limits(1)), concerns, "{quota}");
                assert_eq!(has_seats(kind, limits(2)), concerns, "{quota}");
                assert!(!has_seats(kind, limits(0)), "{quota}");
            }
        }
    }
}
