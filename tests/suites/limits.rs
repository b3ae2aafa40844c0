//! Sessions in use, idle and connecting stay within every limit, at every instant.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use mcp_pool_testkit::fake::{self, Behaviour, Remote};
use mcp_session_pool::{PoolConfig, SessionPool, error::FaultKind};

use crate::common::{close, pool_over, request};

const PER_KEY: usize = 3;
const IN_TOTAL: usize = 7;

/// What the callers and the fake server count while the crowd runs: an oracle that takes no figure
/// from the pool.
#[derive(Clone, Default)]
struct Oracle(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    /// Leases in the hands of callers, by user.
    leases: BTreeMap<String, usize>,
    /// The latest load of each user on the server, connects and open sessions.
    load: BTreeMap<String, (usize, usize)>,
    /// The most that was ever counted of a user and in total: leases and connects at any event,
    /// and sessions and connects at rest.
    at_events: Most,
    at_rest: Most,
    samples: usize,
}

#[derive(Debug, Default)]
struct Most {
    of_user: usize,
    in_total: usize,
}

impl Oracle {
    /// An oracle that takes a sample at every event of the fake server.
    fn of(remote: &Remote) -> Self {
        let oracle = Self::default();
        let listener = oracle.clone();
        remote.on_load(move |load| {
            let user = load.key.principal().user_id().expect("a user").to_owned();
            let mut counts = listener.lock();
            let loads = (load.connecting_of_key, load.open_of_key);
            counts.load.insert(user, loads);
            counts.sample_event();
        });
        oracle
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("not poisoned")
    }

    /// A caller has received a lease.
    fn leased(&self, user: &str) {
        let mut counts = self.lock();
        *counts.leases.entry(user.to_owned()).or_default() += 1;
        counts.sample_event();
    }

    /// A caller is about to return its lease: it must not count once the pool has it back.
    fn returning(&self, user: &str) {
        *self.lock().leases.get_mut(user).expect("a lease") -= 1;
    }

