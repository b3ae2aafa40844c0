//! Steps on the server, wherever it is.

use redis::{
    Client, FromRedisValue, RedisResult, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

#[cfg(feature = "cluster")]
use super::cluster::Cluster;
#[cfg(feature = "sentinel")]
use super::sentinel::Sentinel;
use super::{
    address::Address,
    limits::{MAX_DELAY, RETRIES, TIMEOUT},
};
use crate::error::RedisFailure;

/// The server, or what leads to it. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Source {
    Server(Box<Server>),
    #[cfg(feature = "sentinel")]
    Sentinel(std::sync::Arc<Sentinel>),
    #[cfg(feature = "cluster")]
    Cluster(std::sync::Arc<Cluster>),
}

/// One server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
    manager: ConnectionManager,
}

impl Source {
    /// The server of this URL. Nothing is connected yet.
    ///
    /// # Errors
    /// [`RedisFailure`]: the URL names no server, or needs a feature of this crate.
    pub(crate) fn of(url: &str) -> Result<Self, RedisFailure> {
        match Address::read(url)? {
            Address::Server(url) => Self::of_server(&url),
            #[cfg(feature = "sentinel")]
            Address::Sentinel {
                sentinels,
                service,
                master,
            } => {
                let sentinel = Sentinel::new(sentinels, service, &master);
                let sentinel = sentinel.map_err(|error| RedisFailure::of(&error))?;
                Ok(Self::Sentinel(std::sync::Arc::new(sentinel)))
            }
            #[cfg(feature = "cluster")]
            Address::Cluster(nodes) => {
                let cluster = Cluster::new(nodes);
                let cluster = cluster.map_err(|error| RedisFailure::of(&error))?;
                Ok(Self::Cluster(std::sync::Arc::new(cluster)))
            }
            #[cfg(not(all(feature = "sentinel", feature = "cluster")))]
            _ => Err(RedisFailure::no_feature()),
        }
    }

    fn of_server(url: &str) -> Result<Self, RedisFailure> {
        let client = Client::open(url).map_err(|error| RedisFailure::of(&error))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(RETRIES)
            .set_max_delay(MAX_DELAY);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config);
        let manager = manager.map_err(|error| RedisFailure::of(&error))?;
        Ok(Self::Server(Box::new(Server { client, manager })))
    }

    /// The beginning of every key: in a cluster all of them belong to one slot, since a script may touch
    /// no other one.
    pub(crate) fn prefix(&self, prefix: &str) -> String {
        match self {
            #[cfg(feature = "cluster")]
            Self::Cluster(_) if !prefix.contains('{') => format!("{{{prefix}}}"),
            _ => prefix.to_owned(),
        }
    }

    /// Runs a script.
    ///
    /// # Errors
    /// [`redis::RedisError`].
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        match self {
            Self::Server(server) => script.invoke_async(&mut server.manager.clone()).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.run(script).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.run(script).await,
        }
    }

    /// A client of a server that tells the news of all.
    ///
    /// # Errors
    /// [`redis::RedisError`].
    pub(super) async fn listener(&self) -> RedisResult<Client> {
        match self {
            Self::Server(server) => Ok(server.client.clone()),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.master().await,
            // A cluster hands messages on to each of its nodes.
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.node(),
        }
    }
}
