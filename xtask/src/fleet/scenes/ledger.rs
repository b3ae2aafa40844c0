//! The history of the run, as the upstream saw it.

use std::collections::{HashMap, HashSet};

use mcp_pool_testkit::server::CounterServer;

use super::stage::OWN;
use crate::fleet::report::Row;

/// Checks that no id was seen twice, and that every exclusive session had one holder at a time: the
/// requests of each process have ids of their own prefix, and once another process has sent one, no
/// earlier one sends any more.
pub(super) fn check(server: &CounterServer, row: &mut Row) {
    let seen = server.seen();
    let requests = seen.iter().filter_map(|seen| {
        seen.message.get("method")?;
        Some((seen, seen.message.get("id")?.as_str()?))
    });
    let mut ids = HashSet::new();
    let mut holders: HashMap<&str, Vec<&str>> = HashMap::new();
    for (seen, id) in requests {
        row.requests += 1;
        row.ids_seen_twice += u64::from(!ids.insert(id));
        let token = seen.headers.get("authorization");
        let token = token.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        if let (Some(session), Some((holder, _))) = (&seen.session, id.split_once('-'))
            && token.is_some_and(|it| it.starts_with(OWN))
        {
            let holders = holders.entry(session).or_default();
            row.holders_at_once += u64::from(is_back(holders, holder));
            if holders.last() != Some(&holder) {
                holders.push(holder);
            }
        }
    }
    row.claimed_sessions = holders.values().filter(|it| it.len() > 1).count() as u64;
}

/// True for a holder that had given the session up before.
fn is_back(holders: &[&str], holder: &str) -> bool {
    holders.last() != Some(&holder) && holders.contains(&holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_that_comes_back_is_found() {
        assert!(!is_back(&[], "a"));
        assert!(!is_back(&["a"], "a"));
        assert!(!is_back(&["a"], "b"));
        assert!(is_back(&["a", "b"], "a"));
        assert!(!is_back(&["a", "b"], "b"));
    }
}
