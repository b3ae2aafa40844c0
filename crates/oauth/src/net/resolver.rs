//! The names of hosts.

use std::io;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::address::Reach;

/// Resolves the names of hosts to the addresses that may be reached. A name cannot get around the
/// check of addresses, since the connection is made to what was checked.
pub(super) struct CheckedResolver(pub(super) Reach);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                let what = "no address that is allowed";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, what).into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_resolved_for_endpoints_on_it_alone() {
        for this_machine in [true, false] {
            let resolver = CheckedResolver(Reach {
                this_machine,
                private: true,
            });
            let name = "localhost".parse().unwrap();
            assert_eq!(resolver.resolve(name).await.is_ok(), this_machine);
        }
    }
}
