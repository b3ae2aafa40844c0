//! The hosts by which the router is reached.

use http::{HeaderMap, Uri, header::HOST, uri::Authority};

/// The hosts by which the router is reached.
#[derive(Clone, Debug)]
pub(crate) struct Hosts(Vec<String>);

impl Default for Hosts {
    fn default() -> Self {
        Self::new(LOOPBACK.map(str::to_owned))
    }
}

impl Hosts {
    pub(crate) fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase());
        Self(hosts.collect())
    }

    /// Whether a request names a host of these and no other one: in its one `Host`, in the authority of
    /// its URI, or in both.
    pub(super) fn allow(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let of_uri = uri.authority().map(Authority::as_str);
        let mut named: Vec<_> = of_uri.map(str::as_bytes).into_iter().collect();
        let of_headers = headers.get_all(HOST);
        if of_headers.iter().count() > 1 {
            return false;
        }
        named.extend(of_headers.iter().map(|host| host.as_bytes()));
        !named.is_empty() && named.iter().all(|host| self.contains(host))
    }

    fn contains(&self, host: &[u8]) -> bool {
        let Ok(authority) = Authority::try_from(host) else {
            return false;
        };
        // A user part names no host.
        if authority.as_str().contains('@') {
            return false;
        }
        let whole = authority.as_str().to_ascii_lowercase();
        let name = authority.host().to_ascii_lowercase();
        self.0.iter().any(|known| *known == whole || *known == name)
    }
}

/// The names of this machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &Hosts, uri: &str, named: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in named {
            headers.append(HOST, host.parse().unwrap());
        }
        hosts.allow(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn loopback_names_are_allowed_with_any_port_and_nothing_that_resembles_them() {
        let hosts = Hosts::default();
        for host in [
            "localhost",
            "LocalHost:81",
            "127.0.0.1",
            "127.0.0.1:9",
            "[::1]",
            "[::1]:8",
        ] {
            assert!(allowed(&hosts, "/pool", &[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil.example@localhost",
            "localhost.",
            "127.0.0.2",
            "127.1",
            "[::1",
            "[::2]",
            "localhost:80, evil.example",
        ] {
            assert!(!allowed(&hosts, "/pool", &[host]), "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host_and_its_uri_no_other_one() {
        let hosts = Hosts::default();
        assert!(!allowed(&hosts, "/pool", &[]));
        assert!(!allowed(&hosts, "/pool", &["localhost", "localhost"]));
        assert!(allowed(&hosts, "http://localhost/pool", &[]));
        assert!(allowed(&hosts, "http://localhost/pool", &["localhost"]));
        assert!(!allowed(&hosts, "http://evil.example/pool", &["localhost"]));
        assert!(!allowed(&hosts, "http://localhost/pool", &["evil.example"]));
    }

    #[test]
    fn configured_hosts_replace_those_of_loopback_and_a_port_is_that_port() {
        let hosts = Hosts::new(["Pool.example".to_owned(), "10.0.0.7:9090".to_owned()]);
        for host in ["pool.example", "pool.example:1", "10.0.0.7:9090"] {
            assert!(allowed(&hosts, "/pool", &[host]), "{host}");
        }
        for host in ["localhost", "10.0.0.7", "10.0.0.7:9091", "a.pool.example"] {
            assert!(!allowed(&hosts, "/pool", &[host]), "{host}");
        }
    }
}
