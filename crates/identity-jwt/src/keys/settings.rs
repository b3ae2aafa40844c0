//! Settings of a key set behind a URL.

use std::time::Duration;

/// How a key set behind a URL is fetched and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwksSettings {
    /// Age at which the next use refreshes the set in the background. A
    /// withdrawn key is accepted for at most this long. Default: 10 minutes.
    pub refresh_every: Duration,
    /// Time between two fetches that unknown keys cause. It keeps garbage from
    /// becoming load on the issuer. Zero: no limit but one fetch at a time.
    ///
    /// It is also the longest pause between failed fetches; the first pauses
    /// are 1, 2, 4, … seconds. Default: 30 seconds, which is also about the
    /// time in which a rotation of keys may go unnoticed.
    pub cooldown: Duration,
    /// How long beyond `refresh_every` the keys are used while the source is
    /// down. Default: 1 hour.
    pub keep_stale: Duration,
    /// The longest time of a fetch. Default: 5 seconds.
    pub timeout: Duration,
    /// The longest answer in bytes. Default: 1 MiB; real sets have a few KiB.
    pub max_bytes: usize,
}

impl Default for JwksSettings {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_secs(600),
            cooldown: Duration::from_secs(30),
            keep_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            max_bytes: 1 << 20,
        }
    }
}
