//! The master of a service, by its sentinels.

use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult,
    ScriptInvocation, TlsMode,
    aio::MultiplexedConnection,
    sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
};
use tokio::sync::Mutex;

use super::limits::TIMEOUT;

/// The master of a service. The sentinels are queried with the first step, and after each failure: the
/// master may be another one then.
pub(crate) struct Sentinel {
    sentinels: Mutex<SentinelClient>,
    master: Mutex<Option<MultiplexedConnection>>,
}

impl Sentinel {
    /// # Errors
    /// [`RedisError`]: a URL names no server.
    pub(super) fn new(sentinels: Vec<String>, service: String, master: &str) -> RedisResult<Self> {
        let settings = master.into_connection_info()?;
        let node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(settings.redis_settings().clone());
        let node = match master.starts_with("rediss:") {
            true => node.set_tls_mode(TlsMode::Secure),
            false => node,
        };
        let master = SentinelServerType::Master;
        let client = SentinelClient::build(sentinels, service, Some(node), master)?;
        Ok(Self {
            sentinels: Mutex::new(client),
            master: Mutex::default(),
        })
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        let mut connection = self.connection().await?;
        let result = script.invoke_async(&mut connection).await;
        if result.as_ref().is_err_and(is_of_another_master) {
            *self.master.lock().await = None;
        }
        result
    }

    /// A client of the master that the sentinels name now.
    pub(super) async fn master(&self) -> RedisResult<Client> {
        self.sentinels.lock().await.async_get_client().await
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut master = self.master.lock().await;
        if let Some(connection) = master.as_ref() {
            return Ok(connection.clone());
        }
        let client = self.master().await?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        *master = Some(connection.clone());
        Ok(connection)
    }
}

/// True for an error after which the master may be another server: it is not reached, or takes no writes
/// any more.
fn is_of_another_master(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN"))
}
