//! A cluster.

use redis::{
    Client, FromRedisValue, RedisResult, ScriptInvocation,
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
};
use tokio::sync::OnceCell;

use super::limits::TIMEOUT;

/// A cluster, which is connected with the first step. It follows its own slots afterwards.
pub(crate) struct Cluster {
    nodes: Vec<String>,
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

impl Cluster {
    /// # Errors
    /// [`redis::RedisError`]: a URL names no node.
    pub(super) fn new(nodes: Vec<String>) -> RedisResult<Self> {
        let client = ClusterClientBuilder::new(nodes.clone())
            .connection_timeout(TIMEOUT)
            .response_timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            nodes,
            client,
            connection: OnceCell::new(),
        })
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        let connect = || self.client.get_async_connection();
        let connection = self.connection.get_or_try_init(connect).await?;
        script.invoke_async(&mut connection.clone()).await
    }

    pub(super) fn node(&self) -> RedisResult<Client> {
        Client::open(self.nodes[0].as_str())
    }
}
