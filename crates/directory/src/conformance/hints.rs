//! Hints about upstreams. An engine that keeps none passes, too.

use mcp_pool_core::extend::{FleetKey, SealedSession, SessionDirectory};

use super::helpers::{LONG, SHORT, key, pass, sealed};

/// A hint is given byte for byte, to those who ask for its upstream, and no longer than it was left for.
pub async fn a_hint_comes_back_until_its_time_is_over(directory: &dyn SessionDirectory) {
    let (upstream, other) = (key(), key());
    assert_eq!(hint(directory, &upstream).await, None);
    if !keeps_hints(directory).await {
        return;
    }
    leave(directory, &upstream, "a \0 hint", LONG).await;
    assert_eq!(hint(directory, &upstream).await, Some(sealed("a \0 hint")));
    assert_eq!(hint(directory, &other).await, None);
    leave(directory, &other, "short", SHORT).await;
    pass().await;
    assert_eq!(hint(directory, &other).await, None);
    assert!(hint(directory, &upstream).await.is_some());
}

/// Of several hints about one upstream the last one is given.
pub async fn the_latest_hint_of_an_upstream_counts(directory: &dyn SessionDirectory) {
    if !keeps_hints(directory).await {
        return;
    }
    let upstream = key();
    leave(directory, &upstream, "first", LONG).await;
    leave(directory, &upstream, "second", LONG).await;
    assert_eq!(hint(directory, &upstream).await, Some(sealed("second")));
}

/// Hints are optional.
async fn keeps_hints(directory: &dyn SessionDirectory) -> bool {
    let upstream = key();
    leave(directory, &upstream, "any", LONG).await;
    hint(directory, &upstream).await.is_some()
}

async fn hint(directory: &dyn SessionDirectory, upstream: &FleetKey) -> Option<SealedSession> {
    directory.hint(upstream).await.expect("an answer")
}

async fn leave(
    directory: &dyn SessionDirectory,
    upstream: &FleetKey,
    text: &str,
    ttl: std::time::Duration,
) {
    let left = directory.leave_hint(upstream, &sealed(text), ttl).await;
    left.expect("a hint that is left");
}
