//! The rows: each an operation that is done so many times.

use std::hint::black_box;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use mcp_pool_core::{
    AcquireRequest, Endpoint, Fleet, Lease, PoolBuilder, PoolConfig, PooledClient, Principal,
    SessionPool,
};
use mcp_pool_directory::{FleetSecret, InMemoryDirectory};
use tokio::task::yield_now;

use crate::{
    crowd::{Slots, crowd},
    still::Still,
};

/// The pools and clients of the rows.
pub(crate) struct Rig {
    pool: SessionPool,
    endpoint: Endpoint,
    headers: HeaderMap,
    request: AcquireRequest,
    client: PooledClient,
    /// A client of a pool that shares its sessions with other replicas.
    replica: PooledClient,
    deadpool: deadpool::managed::Pool<Still>,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let pool = builder().build().expect("a valid configuration");
        let secret = FleetSecret::new([1; 32], 1, [2; 32]);
        let fleet = Fleet::new(InMemoryDirectory::new(), secret);
        let replica = builder().fleet(fleet).build();
        let replica = replica.expect("a valid configuration");
        let endpoint = Endpoint::new("http://localhost/mcp", Still::transport());
        let endpoint = endpoint.expect("a valid url");
        let mut headers = HeaderMap::new();
        let token = format!("Bearer {}", "x".repeat(TOKEN_BYTES));
        headers.insert(
            AUTHORIZATION,
            HeaderValue::try_from(token).expect("a header value"),
        );
        let request = request(&endpoint, &headers);
        let client = pool.client(request.clone()).await.expect("a client");
        let replica = replica.client(request.clone()).await.expect("a client");
        let deadpool = deadpool::managed::Pool::builder(Still).max_size(SLOTS);
        Self {
            pool,
            endpoint,
            headers,
            request,
            client,
            replica,
            deadpool: deadpool.build().expect("a valid configuration"),
        }
    }

    /// Does the operation of a row `times` times. `false` where there is no such row.
    pub(crate) async fn run(self, row: &str, times: u64) -> bool {
        match row {
            "client" => by_client(&self.client, times).await,
            "client_of_a_replica" => by_client(&self.replica, times).await,
            "request" => self.by_request(times).await,
            "headers" => self.by_headers(times).await,
            "used" => self.used(times).await,
            "passed_on" => crowd(self.client, times).await,
            "deadpool" => self.deadpool(times).await,
            "deadpool_passed_on" => crowd(self.deadpool, times).await,
            _ => return false,
        }
        true
    }

    async fn by_request(&self, times: u64) {
        for number in 0..times {
            let_others_run(number).await;
            let lease = self.pool.acquire(&self.request).await;
            drop(black_box(lease.expect(IDLE)));
        }
    }

    /// With a request that no pool has resolved yet.
    async fn by_headers(&self, times: u64) {
        for number in 0..times {
            let_others_run(number).await;
            let request = request(&self.endpoint, &self.headers);
            let lease = self.pool.acquire(&request).await;
            drop(black_box(lease.expect(IDLE)));
        }
    }

    async fn used(&self, times: u64) {
        for number in 0..times {
            let_others_run(number).await;
            let lease = self.client.acquire().await.expect(IDLE);
            drop(black_box(lease.peer().await));
        }
    }

    async fn deadpool(&self, times: u64) {
        for number in 0..times {
            let_others_run(number).await;
            drop(black_box(self.deadpool.get().await.expect(IDLE)));
        }
    }
}

async fn by_client(client: &PooledClient, times: u64) {
    for number in 0..times {
        let_others_run(number).await;
        drop(black_box(client.acquire().await.expect(IDLE)));
    }
}

fn builder() -> PoolBuilder {
    let config = PoolConfig::default()
        .with_max_sessions_per_key(SLOTS)
        .with_max_total_sessions(0);
    SessionPool::builder().config(config).connector(Still)
}

/// Lets the pool's own task run now and then, as it does beside real callers: it moves the coarse clock on.
async fn let_others_run(number: u64) {
    if number.is_multiple_of(100) {
        yield_now().await;
    }
}

fn request(endpoint: &Endpoint, headers: &HeaderMap) -> AcquireRequest {
    AcquireRequest::new(endpoint.clone(), Principal::user("alice")).with_headers(headers.clone())
}

impl Slots for PooledClient {
    type Slot = Lease;

    async fn take(&self) -> Lease {
        self.acquire().await.expect(IDLE)
    }
}

impl Slots for deadpool::managed::Pool<Still> {
    type Slot = deadpool::managed::Object<Still>;

    async fn take(&self) -> Self::Slot {
        self.get().await.expect(IDLE)
    }
}

const IDLE: &str = "the server of no sessions is always there";
const SLOTS: usize = 10;
/// Of the token, without its scheme.
const TOKEN_BYTES: usize = 800;
