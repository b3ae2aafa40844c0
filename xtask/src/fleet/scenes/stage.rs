//! A fleet of three replicas and what they call.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mcp_pool_testkit::server::{CounterServer, Modes};

use crate::{
    Result,
    fleet::{
        processes::{Call, Called, FalseClock, GatewayOptions, Job, Redis, Replica},
        report::LEASE_MS,
    },
};

/// A fleet of three replicas and what they call.
pub(super) struct Stage {
    pub(super) redis: Redis,
    pub(super) server: CounterServer,
    pub(super) replicas: Vec<Arc<Replica>>,
    crossed: AtomicU64,
}

/// Whose call it is.
#[derive(Clone)]
pub(super) struct Caller {
    user: String,
    talk: Option<String>,
}

impl Caller {
    /// A user in a conversation.
    pub(super) fn talk(name: impl Into<String>) -> Self {
        Self {
            user: "alice".to_owned(),
            talk: Some(name.into()),
        }
    }

    /// A user without a conversation, whose session is one replica's at a time.
    pub(super) fn own(name: impl std::fmt::Display) -> Self {
        Self {
            user: format!("{OWN}{name}"),
            talk: None,
        }
    }

    /// The same conversation of another user.
    pub(super) fn of(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }
}

/// What the tokens of users begin with whose sessions are exclusive.
pub(super) const OWN: &str = "own-";

/// What became of a recorded call.
pub(super) enum Recorded {
    Answered,
    Failed,
    Cut,
    Unsent,
}

impl Stage {
    pub(super) async fn set(modes: Modes) -> Result<Self> {
        let mut stage = Self {
            redis: Redis::start().await?,
            server: CounterServer::start_as(modes),
            replicas: Vec::new(),
            crossed: AtomicU64::new(0),
        };
        for _ in 0..3 {
            stage.replicas.push(stage.start()?);
        }
        Ok(stage)
    }

    pub(super) async fn end(&self) -> Result {
        for replica in &self.replicas {
            replica.stop().await?;
        }
        Ok(())
    }

    /// What a replica of the fleet is started with.
    pub(super) fn options(&self) -> GatewayOptions {
        GatewayOptions {
            redis: Some(self.redis.url()),
            lease: LEASE_MS,
            // The machine of a test has fewer processors than processes.
            budget: 250,
        }
    }

    pub(super) fn start(&self) -> Result<Arc<Replica>> {
        Replica::start(&self.options(), None)
    }

    pub(super) fn start_with(&self, clock: &FalseClock) -> Result<Arc<Replica>> {
        Replica::start(&self.options(), Some(clock))
    }

    pub(super) fn job(&self, caller: &Caller, tool: &str, id: &str) -> Job {
        Job::Call(Call {
            upstream: self.server.url(),
            user: caller.user.clone(),
            talk: caller.talk.clone(),
            tool: tool.to_owned(),
            id: id.to_owned(),
        })
    }

    /// A call that adds one to the count of a session. Returns the count.
    pub(super) async fn count(
        &self,
        replica: &Replica,
        caller: &Caller,
    ) -> std::result::Result<u64, String> {
        match replica.run(self.job(caller, "increment", "")).await {
            Called::Answered(text, _) => text.parse().map_err(|_| text),
            Called::Failed(error) => Err(error),
            other => Err(format!("{other:?}")),
        }
    }

    /// A call that the upstream records.
    pub(super) async fn record(&self, replica: &Replica, caller: &Caller, id: &str) -> Recorded {
        match replica.run(self.job(caller, "record", id)).await {
            Called::Answered(text, _) => {
                self.note_crossed(u64::from(text != id));
                Recorded::Answered
            }
            Called::Failed(_) => Recorded::Failed,
            Called::Cut => Recorded::Cut,
            Called::Unsent => Recorded::Unsent,
        }
    }

    /// Notes answers that were those of another call.
    pub(super) fn note_crossed(&self, answers: u64) {
        self.crossed.fetch_add(answers, Ordering::Relaxed);
    }

    pub(super) fn crossed(&self) -> u64 {
        self.crossed.load(Ordering::Relaxed)
    }
}

/// A duration in milliseconds.
pub(super) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
