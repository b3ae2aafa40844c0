//! Whether the cookies of a server go with its sessions.

use super::endpoint::Endpoint;

impl Endpoint {
    /// Declares that the cookies which the server sets are no logins, such as the route of a load
    /// balancer, so that they go with a session to the other replicas of a [`Fleet`](crate::Fleet), in
    /// its sealed record or [handle](crate::SessionHandle). Default: not declared, and a session whose
    /// server has set a cookie stays with its replica. Endpoints that differ in this alone share
    /// sessions.
    #[must_use]
    pub fn with_shareable_cookies(self) -> Self {
        self.change(|inner| inner.shares_cookies = true)
    }

    /// Whether the cookies of the server were declared to be no logins.
    #[must_use]
    pub fn has_shareable_cookies(&self) -> bool {
        self.inner().shares_cookies
    }
}
