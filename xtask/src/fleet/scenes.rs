//! The scenes of a run.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::stream::{self, StreamExt};
use mcp_pool_testkit::server::{CounterServer, Modes};
use tokio::time::{Instant, sleep};

use super::{
    gateway::{Command, Options},
    redis::Redis,
    replica::{Called, Replica},
    report::{CALLS, LEASE_MS, Row},
};
use crate::Result;

const LEASE: Duration = Duration::from_millis(LEASE_MS);

/// A fleet of three replicas and what they call.
struct Stage {
    redis: Redis,
    server: CounterServer,
    replicas: Vec<Arc<Replica>>,
    crossed: u64,
}

/// Plays all scenes over one kind of upstream.
pub(super) async fn play(upstream: &'static str, modes: Modes, seconds: u64) -> Result<Row> {
    let redis = Redis::start().await?;
    let server = CounterServer::start_as(modes);
    let mut stage = Stage {
        redis,
        server,
        replicas: Vec::new(),
        crossed: 0,
    };
    for _ in 0..3 {
        stage.replicas.push(stage.start()?);
    }
    let [round_robin_count, round_robin_sessions] = stage.round_robin().await;
    let [failed, initializes] = stage.rolling().await?;
    let [doubled, recovery] = stage.kill_for(Duration::from_secs(seconds)).await?;
    let stopped_sent_late = stage.stop_holder().await?;
    let store_failed_hits = stage.break_store().await?;
    let ids_seen_twice = stage.ids_seen_twice();
    let crossed_answers = stage.crossed;
    for replica in &stage.replicas {
        replica.stop().await?;
    }
    Ok(Row {
        upstream,
        round_robin_count,
        round_robin_sessions,
        rolling_failed_calls: failed,
        rolling_initializes_after_first_round: initializes,
        killed_doubled: doubled,
        killed_recovery_ms: recovery,
        stopped_sent_late,
        store_failed_hits,
        crossed_answers,
        ids_seen_twice,
    })
}

impl Stage {
    fn start(&self) -> Result<Arc<Replica>> {
        Replica::start(&Options {
            redis: self.redis.url(),
            lease: LEASE_MS,
        })
    }

    fn command(&self, talk: Option<&str>, tool: &str, id: &str) -> Command {
        Command {
            number: 0,
            upstream: self.server.url(),
            user: "alice".to_owned(),
            talk: talk.map(str::to_owned),
            tool: tool.to_owned(),
            id: id.to_owned(),
        }
    }

    /// A call that adds one to the count of a session. Returns the count.
    async fn count(&self, replica: usize, talk: Option<&str>) -> std::result::Result<u64, String> {
        let called = self.replicas[replica].call(self.command(talk, "increment", ""));
        match called.await {
            Called::Answered(text) => text.parse().map_err(|_| text),
            other => Err(format!("{other:?}")),
        }
    }

    /// A call that the upstream records. Returns whether it was answered.
    async fn record(&self, replica: &Replica, talk: &str, id: &str) -> Recorded {
        match replica.call(self.command(Some(talk), "record", id)).await {
            Called::Answered(text) if text == id => Recorded::Answered,
            Called::Answered(_) => Recorded::Crossed,
            Called::Failed(_) => Recorded::Failed,
            Called::Cut => Recorded::Cut,
        }
    }

    /// Calls of one conversation over three replicas, 64 at the same time.
    async fn round_robin(&mut self) -> [u64; 2] {
        let opened = self.server.sessions_opened();
        let calls = stream::iter(0..CALLS).map(|number| {
            let replica = usize::try_from(number % 3).unwrap_or_default();
            self.count(replica, Some("round-robin"))
        });
        let counts: Vec<_> = calls.buffer_unordered(64).collect().await;
        let different: HashSet<_> = counts.iter().flatten().collect();
        let answered = counts.iter().flatten().count();
        let highest = different.iter().map(|count| **count).max();
        let crossed = (answered - different.len()) as u64;
        let sessions = (self.server.sessions_opened() - opened) as u64;
        self.crossed += crossed;
        [highest.unwrap_or_default(), sessions]
    }

    /// Ten rolling restarts of all replicas under load.
    async fn rolling(&mut self) -> Result<[u64; 2]> {
        let mut failed = 0;
        let mut initializes = 0;
        for round in 0..10 {
            let before = self.server.count("initialize");
            for place in 0..3 {
                let old = Arc::clone(&self.replicas[place]);
                self.replicas[place] = self.start()?;
                let calls = stream::iter(0..30).map(|number| {
                    let replica = Arc::clone(&self.replicas[number % 3]);
                    let id = format!("rolling-{round}-{place}-{number}");
                    let talk = format!("rolling-{}", number % 5);
                    let stage = &*self;
                    async move { stage.record(&replica, &talk, &id).await }
                });
                let calls = calls.buffer_unordered(8).collect::<Vec<_>>();
                let (calls, stopped) = tokio::join!(calls, old.stop());
                stopped?;
                failed += calls.iter().filter(|it| !it.is_answered()).count() as u64;
                self.note(&calls);
            }
            if round > 0 {
                initializes += (self.server.count("initialize") - before) as u64;
            }
        }
        Ok([failed, initializes])
    }

