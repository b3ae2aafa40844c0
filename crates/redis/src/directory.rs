//! The directory in Redis.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::extend::{
    Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, Holding, Removal, Removed,
    ReplicaId, SealedSession, SessionDirectory, Sharing,
};
use redis::{FromRedisValue, ScriptInvocation};

use crate::{
    connection::{News, Source},
    error::{RedisFailure, failed},
    keys::LONGEST,
    reply::{self, Fields},
    scripts::Scripts,
};

/// A directory in a Redis or Valkey server, over one connection that is opened with the first step and
/// opened again when it breaks, and one for news. Cheap to clone.
#[derive(Clone)]
pub struct RedisDirectory {
    source: Source,
    prefix: Arc<str>,
    news: Arc<News>,
    scripts: Arc<Scripts>,
}

impl RedisDirectory {
    /// A directory in the server of this URL. The server need not be there yet. Called on a tokio
    /// runtime.
    ///
    /// - `redis://:password@redis.internal:6379/0`: one server; `rediss` for TLS (feature `rustls`).
    /// - `redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/service/0`: the master of a
    ///   service (feature `sentinel`). The credentials are those of the master.
    /// - `redis+cluster://:password@node-1:6379,node-2:6379`: a cluster (feature `cluster`). All keys
    ///   belong to one slot, so that the scripts stay atomic.
    ///
    /// # Errors
    /// [`RedisFailure`]: the URL names no server that can be used, or needs a feature.
    pub fn new(url: &str) -> Result<Self, RedisFailure> {
        let source = Source::of(url)?;
        let prefix = source.prefix(PREFIX);
        Ok(Self {
            news: News::of(source.clone(), &prefix),
            prefix: prefix.into(),
            scripts: Arc::new(Scripts::new()),
            source,
        })
    }

    /// The beginning of every key, to keep fleets in one server apart. Default: `mcp-pool:`, in a
    /// cluster `{mcp-pool:}`, since what is in braces selects the slot.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        let prefix = self.source.prefix(&prefix.into());
        self.news = News::of(self.source.clone(), &prefix);
        self.prefix = prefix.into();
        self
    }

    /// The index of the sessions of a key.
    fn index(&self, key: &FleetKey) -> String {
        format!("{}k:{}", self.prefix, key.to_hex())
    }

    fn hint_key(&self, upstream: &FleetKey) -> String {
        format!("{}h:{}", self.prefix, upstream.to_hex())
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, DirectoryError> {
        self.source
            .run(script)
            .await
            .map_err(|error| failed(&error))
    }

    async fn write(
        &self,
        holding: &Holding,
        sealed: &SealedSession,
        ttl: Duration,
        parked: bool,
    ) -> Result<(), DirectoryError> {
        let replica = holding.replica.to_hex();
        let mut script = self.scripts.record.key(self.index(&holding.key));
        script
            .arg(&*self.prefix)
            .arg(holding.session.to_hex())
            .arg(holding.fence.incarnation)
            .arg(holding.fence.number)
            .arg(millis(ttl))
            .arg(sealed.as_bytes())
            .arg(if parked { replica.as_str() } else { "" });
        let word: Vec<u8> = self.run(&script).await?;
        reply::recorded(&word)
    }
}

#[async_trait]
impl SessionDirectory for RedisDirectory {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, DirectoryError> {
        let mut script = self.scripts.claim.key(self.index(&request.key));
        script
            .arg(&*self.prefix)
            .arg(request.replica.to_hex())
            .arg(millis(request.lease))
            .arg(request.session.to_hex())
            .arg(millis(request.reserve_for))
            .arg(u8::from(request.sharing == Sharing::Shared))
            .arg(incarnation());
        for mark in &request.marks {
            script.arg(mark.to_hex());
        }
        let fields: Fields = self.run(&script).await?;
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
        let mut script = self.scripts.remove.key(self.index(&holding.key));
        script
            .arg(&*self.prefix)
            .arg(holding.session.to_hex())
            .arg(holding.fence.incarnation)
            .arg(holding.fence.number)
            .arg(holding.replica.to_hex())
            .arg(u8::from(removal == Removal::Own));
        let word: Vec<u8> = self.run(&script).await?;
        reply::removed(&word)
    }

    async fn beat(
        &self,
        replica: &ReplicaId,
        lease: Duration,
        seen: Option<u64>,
    ) -> Result<Beat, DirectoryError> {
        let mut script = self
            .scripts
            .beat
            .key(format!("{}r:{}", self.prefix, replica.to_hex()));
        script
            .arg(&*self.prefix)
            .arg(millis(lease))
            .arg(incarnation())
            .arg(seen.map(|seen| seen.to_string()).unwrap_or_default());
        let fields: Fields = self.run(&script).await?;
        reply::beat(&fields)
    }

    async fn revoke(&self, mark: &FleetMark) -> Result<(), DirectoryError> {
        let mark = mark.to_hex();
        let mut script = self.scripts.revoke.key(format!("{}g:{mark}", self.prefix));
        script
            .arg(&*self.prefix)
            .arg(&mark)
            .arg(millis(LONGEST))
            .arg(REVOCATIONS_KEPT);
        let word: Vec<u8> = self.run(&script).await?;
        reply::recorded(&word)
    }

    async fn news(&self) {
        self.news.next().await;
    }

    async fn hint(&self, upstream: &FleetKey) -> Result<Option<SealedSession>, DirectoryError> {
        let script = self.scripts.hint.key(self.hint_key(upstream));
        let hint: Option<Vec<u8>> = self.run(&script).await?;
        Ok(hint.map(SealedSession::from_bytes))
    }

    async fn leave_hint(
        &self,
        upstream: &FleetKey,
        hint: &SealedSession,
        ttl: Duration,
    ) -> Result<(), DirectoryError> {
        let mut script = self.scripts.leave_hint.key(self.hint_key(upstream));
        script.arg(hint.as_bytes()).arg(millis(ttl));
        let word: Vec<u8> = self.run(&script).await?;
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
/// A replica that misses more between two beats has been cut off for long.
const REVOCATIONS_KEPT: u64 = 100_000;
