//! The quotas of a pool.

use std::fmt;

use serde::Serialize;

/// Defines the quotas from one table: variant, label and meaning.
macro_rules! quotas {
    ($($(#[$doc:meta])* $quota:ident => $label:literal, $error:literal, $text:literal;)*) => {
        /// What a quota counts, and for which kind of holder. A quota is off where its number is 0, and all are by
        /// default: [`LimitsConfig`](crate::config::LimitsConfig) has a number for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum QuotaKind {
            $($(#[$doc])* $quota,)*
        }

        impl QuotaKind {
            /// Every quota.
            pub const ALL: [Self; 6] = [$(Self::$quota,)*];

            /// A short word for labels and logs.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$quota => $label,)*
                }
            }

            /// True for a quota of calls in flight, false for one of sessions.
            #[must_use]
            pub fn is_of_calls(self) -> bool {
                matches!(
                    self,
                    Self::CallsPerEndpoint | Self::CallsPerPrincipal | Self::CallsPerTenant
                )
            }

            /// The label of an error at this quota.
            pub(crate) fn as_error(self) -> &'static str {
                match self {
                    $(Self::$quota => $error,)*
                }
            }
        }

        impl fmt::Display for QuotaKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$quota => $text,)*
                })
            }
        }
    };
}

quotas! {
    /// Leases that one principal holds.
    CallsPerPrincipal => "calls_per_principal", "quota_calls_per_principal", "the principal's calls";
    /// Leases that the principals of one tenant hold.
    CallsPerTenant => "calls_per_tenant", "quota_calls_per_tenant", "the tenant's calls";
    /// Leases on sessions of one endpoint.
    CallsPerEndpoint => "calls_per_endpoint", "quota_calls_per_endpoint", "the endpoint's calls";
    /// Sessions of one principal.
    SessionsPerPrincipal => "sessions_per_principal", "quota_sessions_per_principal", "the principal's sessions";
    /// Sessions of the principals of one tenant.
    SessionsPerTenant => "sessions_per_tenant", "quota_sessions_per_tenant", "the tenant's sessions";
    /// Sessions with one endpoint.
    SessionsPerEndpoint => "sessions_per_endpoint", "quota_sessions_per_endpoint", "the endpoint's sessions";
}
