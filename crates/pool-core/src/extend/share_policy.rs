//! Who shares the capacity of a pool with whom.

use std::{fmt, num::NonZeroU32, sync::Arc};

use crate::types::Principal;

/// Decides who shares the capacity of a pool with whom.
///
/// The policy names the [`Share`] of a principal, and the pool divides what it has among the shares
/// that need it: sessions under [`max_total_sessions`], keys under [`max_total_keys`]. The pool calls
/// the policy once for each new key, and never on the path of a hit.
///
/// ```
/// use std::num::NonZeroU32;
/// use mcp_pool_core::{Principal, extend::{Share, SharePolicy}};
///
/// /// Tenant `acme` has three times the capacity of any other.
/// struct Paid;
///
/// impl SharePolicy for Paid {
///     fn share(&self, principal: &Principal) -> Share {
///         let share = Share::of_tenant(principal);
///         match principal.tenant() {
///             Some("acme") => share.with_weight(NonZeroU32::new(3).unwrap()),
///             _ => share,
///         }
///     }
/// }
/// ```
///
/// [`max_total_keys`]: crate::config::LimitsConfig::max_total_keys
/// [`max_total_sessions`]: crate::config::LimitsConfig::max_total_sessions
pub trait SharePolicy: Send + Sync + 'static {
    /// The share of a principal. Equal principals have equal shares.
    fn share(&self, principal: &Principal) -> Share;
}

/// A part of a pool's capacity: its holder, and its weight among the others.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    pub(crate) holder: ShareHolder,
    pub(crate) weight: NonZeroU32,
}

/// The holder of a share.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum ShareHolder {
    /// Every principal.
    All,
    /// One principal.
    Principal(Principal),
    /// One tenant.
    Tenant(Arc<str>),
}

/// Every tenant has the same share, and so has each principal without a tenant. Inside a tenant its
/// principals are served in turn. The default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fair;

/// All principals have one share: they are served in the order of their arrival, and one that floods
/// the pool keeps all others out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fifo;

impl Share {
    /// The one share of all principals, in the order of their arrival.
    #[must_use]
    pub fn of_all() -> Self {
        Self::new(ShareHolder::All)
    }

    /// The share of this principal alone.
    #[must_use]
    pub fn of_principal(principal: &Principal) -> Self {
        Self::new(ShareHolder::Principal(principal.clone()))
    }

    /// The share of the principal's tenant; of the principal alone where it has none.
    #[must_use]
    pub fn of_tenant(principal: &Principal) -> Self {
        match principal.shared_tenant() {
            Some(tenant) => Self::new(ShareHolder::Tenant(Arc::clone(tenant))),
            None => Self::of_principal(principal),
        }
    }

    /// The weight of the share: one of weight 3 has three times the capacity of one of weight 1.
    /// Default: 1. The weight of the holder's first key counts.
    #[must_use]
    pub fn with_weight(mut self, weight: NonZeroU32) -> Self {
        self.weight = weight;
        self
    }

    fn new(holder: ShareHolder) -> Self {
        Self {
            holder,
            weight: NonZeroU32::MIN,
        }
    }
}

impl SharePolicy for Fair {
    fn share(&self, principal: &Principal) -> Share {
        Share::of_tenant(principal)
    }
}

impl SharePolicy for Fifo {
    fn share(&self, _: &Principal) -> Share {
        Share::of_all()
    }
}

impl<P: SharePolicy + ?Sized> SharePolicy for Arc<P> {
    fn share(&self, principal: &Principal) -> Share {
        (**self).share(principal)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = match &self.holder {
            ShareHolder::All => "all",
            ShareHolder::Principal(_) => "principal",
            ShareHolder::Tenant(_) => "tenant",
        };
        f.debug_struct("Share")
            .field("holder", &holder)
            .field("weight", &self.weight)
            .finish()
    }
}
