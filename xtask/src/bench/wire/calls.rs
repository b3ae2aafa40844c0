//! The time of a call, and its CPU time among many.

use std::sync::Arc;

use mcp_pool_core::{PooledClient, SessionPool};
use mcp_session_pool::StreamableHttpConnector;
use rmcp::{RoleClient, service::Peer};
use tokio::{runtime::Runtime, task::JoinSet, time::Instant};

use super::{
    figures::{Parts, WireFigures},
    form::Form,
    server::Server,
    sides::{CALLERS, ClientCpu, Held, call_held, call_pooled, client, hold, pool},
};
use crate::{Result, statistics::median};

/// Both sides of a form.
pub(super) struct Calls {
    form: Form,
    pooled: PooledClient,
    held: Held,
    _pool: SessionPool,
}

/// The way of a call. Cheap to clone, so that each task has its own.
#[derive(Clone)]
enum Way {
    Pooled(Box<PooledClient>),
    Held(Peer<RoleClient>),
}

impl Way {
    async fn call(&self) {
        match self {
            Self::Pooled(client) => call_pooled(client).await,
            Self::Held(held) => call_held(held).await,
        }
    }
}

impl Calls {
    pub(super) async fn new(
        server: &Server,
        form: Form,
        connector: &StreamableHttpConnector,
        http: &reqwest::Client,
    ) -> Result<Self> {
        let url = server.url(form);
        let own = pool(connector.clone())?;
        Ok(Self {
            form,
            pooled: client(&own, &form.endpoint(&url)?, 0).await?,
            held: hold(http, url, form, 0).await?,
            _pool: own,
        })
    }

    /// Times at least `calls` calls of each side.
    ///
    /// The sides alternate after a few calls, each as often first as second. A call runs on a task,
    /// as the calls of a gateway do.
    pub(super) fn time(&self, runtime: &Runtime, calls: u32, figures: &mut WireFigures) {
        let ways = self.ways();
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..calls.div_ceil(IN_A_ROW) as usize {
            for side in [turn % 2, 1 - turn % 2] {
                let row = runtime.spawn(row(ways[side].clone()));
                let row = runtime.block_on(row);
                times[side].extend(row.expect("a call does not panic"));
            }
        }
        let [pooled, held] = times.map(median);
        let (own, peer) = match self.form {
            Form::Json => (&mut figures.wire_json_us, &mut figures.wire_json_held_us),
            Form::Events => (
                &mut figures.wire_events_us,
                &mut figures.wire_events_held_us,
            ),
            Form::Stateless => (
                &mut figures.wire_stateless_us,
                &mut figures.wire_stateless_held_us,
            ),
        };
        (*own, *peer) = (pooled, held);
    }

    /// What a call of the pool and one of rmcp's client consist of.
    pub(super) fn parts(&self, server: &Server, runtime: &Runtime, calls: u32) -> [Parts; 2] {
        self.ways().map(|way| {
            runtime.block_on(way.call());
            let (client, server_cpu) = (ClientCpu::begin(server), server.cpu());
            let began = Instant::now();
            runtime.block_on(async {
                for _ in 0..calls {
                    way.call().await;
                }
            });
            let each = |us: f64| us / f64::from(calls);
            Parts {
                whole_us: each(began.elapsed().as_secs_f64() * 1e6),
                client_us: each(client.us()),
                server_us: each((server.cpu() - server_cpu).as_secs_f64() * 1e6),
            }
        })
    }

    /// Measures the CPU time of calls that 64 callers make at the same time, `turns` each.
    pub(super) fn crowd(
        &self,
        server: &Server,
        runtime: &Runtime,
        turns: u32,
        figures: &mut WireFigures,
    ) {
        let ways = self.ways();
        let (mut cpu, mut requests) = ([0.0; 2], 0);
        for side in [0, 1, 1, 0] {
            let (began, before) = (ClientCpu::begin(server), server.requests());
            runtime.block_on(crowd(&ways[side], turns));
            cpu[side] += began.us();
            if side == 0 {
                requests += server.requests() - before;
            }
        }
        let calls = 2.0 * CALLERS as f64 * f64::from(turns);
        figures.wire_crowd_cpu_us = cpu[0] / calls;
        figures.wire_crowd_cpu_held_us = cpu[1] / calls;
        figures.call_http_requests = requests as f64 / calls;
    }

    /// Opens the sessions that a crowd needs.
    pub(super) async fn warm(&self) {
        let mut leases = Vec::new();
        for _ in 0..CALLERS {
            leases.push(self.pooled.acquire().await);
        }
        drop(leases);
        for way in self.ways() {
            crowd(&way, 1).await;
        }
    }

    fn ways(&self) -> [Way; 2] {
        let held = Peer::clone(&self.held);
        [Way::Pooled(Box::new(self.pooled.clone())), Way::Held(held)]
    }
}

/// The time of each call of a row, in microseconds. The first call still feels the effects of
/// another way, and is left out.
async fn row(way: Way) -> Vec<f64> {
    let mut times = Vec::with_capacity(IN_A_ROW as usize);
    way.call().await;
    for _ in 0..IN_A_ROW {
        let began = Instant::now();
        way.call().await;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times
}

async fn crowd(way: &Way, turns: u32) {
    let way = Arc::new(way.clone());
    let mut tasks = JoinSet::new();
    for _ in 0..CALLERS {
        let way = Arc::clone(&way);
        tasks.spawn(async move {
            for _ in 0..turns {
                way.call().await;
            }
        });
    }
    tasks.join_all().await;
}

const IN_A_ROW: u32 = 10;
