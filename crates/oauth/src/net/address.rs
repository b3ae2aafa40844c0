//! Which addresses are reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::OAuthError;

/// Which addresses may be reached for an endpoint.
///
/// The URLs come from servers, so that a server could have the gateway reach into its own network
/// (SSRF): private addresses are reached where the configuration allows it, those of this machine where
/// the endpoint itself is on this machine, and reserved ones never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) this_machine: bool,
    pub(crate) private: bool,
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Public,
    Private,
    ThisMachine,
    Reserved,
}

impl Reach {
    /// The reach for an endpoint.
    pub(crate) fn of(endpoint: &Url, private: bool) -> Self {
        Self {
            this_machine: is_this_machine(endpoint),
            private,
        }
    }

    /// Checks a URL before any request: its scheme, and its host where that is an address.
    pub(crate) fn check(self, url: &Url) -> Result<(), OAuthError> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        let refused = || OAuthError::AddressNotAllowed { host: host() };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused());
        }
        match url.scheme() {
            "https" => {}
            "http" if self.this_machine && is_this_machine(url) => {}
            "http" => return Err(OAuthError::NotSecure { host: host() }),
            _ => return Err(refused()),
        }
        let is_allowed = match url.host() {
            Some(Host::Ipv4(address)) => self.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allows(address.into()),
            Some(Host::Domain(_)) => self.this_machine || !is_this_machine(url),
            None => false,
        };
        is_allowed.then_some(()).ok_or_else(refused)
    }

    /// Whether an address may be reached.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match place(address) {
            Place::Public => true,
            Place::Private => self.private,
            Place::ThisMachine => self.this_machine,
            Place::Reserved => false,
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => place(address.into()) == Place::ThisMachine,
        None => false,
    }
}

fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

fn place_v4(address: Ipv4Addr) -> Place {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, _, _) => Place::ThisMachine,
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Place::Private,
        // This network, link local (metadata services of clouds), protocol assignments,
        // documentation, benchmarks, multicast and later.
        (0, _, _)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224.., _, _) => Place::Reserved,
        _ => Place::Public,
    }
}

fn place_v6(address: Ipv6Addr) -> Place {
    if let Some(inner) = embedded(address) {
        return place_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::ThisMachine,
        [0xfc00..=0xfdff, ..] => Place::Private,
        // Global unicast is 2000::/3; documentation and Teredo are in it.
        [0x2001, 0 | 0xdb8, ..] => Place::Reserved,
        [0x2000..=0x3fff, ..] => Place::Public,
        _ => Place::Reserved,
    }
}

/// The IPv4 address inside of one that is mapped, translated (NAT64) or tunnelled (6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(of(high, low))
        }
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, this_machine: bool, private: bool) -> bool {
        let reach = Reach {
            this_machine,
            private,
        };
        reach.check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn public_hosts_are_reached_by_https_alone() {
        for url in [
            "https://as.example.com/token",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
        ] {
            assert!(check(url, false, false), "{url}");
        }
        for url in [
            "http://as.example.com/token",
            "http://8.8.8.8/",
            "ftp://as.example.com/",
            "https://user@as.example.com/",
            "https://user:secret@as.example.com/",
            "javascript:alert(1)",
        ] {
            for private in [false, true] {
                assert!(!check(url, true, private), "{url}");
            }
        }
    }

    #[test]
    fn private_addresses_are_reached_where_the_configuration_allows_it() {
        for url in [
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[2002:a00:1::]/",
        ] {
            assert!(!check(url, false, false), "{url}");
            assert!(!check(url, true, false), "{url}");
            assert!(check(url, false, true), "{url}");
        }
    }

    #[test]
    fn this_machine_is_reached_for_endpoints_on_it_alone() {
        for url in [
            "http://localhost:80/",
            "http://a.localhost./",
            "http://127.0.0.1/",
            "https://127.9.9.9/",
            "http://[::1]/",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert!(check(url, true, false), "{url}");
            assert!(!check(url, false, true), "{url}");
        }
    }

    #[test]
    fn reserved_addresses_are_never_reached() {
        for url in [
            "https://169.254.169.254/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://198.18.0.1/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://[::]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2001::1]/",
        ] {
            assert!(!check(url, true, true), "{url}");
        }
    }
}
