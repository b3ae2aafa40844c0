//! What this process needs.

use std::time::Duration;

use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use crate::Result;

/// What this process needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    pub(crate) tasks: usize,
    pub(crate) fds: usize,
    pub(crate) rss_kb: u64,
}

impl Resources {
    /// What is needed once closed connections are gone: when it is as little as before, or a while has
    /// passed.
    pub(crate) async fn settled(before: Option<&Self>) -> Result<Self> {
        let end = Instant::now() + SETTLED;
        loop {
            let now = Self::now()?;
            let is_back = before.is_some_and(|it| now.tasks <= it.tasks && now.fds <= it.fds);
            if is_back || Instant::now() > end {
                return Ok(now);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What is needed now.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub(crate) fn now() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|rss| rss.split_whitespace().next());
        Ok(Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            fds: std::fs::read_dir("/proc/self/fd")?.count(),
            rss_kb: rss.ok_or("no VmRSS")?.parse()?,
        })
    }
}

/// Twice as long as an unused connection is kept: the HTTP client looks for such ones once in that time.
const SETTLED: Duration = Duration::from_secs(10);
