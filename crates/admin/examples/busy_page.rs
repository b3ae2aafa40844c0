//! The live page of a pool with 10,000 keys under load, over a fake transport.
//!
//! ```console
//! cargo run --package mcp-pool-admin --example busy_page
//! ```

use std::{error::Error, time::Duration};

use mcp_pool_admin::{Admin, Recorder};
use mcp_pool_core::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool, TransportKind, error::FaultKind,
    rmcp::model::CallToolRequestParams,
};
use mcp_pool_testkit::fake::{self, Behaviour};
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (connector, remote) = fake::connector();
    let down = TransportKind::new("down");
    let (unreachable, nowhere) = fake::connector_of(down.clone());
    remote.on_call(Behaviour::Slow(Duration::from_millis(8)));
    nowhere.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let recorder = Recorder::new();
    let pool = SessionPool::builder()
        .config(config())
        .connector(connector)
        .connector(unreachable)
        .observer(recorder.clone())
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    for user in 0..USERS {
        drop(pool.acquire(&request(user)).await?);
    }
    for caller in 0..CALLERS {
        tokio::spawn(call(pool.clone(), caller));
    }
    tokio::spawn(crowd(pool.clone()));
    let endpoint = Endpoint::new("http://down.test/mcp?key=not-shown", down)?;
    tokio::spawn(keep_failing(pool.clone(), endpoint.with_gateway("billing")));

    println!("http://{address}/pool");
    let router = Admin::new(&pool, &recorder).router();
    axum::serve(listener, router).await?;
    Ok(())
}

fn config() -> PoolConfig {
    PoolConfig::default()
        .with_name("busy")
        .with_max_sessions_per_key(2)
        .with_max_total_keys(0)
        .with_max_total_sessions(0)
        .with_circuit_breaker_threshold(2)
}

fn request(user: usize) -> AcquireRequest {
    let server = ["crm", "files", "mail", "search"][user % 4];
    AcquireRequest::new(
        fake::endpoint(server),
        Principal::user(format!("user-{user}")),
    )
}

/// Calls for one user after the other. Now and then a session is replaced.
async fn call(pool: SessionPool, caller: usize) {
    for number in 0.. {
        let user = (caller * 7_919 + number * 31) % USERS;
        if let Ok(client) = pool.client(request(user)).await {
            let _ = client.call_tool(CallToolRequestParams::new("count")).await;
        }
        if number % 400 == 399
            && let Ok(lease) = pool.acquire(&request(user)).await
        {
            lease.discard();
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Has six callers share the two sessions of one user.
async fn crowd(pool: SessionPool) {
    let waits = (0..6).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            loop {
                if let Ok(lease) = pool.acquire(&request(USERS)).await {
                    sleep(Duration::from_millis(700)).await;
                    drop(lease);
                }
            }
        })
    });
    for wait in waits.collect::<Vec<_>>() {
        let _ = wait.await;
    }
}

async fn keep_failing(pool: SessionPool, endpoint: Endpoint) {
    let request = AcquireRequest::new(endpoint, Principal::user("dave"));
    loop {
        let _ = pool.acquire(&request).await;
        sleep(Duration::from_millis(500)).await;
    }
}

const USERS: usize = 10_000;
const CALLERS: usize = 20;
