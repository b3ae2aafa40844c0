//! The pools and clients that the rows measure, built once.

use std::{hint::black_box, sync::Arc};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use mcp_pool_core::{
    AcquireRequest, Endpoint, PoolBuilder, PoolConfig, PooledClient, Principal, SessionPool,
};
use tokio::runtime::{Builder, Runtime};

use super::{
    memory::MemoryConnector,
    peers::{ByHand, KeyedPools, Trivial},
    telemetry::Telemetry,
    tokens::Tokens,
    wire::Wire,
};
use crate::Result;

/// The pools and clients of the rows, on a runtime with two workers.
pub(super) struct Rig {
    pub(super) runtime: Runtime,
    caller: Caller,
    pool: SessionPool,
    /// Reused, so that its key is cached.
    request: AcquireRequest,
    pub(super) client: PooledClient,
    /// A client of a pool with metrics.
    observed: PooledClient,
    pub(super) telemetry: Telemetry,
    /// Clients of a pool of their own, one for each key.
    pub(super) clients: Arc<[PooledClient]>,
    pub(super) deadpool: deadpool::managed::Pool<Trivial>,
    pub(super) bb8: bb8::Pool<Trivial>,
    pub(super) keyed: KeyedPools,
    pub(super) by_hand: ByHand,
    pub(super) token: Vec<u8>,
    pub(super) tokens: Tokens,
    pub(super) wire: Wire,
}

/// The caller, as a gateway knows it before it builds a request.
struct Caller {
    endpoint: Endpoint,
    principal: Principal,
    headers: HeaderMap,
}

impl Rig {
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()?;
        let token = vec![b'x'; TOKEN_BYTES];
        let caller = Caller::new(&token)?;
        let entered = runtime.enter();
        let request = caller.request();
        let telemetry = runtime.block_on(Telemetry::new())?;
        let wire = runtime.block_on(Wire::new())?;
        let (pool, many_keys) = (builder().build()?, builder().build()?);
        let observed = builder().observer(telemetry.metrics.clone()).build()?;
        let observed = runtime.block_on(observed.client(request.clone()))?;
        let client = runtime.block_on(pool.client(request.clone()))?;
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for number in 0..KEYS {
                let principal = Principal::user(format!("user-{number}"));
                let request = AcquireRequest::new(caller.endpoint.clone(), principal);
                clients.push(many_keys.client(request).await?);
            }
            Result::<Vec<_>>::Ok(clients)
        })?;
        let bb8 = bb8::Pool::builder().max_size(SLOTS as u32).build(Trivial);
        let bb8 = runtime.block_on(bb8)?;
        drop(entered);
        Ok(Self {
            caller,
            observed,
            telemetry,
            pool,
            request,
            client,
            clients: clients.into(),
            deadpool: deadpool::managed::Pool::builder(Trivial)
                .max_size(SLOTS)
                .build()?,
            bb8,
            keyed: KeyedPools::new(KEYS, SLOTS)?,
            by_hand: ByHand::new(KEYS),
            token,
            tokens: Tokens::new()?,
            wire,
            runtime,
        })
    }
}

impl Rig {
    /// Acquires through the client and releases.
    pub(super) async fn by_client(&self) {
        drop(
            self.client
                .acquire()
                .await
                .expect("the server in memory is always there"),
        );
    }

    /// As [`by_client`](Self::by_client), with metrics.
    pub(super) async fn by_client_with_metrics(&self) {
        let lease = self.observed.acquire().await;
        drop(lease.expect("the server in memory is always there"));
    }

    /// Acquires through the client, uses the session and releases it.
    pub(super) async fn used(&self) {
        let lease = self.client.acquire().await;
        let lease = lease.expect("the server in memory is always there");
        drop(black_box(lease.peer().await));
    }

    /// As [`used`](Self::used), with metrics.
    pub(super) async fn used_with_metrics(&self) {
        let lease = self.observed.acquire().await;
        let lease = lease.expect("the server in memory is always there");
        drop(black_box(lease.peer().await));
    }

    /// Acquires with the request of a cached key and releases.
    pub(super) async fn by_request(&self) {
        let lease = self.pool.acquire(&self.request).await;
        drop(lease.expect("the server in memory is always there"));
    }

    /// Acquires with a new request and releases.
    pub(super) async fn by_headers(&self) {
        let lease = self.pool.acquire(&self.caller.request()).await;
        drop(lease.expect("the server in memory is always there"));
    }
}

impl Caller {
    fn new(token: &[u8]) -> Result<Self> {
        let mut value = b"Bearer ".to_vec();
        value.extend_from_slice(token);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(&value)?);
        Ok(Self {
            endpoint: Endpoint::new("http://localhost/mcp", MemoryConnector::transport())?,
            principal: Principal::user("alice"),
            headers,
        })
    }

    /// A request that no pool has resolved yet.
    fn request(&self) -> AcquireRequest {
        AcquireRequest::new(self.endpoint.clone(), self.principal.clone())
            .with_headers(self.headers.clone())
    }
}

fn builder() -> PoolBuilder {
    let config = PoolConfig::default()
        .with_max_sessions_per_key(SLOTS)
        .with_max_total_sessions(0);
    SessionPool::builder()
        .config(config)
        .connector(MemoryConnector)
}

const WORKERS: usize = 2;
pub(super) const SLOTS: usize = 10;
const KEYS: usize = 1_000;
const TOKEN_BYTES: usize = 800;