    /// Takes a sample at every odd millisecond of paused time.
    async fn watch(self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        loop {
            self.lock().sample_at_rest();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Asserts that no sample was above a limit, and that the limits were reached.
    fn assert_limits(&self, runtime: Runtime) {
        let counts = self.lock();
        println!(
            "{} samples, at events {:?}, at rest {:?}",
            counts.samples, counts.at_events, counts.at_rest
        );
        assert!(counts.samples > 100, "{}", counts.samples);
        for most in [&counts.at_events, &counts.at_rest] {
            assert!(most.of_user <= PER_KEY, "{most:?}");
            assert!(most.in_total <= IN_TOTAL, "{most:?}");
        }
        if runtime == Runtime::Paused {
            assert_eq!(counts.at_events.in_total, IN_TOTAL);
            assert_eq!(counts.at_rest.in_total, IN_TOTAL);
        }
    }
}

impl Counts {
    /// Each lease and each connect holds a permit, so their sum is exact at any instant. A session
    /// that is being closed holds none any more, and the server still has it open.
    fn sample_event(&mut self) {
        self.samples += 1;
        let leases = |user| self.leases.get(user).copied().unwrap_or_default();
        let users = self.load.iter();
        let used = users.map(|(user, (connecting, _))| connecting + leases(user));
        self.at_events.note(used.collect());
    }

    /// No close is under way at rest, so every open session counts.
    fn sample_at_rest(&mut self) {
        let loads = self.load.values();
        let used = loads.map(|(connecting, open)| connecting + open);
        self.at_rest.note(used.collect());
    }
}

impl Most {
    fn note(&mut self, by_user: Vec<usize>) {
        let of_user = by_user.iter().max().copied().unwrap_or_default();
        self.of_user = self.of_user.max(of_user);
        self.in_total = self.in_total.max(by_user.iter().sum());
    }
}

#[tokio::test]
async fn no_limit_is_ever_exceeded_while_connects_fail_and_callers_leave() {
    a_crowd_comes_and_goes(Runtime::OneThread).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_limit_is_ever_exceeded_on_several_threads() {
    a_crowd_comes_and_goes(Runtime::Threads).await;
}

/// On paused time every pause of the crowd is a multiple of 2 ms, and the samples are taken at odd
/// milliseconds: the clock moves only when no task can run, so nothing is under way at a sample.
#[tokio::test(start_paused = true)]
async fn at_rest_the_server_never_has_more_sessions_than_the_limits_allow() {
    a_crowd_comes_and_goes(Runtime::Paused).await;
}

/// Where the crowd runs.
#[derive(Clone, Copy, PartialEq)]
enum Runtime {
    OneThread,
    Paused,
    Threads,
}

impl Runtime {
    fn has_one_thread(self) -> bool {
        self != Self::Threads
    }

    /// The unit of every pause.
    fn step(self) -> Duration {
        match self {
            Self::Paused => Duration::from_millis(2),
            _ => Duration::from_micros(500),
        }
    }
}

/// A caller of the crowd.
#[derive(Clone)]
struct Caller {
    pool: SessionPool,
    remote: Remote,
    oracle: Oracle,
    runtime: Runtime,
}

impl Caller {
    async fn come_and_go(self, number: u64) {
        let user = format!("user-{}", number % 9);
        let me = request(fake::endpoint("a"), &user);
        let step = self.runtime.step();
        for round in 0..30 {
            self.disturb(number * 7 + round * 3);
            let timeout = step * ((number * 131 + round * 977) % 10) as u32;
            let acquire = tokio::time::timeout(timeout, self.pool.acquire(&me)).await;
            self.check_figures();
            let Ok(Ok(lease)) = acquire else { continue };
            self.oracle.leased(&user);
            if round % 4 == 0 {
                self.oracle.returning(&user);
                lease.discard();
            } else {
                tokio::time::sleep(step).await;
                self.oracle.returning(&user);
                drop(lease);
            }
            self.check_figures();
        }
    }

    fn disturb(&self, how: u64) {
        let (pool, remote) = (&self.pool, &self.remote);
        match how % 10 {
            0 => remote.on_connect(Behaviour::Slow(Duration::from_millis(2))),
            1 => remote.on_connect(Behaviour::Fail(FaultKind::Unreachable)),
            2 => remote.on_connect(Behaviour::Ok),
            3 => remote.end_sessions(),
            4 => drop(pool.drain()),
            _ => {}
        }
    }

    /// Checks the pool's own figures. Rows of several keys are of one instant only on one thread.
    fn check_figures(&self) {
        let stats = self.pool.stats();
        assert!(
            stats.total_sessions <= stats.max_total_sessions,
            "{stats:?}"
        );
        let mut all = 0;
        for row in stats.pools.values() {
            let sessions = row.available + row.active + row.connecting;
            assert!(sessions <= row.max, "{row:?}");
            all += row.available + row.active;
        }
        if self.runtime.has_one_thread() {
            assert!(stats.pool_key_count <= stats.max_total_keys, "{stats:?}");
            assert!(all <= stats.total_sessions, "{stats:?}");
        }
    }
}

async fn a_crowd_comes_and_goes(runtime: Runtime) {
    let (connector, remote) = fake::connector();
    let oracle = Oracle::of(&remote);
    let config = PoolConfig::default()
        .with_max_sessions_per_key(PER_KEY)
        .with_max_total_sessions(IN_TOTAL)
        .with_max_total_keys(5)
        .with_session_ttl(Duration::from_millis(20))
        .with_session_ttl_jitter(0.0)
        .with_circuit_breaker_threshold(1_000_000);
    let pool = pool_over(connector, config);
    let caller = Caller {
        pool: pool.clone(),
        remote: remote.clone(),
        oracle: oracle.clone(),
        runtime,
    };
    let crowd = (0..40).map(|number| tokio::spawn(caller.clone().come_and_go(number)));
    let crowd: Vec<_> = crowd.collect();
    let sampler = (runtime == Runtime::Paused).then(|| tokio::spawn(oracle.clone().watch()));
    for caller in crowd {
        caller.await.expect("no panic");
    }
    if let Some(sampler) = sampler {
        sampler.abort();
    }
    oracle.assert_limits(runtime);
    remote.on_connect(Behaviour::Ok);
    let me = request(fake::endpoint("a"), "afterwards");
    drop(pool.acquire(&me).await.expect("the pool still works"));
    close(&pool).await;
    assert_eq!(remote.open() + remote.connecting(), 0);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_least_recently_used_key_is_reclaimed() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_total_sessions(3);
    let pool = pool_over(connector, config);
    let of = |user: &str| request(fake::endpoint(user), user);
    for user in ["a", "b", "c", "a"] {
        drop(pool.acquire(&of(user)).await.expect("a session"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(pool.acquire(&of("d")).await.expect("a session"));
    assert_eq!(
        remote.open_at(&fake::endpoint("b")),
        0,
        "b was used the longest ago"
    );
    for user in ["a", "c", "d"] {
        assert_eq!(remote.open_at(&fake::endpoint(user)), 1, "{user}");
    }
    assert_eq!(pool.stats().evictions, 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_of_keys_an_unused_key_is_evicted() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_total_keys(2);
    let pool = pool_over(connector, config);
    for user in 0..10 {
        let me = request(fake::endpoint("a"), &format!("user-{user}"));
        drop(pool.acquire(&me).await.expect("a session"));
        assert!(pool.stats().pool_key_count <= 2);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(pool.stats().pool_keys_evicted, 8);
    assert_eq!(remote.open(), 2);
    close(&pool).await;
}
