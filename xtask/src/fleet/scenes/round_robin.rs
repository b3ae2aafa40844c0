//! One conversation over all replicas.

use std::collections::HashSet;

use futures::stream::{self, StreamExt};

use super::stage::{Caller, Stage};
use crate::fleet::report::{CALLS, Row};

/// Calls of one conversation over three replicas, 64 at the same time.
pub(super) async fn play(stage: &Stage, row: &mut Row) {
    let opened = stage.server.sessions_opened();
    let caller = Caller::talk("round-robin");
    let calls = stream::iter(0..CALLS).map(|number| {
        let replica = usize::try_from(number % 3).unwrap_or_default();
        stage.count(&stage.replicas[replica], &caller)
    });
    let counts: Vec<_> = calls.buffer_unordered(64).collect().await;
    let different: HashSet<_> = counts.iter().flatten().collect();
    let answered = counts.iter().flatten().count();
    stage.note_crossed((answered - different.len()) as u64);
    row.round_robin_count = different.into_iter().max().copied().unwrap_or_default();
    row.round_robin_sessions = (stage.server.sessions_opened() - opened) as u64;
}
