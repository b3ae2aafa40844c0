//! The URLs of servers.

use crate::error::RedisFailure;

/// Where the server is found.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// One server, by its URL.
    Server(String),
    /// The master of a service, whose sentinels have these URLs.
    Sentinel {
        sentinels: Vec<String>,
        service: String,
        /// A URL with the credentials and the database of the master, and any host.
        master: String,
    },
    /// A cluster with nodes of these URLs.
    Cluster(Vec<String>),
}

impl Address {
    /// Reads `redis://…`, `redis+sentinel://host,host/service/0` or `redis+cluster://host,host`, with
    /// `rediss` for TLS. Credentials are those of the servers.
    ///
    /// # Errors
    /// [`RedisFailure`]: the URL names no service or no host.
    pub(super) fn read(url: &str) -> Result<Self, RedisFailure> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(RedisFailure::no_server());
        };
        let (scheme, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match place.rsplit_once('@') {
            Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
            None => (String::new(), place),
        };
        let of_hosts = |credentials: &str| {
            let urls = hosts.split(',').filter(|host| !host.is_empty());
            let urls = urls.map(|host| format!("{scheme}://{credentials}{host}"));
            urls.collect::<Vec<_>>()
        };
        let address = match kind {
            "" => Self::Server(url.to_owned()),
            "cluster" => Self::Cluster(of_hosts(&credentials)),
            "sentinel" => {
                let (service, database) = path.split_once('/').unwrap_or((path, "0"));
                Self::Sentinel {
                    sentinels: of_hosts(""),
                    service: service.to_owned(),
                    master: format!("{scheme}://{credentials}master/{database}"),
                }
            }
            _ => return Err(RedisFailure::no_server()),
        };
        match address.is_complete() {
            true => Ok(address),
            false => Err(RedisFailure::no_server()),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Server(_) => true,
            Self::Sentinel {
                sentinels, service, ..
            } => !sentinels.is_empty() && !service.is_empty(),
            Self::Cluster(nodes) => !nodes.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn a_url_names_a_server_a_service_or_a_cluster() {
        let read = |url| Address::read(url).ok();
        let url = "redis://user:pass@host:1/2";
        assert!(read(url) == Some(Address::Server(url.to_owned())));
        let sentinel = read("rediss+sentinel://user:pass@a:1,b:2/service/3");
        let expected = Address::Sentinel {
            sentinels: texts(&["rediss://a:1", "rediss://b:2"]),
            service: "service".to_owned(),
            master: "rediss://user:pass@master/3".to_owned(),
        };
        assert!(sentinel == Some(expected));
        let cluster = read("redis+cluster://:pass@a:1,b");
        let nodes = texts(&["redis://:pass@a:1", "redis://:pass@b"]);
        assert!(cluster == Some(Address::Cluster(nodes)));
    }

    #[test]
    fn a_url_without_a_service_or_a_host_is_refused() {
        for url in [
            "",
            "host",
            "redis+other://host",
            "redis+sentinel://host",
            "redis+sentinel:///service",
            "redis+cluster://",
            "redis+cluster://user@,",
        ] {
            assert!(Address::read(url).is_err(), "{url}");
        }
    }
}
