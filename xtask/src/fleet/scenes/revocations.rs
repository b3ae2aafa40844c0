//! Revocations in the middle of claims.

use std::{collections::HashSet, time::Duration};

use tokio::time::sleep;

use super::stage::{Caller, Stage};
use crate::{
    Result,
    fleet::{
        processes::{Called, Job},
        report::{LEASE_MS, Row},
    },
};

/// Revokes a user at one replica while another one claims the session of the user's conversation. Counts
/// the calls on a session from before: at once at the replica that held none, and everywhere after the
/// next beat.
pub(super) async fn play(stage: &Stage, row: &mut Row) -> Result {
    for round in 0..ROUNDS {
        let user = format!("revoked-{round}");
        let talk = Caller::talk("revoked").of(&user);
        let [holder, claimer, revoker] = [0, 1, 2].map(|place| &stage.replicas[place]);
        for _ in 0..3 {
            stage.count(holder, &talk).await?;
        }
        let old = sessions_of(stage, &user, 0);
        let claim = async {
            sleep(Duration::from_micros(100 * round)).await;
            stage.count(claimer, &talk).await
        };
        let (_, revoked) = tokio::join!(claim, revoker.run(Job::Revoke(user.clone())));
        let Called::Answered(..) = revoked else {
            return Err(format!("not revoked: {revoked:?}").into());
        };
        let from = stage.server.seen().len();
        stage.count(revoker, &talk).await?;
        row.revoked_used += used(stage, &user, from, &old);
        row.revocations += 1;
    }
    // Each replica has beaten since, and closes what it held.
    sleep(Duration::from_millis(LEASE_MS)).await;
    for round in 0..ROUNDS {
        let user = format!("revoked-{round}");
        let talk = Caller::talk("revoked").of(&user);
        let before = stage.server.seen().len();
        let old = first_session(stage, &user);
        for replica in &stage.replicas {
            stage.count(replica, &talk).await?;
        }
        row.revoked_used += used(stage, &user, before, &old);
    }
    Ok(())
}

/// The sessions that calls of a user used since this request of the log.
fn sessions_of(stage: &Stage, user: &str, from: usize) -> HashSet<String> {
    sessions_in_order(stage, user, from).into_iter().collect()
}

/// The first session of a user.
fn first_session(stage: &Stage, user: &str) -> HashSet<String> {
    let sessions = sessions_in_order(stage, user, 0);
    sessions.into_iter().take(1).collect()
}

fn sessions_in_order(stage: &Stage, user: &str, from: usize) -> Vec<String> {
    let token = format!("Bearer {user}");
    let seen = stage.server.seen().split_off(from);
    let calls = seen.into_iter().filter(|it| {
        let is_users = it
            .headers
            .get("authorization")
            .is_some_and(|it| *it == token);
        is_users && it.method == "tools/call"
    });
    calls.filter_map(|it| it.session).collect()
}

/// How many of the old sessions calls used since this request of the log.
fn used(stage: &Stage, user: &str, from: usize, old: &HashSet<String>) -> u64 {
    let used = sessions_of(stage, user, from);
    used.intersection(old).count() as u64
}

const ROUNDS: u64 = 20;
