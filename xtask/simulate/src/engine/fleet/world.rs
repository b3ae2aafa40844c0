//! A world of replicas.

use std::{collections::HashSet, time::Duration};

use mcp_pool_core::{AcquireRequest, EvictMode, Principal, Scope, Selector, SessionPool};
use mcp_pool_directory::InMemoryDirectory;
use rmcp::model::CallToolRequestParams;
use tokio::{
    task::JoinSet,
    time::{advance, sleep, timeout},
};

use super::{
    super::{numbers::Numbers, world::runtime},
    directory::{FailingDirectory, session_of},
    model::{FleetCounts, Model},
    replica::{LEASE, endpoint, name_of, pool},
};
use crate::Result;

/// Simulates the world of a seed. Returns its counts, and what was broken.
///
/// # Errors
/// The runtime or a pool cannot be built.
pub(in super::super) fn simulate(
    seed: u64,
    steps: u32,
) -> Result<(FleetCounts, Option<(&'static str, String)>)> {
    let runtime = runtime(seed)?;
    let model = runtime.block_on(async {
        let mut world = World::new(seed)?;
        for _ in 0..steps {
            world.step().await?;
            if world.model.lock().violation.is_some() {
                break;
            }
        }
        world.end().await;
        Result::Ok(world.model.clone())
    })?;
    let state = model.lock();
    let mut counts = state.counts;
    counts.worlds = 1;
    Ok((counts, state.violation.clone()))
}

struct World {
    numbers: Numbers,
    model: Model,
    store: InMemoryDirectory,
    replicas: Vec<(SessionPool, FailingDirectory)>,
    calls: JoinSet<()>,
    /// Of 100 steps of the directory, those that fail.
    percent: usize,
    /// True once a replica may have lost what it held without its knowledge.
    may_abandon: bool,
}

impl World {
    fn new(seed: u64) -> Result<Self> {
        let mut numbers = Numbers::new(seed, WORLD);
        let mut world = Self {
            percent: numbers.pick(&[0, 10, 40]),
            numbers,
            model: Model::default(),
            store: InMemoryDirectory::new(),
            replicas: Vec::new(),
            calls: JoinSet::new(),
            may_abandon: false,
        };
        // Several beats in a row may fail.
        world.may_abandon = world.percent > 0;
        for number in 0..REPLICAS {
            let replica = world.start(number)?;
            world.replicas.push(replica);
        }
        Ok(world)
    }

    fn start(&mut self, number: usize) -> Result<(SessionPool, FailingDirectory)> {
        let (store, model) = (self.store.clone(), self.model.clone());
        let seed = self.numbers.next();
        let directory = FailingDirectory::new(store, model, seed, self.percent);
        let pool = pool(number, &directory, &mut self.numbers)?;
        Ok((pool, directory))
    }

    async fn step(&mut self) -> Result {
        let replica = self.numbers.below(REPLICAS);
        match self.numbers.below(100) {
            0..55 => self.call(replica)?,
            55..75 => sleep(self.numbers.millis(120)).await,
            75..80 => self.revoke(replica).await,
            80..84 => {
                let selector = Selector::principal(&self.user());
                self.replicas[replica]
                    .0
                    .evict(&selector, EvictMode::Graceful);
            }
            84..90 => self.restart(replica).await?,
            90..94 => {
                let is_cut_off = self.numbers.chance(60);
                self.may_abandon |= is_cut_off;
                self.replicas[replica].1.cut_off(is_cut_off);
            }
            94..97 => self.forget(),
            _ => {
                // Every process is stopped for a while.
                self.may_abandon = true;
                advance(self.numbers.millis(1_500)).await;
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Begins a call at a replica.
    fn call(&mut self, replica: usize) -> Result {
        let mut request = AcquireRequest::new(endpoint()?, self.user());
        if self.numbers.chance(50) {
            let talk = self.numbers.pick(&["one", "two"]);
            request = request.with_scope(Scope::conversation(talk));
        }
        let pool = self.replicas[replica].0.clone();
        let model = self.model.clone();
        self.calls.spawn(async move {
            let began = model.lock().next();
            let Ok(client) = pool.client(request).await else {
                return;
            };
            let arguments = serde_json::json!({ "began": began });
            let arguments = arguments.as_object().cloned().unwrap_or_default();
            let params = CallToolRequestParams::new("tool").with_arguments(arguments);
            let _ = client.call_tool(params).await;
        });
        Ok(())
    }

    async fn revoke(&mut self, replica: usize) {
        let user = self.user();
        let name = name_of(&user);
        let (pool, _) = &self.replicas[replica];
        let old = self.model.lock().sessions_of(&name);
        pool.revoke_everywhere(&Selector::principal(&user)).await;
        let mut model = self.model.lock();
        model.counts.revocations += 1;
        model.revoke_at(replica, &old);
    }

    /// Closes a replica, and starts one in its place.
    async fn restart(&mut self, replica: usize) -> Result {
        let new = self.start(replica)?;
        let (old, _) = std::mem::replace(&mut self.replicas[replica], new);
        old.close(Duration::from_millis(300)).await;
        self.model.lock().begin(replica);
        Ok(())
    }

    /// Has the server forget a session.
    fn forget(&mut self) {
        let mut model = self.model.lock();
        let count = model.sessions.len();
        if count > 0 {
            let forgotten = self.numbers.below(count);
            model.sessions[forgotten].is_open = false;
        }
    }

    /// Lets everything come to rest, closes the replicas, and looks for sessions that are lost.
    async fn end(&mut self) {
        for (_, directory) in &self.replicas {
            directory.heal();
        }
        let calls = &mut self.calls;
        let ended = async { while calls.join_next().await.is_some() {} };
        if timeout(LONGEST_CALL, ended).await.is_err() {
            let detail = format!("{} calls have not ended in time", self.calls.len());
            self.model.lock().violate("stranded", detail);
            self.calls.abort_all();
        }
        sleep(LEASE * 4).await;
        for (pool, _) in &self.replicas {
            pool.close(Duration::from_secs(5)).await;
        }
        sleep(LEASE * 2).await;
        let records = self.store.sealed();
        let recorded = records.iter().filter_map(|(key, it)| session_of(key, it));
        let recorded: HashSet<usize> = recorded.collect();
        let mut model = self.model.lock();
        let sessions = model.sessions.iter().enumerate();
        let lost = sessions.filter(|(number, it)| it.is_open && !recorded.contains(number));
        let lost: Vec<usize> = lost.map(|(number, _)| number).collect();
        if !lost.is_empty() && !self.may_abandon {
            model.violate("leaked", format!("sessions {lost:?}"));
        }
    }

    fn user(&mut self) -> Principal {
        Principal::user(self.numbers.pick(&["alice", "bob", "carol"]))
    }
}

/// Longer than all the time limits of a call.
const LONGEST_CALL: Duration = Duration::from_secs(10);
const REPLICAS: usize = 3;
const WORLD: u64 = 11;