    /// Kills a replica every two seconds. Returns the calls that were executed more than once, and the
    /// longest recovery in milliseconds.
    async fn kill_for(&mut self, length: Duration) -> Result<[u64; 2]> {
        let began = Instant::now();
        let mut recovery = Duration::ZERO;
        let mut number = 0;
        while began.elapsed() < length {
            let victim = number % 3;
            let heir = (victim + 1) % 3;
            let talk = format!("killed-{}", number % 4);
            let calls = stream::iter(0..20).map(|call| {
                let id = format!("killed-{number}-{call}");
                let (stage, talk) = (&*self, talk.clone());
                async move { stage.record(&stage.replicas[call % 3], &talk, &id).await }
            });
            let calls = calls.buffer_unordered(8).collect::<Vec<_>>();
            let (calls, killed) = tokio::join!(calls, self.replicas[victim].kill());
            killed?;
            let killed = Instant::now();
            let mut attempt = 0;
            while killed.elapsed() < 2 * LEASE {
                let id = format!("recovery-{number}-{attempt}");
                if self
                    .record(&self.replicas[heir], &talk, &id)
                    .await
                    .is_answered()
                {
                    break;
                }
                attempt += 1;
            }
            recovery = recovery.max(killed.elapsed());
            self.note(&calls);
            self.replicas[victim] = self.start()?;
            sleep(Duration::from_secs(2).saturating_sub(killed.elapsed())).await;
            number += 1;
        }
        let executions = self.server.switches().executions();
        let doubled = executions.values().filter(|times| **times > 1).count();
        let recovery = u64::try_from(recovery.as_millis()).unwrap_or(u64::MAX);
        Ok([doubled as u64, recovery])
    }

    /// Stops the holder of an exclusive session for three leases. Returns how many calls it sends on that
    /// session after another replica has claimed it.
    async fn stop_holder(&mut self) -> Result<u64> {
        let (holder, heir) = (0, 1);
        let first = self.count(holder, None).await?;
        // Its record follows the call.
        sleep(LEASE / 3).await;
        self.replicas[holder].signal("STOP")?;
        sleep(LEASE * 3).await;
        let claimed = self.count(heir, None).await?;
        if claimed != first + 1 {
            return Err(format!("not claimed: {claimed} after {first}").into());
        }
        self.replicas[holder].signal("CONT")?;
        for _ in 0..5 {
            self.count(holder, None).await?;
        }
        Ok(self.count(heir, None).await? - claimed - 1)
    }

    /// Stops Redis, and replaces it by an empty one, under a conversation that one replica holds. Returns
    /// how many of its calls failed, besides the loss of a session whose holding became void.
    async fn break_store(&mut self) -> Result<u64> {
        let mut failed = 0;
        let talk = Some("store");
        self.count(0, talk).await?;
        self.redis.signal("STOP")?;
        let began = Instant::now();
        while began.elapsed() < LEASE * 2 {
            failed += u64::from(self.count(0, talk).await.is_err());
        }
        self.redis.signal("CONT")?;
        sleep(LEASE).await;
        failed += u64::from(self.count(0, talk).await.is_err());
        self.redis.replace().await?;
        sleep(LEASE).await;
        // The loss of the state is an error, once.
        let _ = self.count(0, talk).await;
        for _ in 0..10 {
            failed += u64::from(self.count(0, talk).await.is_err());
            failed += u64::from(self.count(1, talk).await.is_err());
        }
        Ok(failed)
    }

    fn note(&mut self, calls: &[Recorded]) {
        let crossed = calls.iter().filter(|it| matches!(it, Recorded::Crossed));
        self.crossed += crossed.count() as u64;
    }

    fn ids_seen_twice(&self) -> u64 {
        let mut seen: HashMap<String, u64> = HashMap::new();
        for request in self.server.seen() {
            let message = request.message;
            if message.get("method").is_some()
                && let Some(id) = message.get("id")
            {
                *seen.entry(id.to_string()).or_default() += 1;
            }
        }
        seen.values().filter(|times| **times > 1).count() as u64
    }
}

/// What became of a recorded call.
enum Recorded {
    Answered,
    /// The answer was that of another call.
    Crossed,
    Failed,
    Cut,
}

impl Recorded {
    fn is_answered(&self) -> bool {
        matches!(self, Self::Answered | Self::Crossed)
    }
}
