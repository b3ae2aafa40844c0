//! The directory in Redis.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, Holding, Removal, Removed,
    ReplicaId, SealedSession, SessionDirectory, Sharing,
};
use redis::{
    Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::{
    error::{RedisFailure, failed},
    keys::LONGEST,
    reply::{self, Fields},
    scripts::Scripts,
};

/// A directory in one Redis or Valkey server, over one connection that is opened with the first step and
/// opened again when it breaks. Cheap to clone.
#[derive(Clone)]
pub struct RedisDirectory {
    connection: ConnectionManager,
    prefix: Arc<str>,
    scripts: Arc<Scripts>,
}

impl RedisDirectory {
    /// A directory in the server of this URL, such as `redis://:password@redis.internal:6379/0`. The
    /// server need not be there yet. Called on a tokio runtime.
    ///
    /// # Errors
    /// [`RedisFailure`]: the URL names no server that can be used.
    pub fn new(url: &str) -> Result<Self, RedisFailure> {
        let client = Client::open(url).map_err(|error| RedisFailure::of(&error))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(RETRIES)
            .set_max_delay(MAX_DELAY);
        let connection = ConnectionManager::new_lazy_with_config(client, config);
        Ok(Self {
            connection: connection.map_err(|error| RedisFailure::of(&error))?,
            prefix: PREFIX.into(),
            scripts: Arc::new(Scripts::new()),
        })
    }

    /// The beginning of every key, to keep fleets in one server apart. Default: `mcp-pool:`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The index of the sessions of a key.
    fn index(&self, key: &FleetKey) -> String {
        format!("{}k:{}", self.prefix, key.to_hex())
    }

    async fn write(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
        parked: bool,
    ) -> Result<(), DirectoryError> {
        let replica = holding.replica.to_hex();
        let word: Vec<u8> = self
            .scripts
            .record
            .key(self.index(&holding.key))
            .arg(&*self.prefix)
            .arg(holding.session.to_hex())
            .arg(holding.fence.incarnation)
            .arg(holding.fence.number)
            .arg(millis(ttl))
            .arg(sealed.as_bytes())
            .arg(if parked { replica.as_str() } else { "" })
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| failed(&error))?;
        reply::recorded(&word)
    }
}

#[async_trait]
impl SessionDirectory for RedisDirectory {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        let mut call = self.scripts.claim.key(self.index(&request.key));
        call.arg(&*self.prefix)
            .arg(request.replica.to_hex())
            .arg(millis(request.lease))
            .arg(request.session.to_hex())
            .arg(millis(request.reserve_for))
            .arg(u8::from(request.sharing == Sharing::Shared))
            .arg(incarnation());
        for mark in &request.marks {
            call.arg(mark.to_hex());
        }
        let fields: Fields = call
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| failed(&error))?;
        reply::claim(request, fields)
    }

    async fn record(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.write(holding, sealed, ttl, false).await
    }

    async fn park(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        self.write(holding, sealed, ttl, true).await
    }

    async fn remove(&self, holding: &Holding, removal: Removal) -> Result<Removed, DirectoryError> {
        let word: Vec<u8> = self
            .scripts
            .remove
            .key(self.index(&holding.key))
            .arg(&*self.prefix)
            .arg(holding.session.to_hex())
            .arg(holding.fence.incarnation)
            .arg(holding.fence.number)
            .arg(holding.replica.to_hex())
            .arg(u8::from(removal == Removal::Own))
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| failed(&error))?;
        reply::removed(&word)
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        let fields: Fields = self
            .scripts
            .beat
            .key(format!("{}r:{}", self.prefix, replica.to_hex()))
            .arg(&*self.prefix)
            .arg(millis(lease))
            .arg(incarnation())
            .arg(seen.map(|seen| seen.to_string()).unwrap_or_default())
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| failed(&error))?;
        reply::beat(&fields)
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        let mark = mark.to_hex();
        let word: Vec<u8> = self
            .scripts
            .revoke
            .key(format!("{}g:{mark}", self.prefix))
            .arg(&*self.prefix)
            .arg(&mark)
            .arg(millis(LONGEST))
            .arg(REVOCATIONS_KEPT)
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| failed(&error))?;
        reply::recorded(&word)
    }
}

impl fmt::Debug for RedisDirectory {
    /// Shows no address, which may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisDirectory")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A time for Redis, which takes no zero.
fn millis(time: Duration) -> u64 {
    let millis = time.min(LONGEST).as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX).max(1)
}

/// A number for a store that is empty. Zero stands for none.
fn incarnation() -> u64 {
    rand::random_range(1..=u64::MAX)
}

const PREFIX: &str = "mcp-pool:";
/// Of a connection, and of an answer. The pool itself waits for its budget alone.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Of a connect, before the next step begins another one.
const RETRIES: usize = 2;
const MAX_DELAY: Duration = Duration::from_millis(250);
/// A replica that misses more between two beats has been cut off for long.
const REVOCATIONS_KEPT: u64 = 100_000;
